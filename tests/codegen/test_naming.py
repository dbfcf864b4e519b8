from __future__ import annotations

import pytest

from codegen import naming


@pytest.mark.parametrize(
    ("operation", "method"),
    [
        ("DescribeImages", "describe_images"),
        ("GetDownloadUrlForLayer", "get_download_url_for_layer"),
        ("BatchGetImage", "batch_get_image"),
        ("ListTagsForResource", "list_tags_for_resource"),
    ],
)
def test_method_names(operation: str, method: str) -> None:
    """A method is named after its operation, in lower case with underscores."""
    assert naming.method_name(operation) == method


@pytest.mark.parametrize(
    ("wire_name", "member"),
    [
        ("repositoryName", "repository_name"),
        ("nextToken", "next_token"),
        ("Key", "key"),
        ("kmsError", "kms_error"),
        ("registryIds", "registry_ids"),
        ("vulnerabilityId", "vulnerability_id"),
    ],
)
def test_member_names(wire_name: str, member: str) -> None:
    """A member is named after its name on the wire, in lower case with underscores."""
    assert naming.member_name(wire_name) == member


@pytest.mark.parametrize("wire_name", ["tag", "repositoryName", "lastByteReceived", "cvss3Score"])
def test_way_back_to_the_wire(wire_name: str) -> None:
    """A name that follows the service's habit comes back from Python's name as it was."""
    assert naming.wire_name(naming.member_name(wire_name)) == wire_name


def test_name_that_needs_metadata() -> None:
    """A name that begins with a capital does not come back, which tells that it must be noted."""
    assert naming.wire_name(naming.member_name("Key")) == "key"


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


@pytest.mark.parametrize(
    ("shape", "name"),
    [
        ("ListImagesResponse", "ListImagesResult"),
        ("ListImagesRequest", "ListImagesRequest"),
        ("ResponseHeader", "ResponseHeader"),
        ("LifecyclePolicyPreviewResult", "LifecyclePolicyPreviewResult"),
    ],
)
def test_class_names(shape: str, name: str) -> None:
    """A class has the model's name, but results end in Result."""
    assert naming.class_name(shape) == name


@pytest.mark.parametrize(
    ("value", "name"),
    [
        ("ACTIVE", "ACTIVE"),
        ("KMS_DSSE", "KMS_DSSE"),
        ("AES256", "AES256"),
        ("ImageNotFound", "IMAGE_NOT_FOUND"),
        ("docker-hub", "DOCKER_HUB"),
        ("CREATE_ON_PUSH", "CREATE_ON_PUSH"),
        ("ecr", "ECR"),
        ("a.b c", "A_B_C"),
        ("-x-", "X"),
        ("2xx", "VALUE_2XX"),
        ("*", "VALUE_"),
    ],
)
def test_enum_members(value: str, name: str) -> None:
    """Any text becomes the name of a constant, in capitals with underscores."""
    assert naming.enum_member(value) == name


@pytest.mark.parametrize("wire_name", ["class", "From", "repository-name", "2nd"])
def test_name_that_python_cannot_have(wire_name: str) -> None:
    """A name that is a keyword, or no name at all, stops the generator and says where to help."""
    with pytest.raises(ValueError, match=r"codegen/naming\.py"):
        naming.member_name(wire_name)
