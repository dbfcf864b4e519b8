"""Matchers for members of an expected request, which has to be complete when it is sent."""

from __future__ import annotations

import functools
import re
import typing
from collections.abc import Iterator
from typing import Any
from unittest.mock import ANY, MagicMock, Mock

import attrs
import pytest

from ecr_client import ECRClient
from ecr_client._engine.codec import structure_writer
from ecr_client._engine.values import Mismatch
from ecr_client._shapes import Structure, type_parts
from ecr_client.exceptions import ParamValidationException
from ecr_client.models import (
    DescribeImagesRequest,
    ImageIdentifier,
    PutImageRequest,
    PutReplicationConfigurationRequest,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    UploadLayerPartRequest,
)
from ecr_client.operations import OPERATIONS
from ecr_client.testing import ECRStub, StubAssertionError, matching

MANIFEST = '{"layers": []}'
IMAGES = (ImageIdentifier(image_tag="1.0"), ImageIdentifier(image_digest="sha256:0"))


class Beginning:
    """Equals all strings with a prefix, like the matchers of several packages."""

    def __init__(self, beginning: str) -> None:
        self.beginning = beginning

    def __eq__(self, other: object) -> bool:
        return isinstance(other, str) and other.startswith(self.beginning)

    def __repr__(self) -> str:
        return f"Beginning({self.beginning!r})"


def begins(beginning: str, text: str) -> bool:
    return text.startswith(beginning)


def put(client: ECRClient, manifest: Any) -> None:
    """Put an image, with a matcher for the manifest."""
    with ECRStub(client) as stub:
        stub.expect(
            "PutImage", request=PutImageRequest(repository_name="app", image_manifest=manifest)
        )
        client.put_image(repository_name="app", image_manifest=MANIFEST)


def describe(client: ECRClient, image_ids: Any) -> None:
    """Describe images, with matchers for their ids."""
    with ECRStub(client) as stub:
        request = DescribeImagesRequest(repository_name="app", image_ids=image_ids)
        stub.expect("DescribeImages", request=request)
        client.describe_images(repository_name="app", image_ids=IMAGES)


@pytest.fixture
def client() -> Iterator[ECRClient]:
    """Yield a client."""
    with ECRClient(region="eu-west-1") as made:
        yield made


# --- matching -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "manifest",
    [
        ANY,
        Beginning("{"),
        MANIFEST.__eq__,
        lambda text: "layers" in text,
        functools.partial(begins, "{"),
        re.compile(r"\{.*\}").fullmatch,
        matching(lambda text: text),
    ],
)
def test_matching_members(client: ECRClient, manifest: Any) -> None:
    """A matcher can be an object with its own equality, or a function."""
    put(client, manifest)


@pytest.mark.parametrize(
    ("manifest", "shown"),
    [
        (Beginning("["), r"Beginning\('\['\)"),
        (lambda text: "config" in text, r"matching\(<lambda>\)"),
        (matching(MANIFEST.__ne__), r"matching\(__ne__\)"),
        (functools.partial(begins, "["), r"matching\(partial\)"),
        (MagicMock(name="manifest"), r"<MagicMock name='manifest' .*>"),
    ],
)
def test_different_members(client: ECRClient, manifest: Any, shown: str) -> None:
    """The error message shows the actual value and the matcher."""
    with pytest.raises(StubAssertionError) as raised:
        put(client, manifest)

    line = f"    image_manifest is {re.escape(repr(MANIFEST))}, expected {shown}"
    assert re.fullmatch(line, str(raised.value).splitlines()[-1])


@pytest.mark.parametrize(
    "image_ids",
    [
        ANY,
        lambda found: len(found) == 2,
        (ANY, IMAGES[1]),
        [ImageIdentifier(image_tag=ANY), matching(lambda image: image.image_digest)],
        [ImageIdentifier(image_tag=Beginning("1"), image_digest=ANY), IMAGES[1]],
    ],
)
def test_nested_matchers(client: ECRClient, image_ids: Any) -> None:
    """Lists, their items and the members of these can be matchers, also for absent members."""
    describe(client, image_ids)


@pytest.mark.parametrize(
    ("image_ids", "lines"),
    [
        (
            [ImageIdentifier(image_tag=Beginning("2")), ImageIdentifier(image_tag="1.0")],
            [
                "image_ids[0].image_tag is '1.0', expected Beginning('2')",
                "image_ids[1].image_digest is 'sha256:0', expected None",
                "image_ids[1].image_tag is None, expected '1.0'",
            ],
        ),
        ([ANY], [f"image_ids is {IMAGES!r}, expected (<ANY>,)"]),
    ],
)
def test_nested_differences(client: ECRClient, image_ids: Any, lines: list[str]) -> None:
    """The error message names exactly the members that differ, at any depth."""
    with pytest.raises(StubAssertionError) as raised:
        describe(client, image_ids)

    assert str(raised.value).splitlines()[2:] == [f"    {line}" for line in lines]


