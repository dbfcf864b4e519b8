"""Names in generated code, and how they lead back to those of the wire."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from codegen import naming


@pytest.mark.parametrize(
    ("convert", "names"),
    [
        (
            naming.method_name,
            {
                "DescribeImages": "describe_images",
                "GetDownloadUrlForLayer": "get_download_url_for_layer",
            },
        ),
        (
            naming.member_name,
            {
                "repositoryName": "repository_name",
                "Key": "key",
                "kmsError": "kms_error",
                "registryIds": "registry_ids",
            },
        ),
        (
            naming.class_name,
            {
                "ListImagesResponse": "ListImagesResult",
                "ListImagesRequest": "ListImagesRequest",
                "ResponseHeader": "ResponseHeader",
                "LifecyclePolicyPreviewResult": "LifecyclePolicyPreviewResult",
            },
        ),
        (
            naming.enum_member,
            {
                "KMS_DSSE": "KMS_DSSE",
                "AES256": "AES256",
                "ImageNotFound": "IMAGE_NOT_FOUND",
                "docker-hub": "DOCKER_HUB",
                "ecr": "ECR",
                "a.b c": "A_B_C",
                "-x-": "X",
                "2xx": "VALUE_2XX",
                "*": "VALUE_",
            },
        ),
    ],
)
def test_names(convert: Callable[[str], str], names: dict[str, str]) -> None:
    """Names of methods, members, classes and constants follow from those of the model."""
    assert {value: convert(value) for value in names} == names


@pytest.mark.parametrize(
    ("name", "sent"),
    [*((each, each) for each in ("tag", "lastByteReceived", "cvss3Score")), ("Key", "key")],
)
def test_way_back_to_the_wire(name: str, sent: str) -> None:
    """A name in the service's usual style is restored, but an initial capital is not."""
    assert naming.wire_name(naming.member_name(name)) == sent


def test_every_wire_name_of_the_model_is_kept(pinned_model: str) -> None:
    """For each member of each request, the client sends the name that the model gives."""
    import attrs

    from codegen.model import read
    from ecr_client import models
    from ecr_client._shapes import wire_name

    service = read().service
    shapes = [service.operation_model(name).input_shape for name in service.operation_names]
    sent = {
        shape.name: {wire_name(field) for field in attrs.fields(getattr(models, shape.name))}
        for shape in shapes
    }

    assert sent == {shape.name: set(shape.members) for shape in shapes}


@pytest.mark.parametrize("wire_name", ["class", "From", "repository-name", "2nd"])
def test_invalid_names(wire_name: str) -> None:
    """A keyword or an invalid name stops the generator, with a hint where to fix it."""
    with pytest.raises(ValueError, match=r"codegen/naming\.py"):
        naming.member_name(wire_name)
