"""The rules of the API for uploading and downloading layers."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client import exceptions as errors
from ecr_client.local import Limits, LocalECR
from ecr_client.oci import Digest

MIB = 1024 * 1024
PART = bytes(5 * MIB)
LARGEST_PART = 20_971_520


@pytest.fixture
def upload(client: Any, uploads: Any) -> Any:
    """Return an upload to the repository ``app`` that has been initiated."""
    return uploads(client)


def test_parts(client: Any, upload: Any) -> None:
    """Parts with contiguous, inclusive byte ranges make up the layer."""
    parts = ((0, PART), (5 * MIB, PART), (10 * MIB, b"x"))
    received = [upload.part(data, first) for first, data in parts]
    made = upload.complete(Digest.of(PART + PART + b"x"))
    (layer,) = client.batch_check_layer_availability(layer_digests=[made]).layers

    assert upload.part_size == 10 * MIB
    assert received == [5 * MIB - 1, 10 * MIB - 1, 10 * MIB]
    assert (layer.layer_availability, layer.layer_size) == ("AVAILABLE", 10 * MIB + 1)


def test_only_the_last_part_may_be_small(upload: Any) -> None:
    """A part one byte below 5 MiB is too small, unless it is the last one."""
    for first, part in ((0, PART[1:]), (len(PART) - 1, PART), (2 * len(PART) - 1, b"x")):
        upload.part(part, first)

    with pytest.raises(errors.LayerPartTooSmallException, match=str(5 * MIB - 1)):
        upload.complete(Digest.of(PART[1:] + PART + b"x"))


@pytest.mark.parametrize(
    ("first", "data", "last"),
    [(5, b"x", None), (3, b"xx", None), (0, b"1234", None), (4, b"xx", 4), (4, b"xx", 6)],
)
def test_parts_that_do_not_fit(upload: Any, first: int, data: bytes, last: int | None) -> None:
    """A part that leaves a gap, overlaps, or is not as long as its range is refused."""
    upload.part(b"1234")

    with pytest.raises(errors.InvalidLayerPartException) as raised:
        upload.part(data, first, last)
    assert (raised.value.last_valid_byte_received, raised.value.upload_id) == (3, upload.id)
    assert (raised.value.registry_id, raised.value.repository_name) == ("123456789012", "app")
    assert upload.complete(Digest.of(b"1234")) == Digest.of(b"1234")


def test_the_digest_of_a_layer(upload: Any) -> None:
    """A wrong SHA-256 keeps the upload, other digests are ignored, and no layer is empty."""
    with pytest.raises(errors.EmptyUploadException):
        upload.complete(Digest.of(b""))
    upload.part(b"layer")
    with pytest.raises(errors.InvalidLayerException, match=Digest.of(b"layer")):
        upload.complete(Digest.of(b"other"))

    assert upload.complete(f"sha512:{'0' * 128}") == Digest.of(b"layer")


def test_largest_part(call: Any, upload: Any) -> None:
    """The largest part of the model is accepted, and one that is a byte longer is not."""
    assert upload.part(bytes(LARGEST_PART)) == LARGEST_PART - 1

    status, error = call(
        "UploadLayerPart",
        repositoryName="app",
        uploadId=upload.id,
        partFirstByte=LARGEST_PART,
        partLastByte=2 * LARGEST_PART,
        layerPartBlob=base64.b64encode(bytes(LARGEST_PART + 1)).decode(),
    )
    assert (status, error["__type"]) == (400, "InvalidParameterException")
    assert "layerPartBlob" in error["message"]


def test_existing_layers(client: Any, upload: Any, uploads: Any) -> None:
    """Uploading an existing layer is refused, and ends the upload."""
    second = uploads(client)
    for each in (upload, second):
        each.part(b"layer")
    upload.complete(Digest.of(b"layer"))

    with pytest.raises(errors.LayerAlreadyExistsException, match=Digest.of(b"layer")):
        second.complete(Digest.of(b"layer"))
    for each in (upload, second):
        with pytest.raises(errors.UploadNotFoundException):
            each.part(b"more", 5)


def test_layers_belong_to_a_repository(client: Any, upload: Any, uploads: Any, push: Any) -> None:
    """Uploads and layers do not exist in other repositories, nor in a new one of the same name."""
    client.create_repository(repository_name="other")
    layer = push.layer("app", b"another")
    upload.part(b"layer")

    with pytest.raises(errors.UploadNotFoundException):
        uploads(client, "other", upload.id).part(b"more", 5)
    client.delete_repository()
    client.create_repository()
    with pytest.raises(errors.UploadNotFoundException):
        upload.part(b"more", 5)
    (found,) = client.batch_check_layer_availability(layer_digests=[layer]).layers
    assert found.layer_availability == "UNAVAILABLE"


@pytest.mark.parametrize("limits", [Limits(parts=2, smallest_part=1), Limits(layer_size=8)])
def test_limits(limits: Limits, uploads: Any) -> None:
    """A part or a byte too many is refused, and what was received before remains."""
    with LocalECR(auth=False, limits=limits) as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        upload = uploads(client)
        upload.part(b"1234")
        upload.part(b"5678", 4)
        with pytest.raises(errors.LimitExceededException, match="at most"):
            upload.part(b"9", 8)
        assert upload.part_size == limits.part_size


@pytest.fixture
def address(client: Any, push: Any) -> str:
    """Return the presigned URL of a layer that consists of ten digits."""
    layer = push.layer("app", b"0123456789")
    kind = "application/vnd.oci.image.layer.v1.tar"
    push.image("app", "v1", layers=[{"mediaType": kind, "digest": layer, "size": 10}])
    return str(client.get_download_url_for_layer(layer_digest=layer).download_url)


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    """Yield an HTTP session without credentials."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_download_urls_expire(browser: Any, address: str, clock: Any) -> None:
    """A download URL is valid for an hour."""
    clock.advance(minutes=59, seconds=59)
    before = browser.get(address, timeout=60)
    clock.advance(seconds=1)
    after = browser.get(address, timeout=60)

    assert (before.status_code, before.content) == (200, b"0123456789")
    assert after.status_code == 403
    assert b"<Code>AccessDenied</Code>" in after.content


def test_altered_download_urls(browser: Any, address: str) -> None:
    """A presigned URL cannot be changed to another layer or a longer time."""
    for old, new in (
        ("X-Amz-Expires=3600", "X-Amz-Expires=9999"),
        ("X-Amz-Date=2", "X-Amz-Date=3"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("/app?", "/bpp?"),
        ("?X-Amz", "?Y-Amz"),
    ):
        assert old in address
        assert browser.get(address.replace(old, new), timeout=60).status_code == 403, new