def part(blob: Any, upload_id: str = ANY) -> UploadLayerPartRequest:
    return UploadLayerPartRequest(
        repository_name="app",
        upload_id=upload_id,
        part_first_byte=0,
        part_last_byte=5,
        layer_part_blob=blob,
    )


def test_buffers_are_copied(client: ECRClient) -> None:
    """Later changes to a buffer do not affect the expectation."""
    buffer = bytearray(b"layer1")
    with ECRStub(client) as stub:
        stub.expect("UploadLayerPart", request=part(buffer))
        stub.expect("UploadLayerPart", request=part(memoryview(buffer), "u"))
        buffer[-1:] = b"2"
        for _ in range(2):
            client.upload_layer_part(part(b"layer1", "u"))


def test_predicates_of_the_stub(client: ECRClient) -> None:
    """A function can use the stub's earlier requests without a deadlock."""
    with ECRStub(client) as stub:
        stub.expect(
            "DescribeImages",
            request=DescribeImagesRequest(repository_name=lambda _: stub.requests),  # type: ignore[arg-type]
        )
        client.describe_images(repository_name="app")


def test_matching() -> None:
    """`matching` returns a value that works outside stubs, too."""
    mock = Mock()
    mock(b"layer")

    mock.assert_called_once_with(matching(len))
    assert matching(str.isdigit) != "a"
    with pytest.raises(TypeError, match="predicate must be a function, got str"):
        matching("layer")  # type: ignore[arg-type]


# --- validation ------------------------------------------------------------------------------


@pytest.mark.parametrize("manifest", [7, "", str, object(), Mock(), {"layers": ANY}, [ANY], None])
def test_no_matcher(client: ECRClient, manifest: Any) -> None:
    """A value that could not be sent, and has no equality of its own, is not a matcher."""
    with pytest.raises(ParamValidationException, match="PutImage: image_manifest"):
        put(client, manifest)


@pytest.mark.parametrize("name", ["a", 7, None])
def test_other_members_are_checked(client: ECRClient, name: Any) -> None:
    """The other members have to be valid next to a matcher."""
    request = PutImageRequest(repository_name=name, image_manifest=ANY)
    with pytest.raises(ParamValidationException, match="PutImage: repository_name"):
        ECRStub(client).expect("PutImage", request=request)


def written(kind: Any) -> set[Any]:
    """Return a class of requests, and the classes of structures in it."""
    found = {kind}
    for field in attrs.fields(kind):
        for part in type_parts(field.type):
            for each in (part, *typing.get_args(part)):
                if isinstance(each, type) and issubclass(each, Structure):
                    found |= written(each)
    return found


@pytest.mark.parametrize("operation", OPERATIONS.values(), ids=lambda operation: operation.name)
@pytest.mark.parametrize("value", [ANY, matching(bool)], ids=repr)
def test_never_sent(operation: Any, value: Any) -> None:
    """No request with a matcher in any member, at any depth, can be encoded."""
    for kind in written(operation.request_class):
        names = frozenset(field.name for field in attrs.fields(kind))
        request = kind(**dict.fromkeys(names, value))
        for name in names:
            with pytest.raises(Mismatch, match=f"^{name} must be "):
                structure_writer(kind, names - {name})(request)


def test_open_requests(server: Any, client: ECRClient) -> None:
    """A client refuses to send a request with a matcher, and names the member."""
    rule = ReplicationRule(
        destinations=[ReplicationDestination(region="eu-west-1", registry_id="1" * 12)],
        repository_filters=ANY,
    )
    requests: dict[str, Any] = {
        "image_manifest": PutImageRequest(repository_name="app", image_manifest=ANY),
        "image_ids[0].image_tag": DescribeImagesRequest(
            repository_name="app", image_ids=[ImageIdentifier(image_tag=ANY)]
        ),
        "rules[0].repository_filters": PutReplicationConfigurationRequest(
            replication_configuration=ReplicationConfiguration(rules=[rule])
        ),
    }
    client.set_endpoint(server.url)
    for member, request in requests.items():
        operation = OPERATIONS[type(request).__name__.removesuffix("Request")]
        with pytest.raises(ParamValidationException, match=f"{re.escape(member)} must be .* _ANY$"):
            client.invoke(operation, request)

    assert not server.requests
