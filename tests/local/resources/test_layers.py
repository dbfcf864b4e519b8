"""Layers on their way in, by the rules of the API, and out again."""

from __future__ import annotations

import base64
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.exceptions import (
    EmptyUploadException,
    InvalidLayerException,
    InvalidLayerPartException,
    LayerAlreadyExistsException,
    LayerPartTooSmallException,
    LimitExceededException,
    UploadNotFoundException,
)
from ecr_client.local import Limits, LocalECR
from ecr_client.oci import Digest

MIB = 1024 * 1024
PART = bytes(5 * MIB)
LARGEST_PART = 20_971_520


class Sender:
    """Sends the parts of one upload."""

    def __init__(self, client: ECRClient, repository: str = "app") -> None:
        self._client = client
        begun = client.initiate_layer_upload(repository_name=repository)
        self.part_size = begun.part_size
        self.common: dict[str, Any] = {
            "repository_name": repository,
            "upload_id": begun.upload_id,
        }

    def part(self, first: int, data: bytes, last: int | None = None) -> int | None:
        return self._client.upload_layer_part(
            **self.common,
            part_first_byte=first,
            part_last_byte=first + len(data) - 1 if last is None else last,
            layer_part_blob=data,
        ).last_byte_received

    def complete(self, *digests: str) -> str | None:
        done = self._client.complete_layer_upload(**self.common, layer_digests=digests)
        return done.layer_digest


@pytest.fixture
def upload(client: ECRClient) -> Sender:
    """Return an upload to the repository ``app`` that has begun."""
    return Sender(client)


def test_parts_of_five_mebibytes_and_a_small_last_one(client: ECRClient, upload: Sender) -> None:
    """Parts are counted from byte to byte, the last of each included, and make the layer."""
    received = [
        upload.part(0, PART),
        upload.part(len(PART), PART),
        upload.part(2 * len(PART), b"x"),
    ]
    made = upload.complete(Digest.of(PART + PART + b"x"))
    (layer,) = client.batch_check_layer_availability(
        repository_name="app", layer_digests=[str(made)]
    ).layers

    assert upload.part_size == 10 * MIB
    assert received == [5 * MIB - 1, 10 * MIB - 1, 10 * MIB]
    assert (layer.layer_availability, layer.layer_size) == ("AVAILABLE", 10 * MIB + 1)


def test_only_the_last_part_may_be_small(upload: Sender) -> None:
    """One byte less than 5 MiB is too small for any part but the last one."""
    for first, part in ((0, PART[1:]), (len(PART) - 1, PART), (2 * len(PART) - 1, b"x")):
        upload.part(first, part)

    with pytest.raises(LayerPartTooSmallException, match=str(5 * MIB - 1)):
        upload.complete(Digest.of(PART[1:] + PART + b"x"))


@pytest.mark.parametrize(
    ("first", "data", "last"),
    [(5, b"x", None), (3, b"xx", None), (0, b"1234", None), (4, b"xx", 4), (4, b"xx", 6)],
)
def test_parts_that_do_not_fit(upload: Sender, first: int, data: bytes, last: int | None) -> None:
    """A part with a gap, an overlap or another length than it says is refused and not kept."""
    upload.part(0, b"1234")

    with pytest.raises(InvalidLayerPartException) as raised:
        upload.part(first, data, last)
    assert raised.value.last_valid_byte_received == 3
    assert raised.value.upload_id == upload.common["upload_id"]
    assert (raised.value.registry_id, raised.value.repository_name) == ("123456789012", "app")
    assert upload.complete(Digest.of(b"1234")) == Digest.of(b"1234")


def test_the_digest_of_a_layer(upload: Sender) -> None:
    """There is no empty layer; a wrong SHA-256 leaves the upload, and other digests are ignored."""
    with pytest.raises(EmptyUploadException):
        upload.complete(Digest.of(b""))
    upload.part(0, b"layer")
    with pytest.raises(InvalidLayerException, match=Digest.of(b"layer")):
        upload.complete(Digest.of(b"other"))

    assert upload.complete(f"sha512:{'0' * 128}") == Digest.of(b"layer")


def test_parts_have_a_largest_size(call: Any, client: ECRClient, upload: Sender) -> None:
    """The model's largest part is taken, and one of a byte more is not."""
    assert upload.part(0, bytes(LARGEST_PART)) == LARGEST_PART - 1

    status, error = call(
        "UploadLayerPart",
        repositoryName="app",
        uploadId=upload.common["upload_id"],
        partFirstByte=LARGEST_PART,
        partLastByte=2 * LARGEST_PART,
        layerPartBlob=base64.b64encode(bytes(LARGEST_PART + 1)).decode(),
    )
    assert (status, error["__type"]) == (400, "InvalidParameterException")
    assert "layerPartBlob" in error["message"]


def test_a_layer_is_uploaded_once(client: ECRClient, upload: Sender) -> None:
    """Uploading an existing layer is refused, and ends the upload."""
    upload.part(0, b"layer")
    upload.complete(Digest.of(b"layer"))
    second = Sender(client)
    second.part(0, b"layer")

    with pytest.raises(LayerAlreadyExistsException, match=Digest.of(b"layer")):
        second.complete(Digest.of(b"layer"))
    for sender in (upload, second):
        with pytest.raises(UploadNotFoundException):
            sender.part(5, b"more")


def test_uploads_and_layers_belong_to_a_repository(
    client: ECRClient, upload: Sender, push: Any
) -> None:
    """They are not in another repository, nor in a later one of the same name."""
    client.create_repository(repository_name="other")
    layer = push.layer("app", b"another")
    upload.part(0, b"layer")
    elsewhere = Sender(client, "other")
    elsewhere.common["upload_id"] = upload.common["upload_id"]

    with pytest.raises(UploadNotFoundException):
        elsewhere.part(5, b"more")
    client.delete_repository(repository_name="app")
    client.create_repository(repository_name="app")
    with pytest.raises(UploadNotFoundException):
        upload.part(5, b"more")
    (found,) = client.batch_check_layer_availability(
        repository_name="app", layer_digests=[layer]
    ).layers
    assert found.layer_availability == "UNAVAILABLE"


@pytest.mark.parametrize("limits", [Limits(parts=2, smallest_part=1), Limits(layer_size=8)])
def test_a_layer_has_its_limits(limits: Limits) -> None:
    """A part too many, and a byte too many, are refused, and what came before is kept."""
    with LocalECR(auth=False, limits=limits) as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        upload = Sender(client)
        upload.part(0, b"1234")
        upload.part(4, b"5678")
        with pytest.raises(LimitExceededException, match="at most"):
            upload.part(8, b"9")
        assert upload.part_size == limits.part_size


@pytest.fixture
def address(client: ECRClient, push: Any) -> str:
    """Return the presigned address of a layer with ten digits in it."""
    data = b"0123456789"
    layer = push.layer("app", data)
    kind = "application/vnd.oci.image.layer.v1.tar"
    push.image("app", "v1", layers=[{"mediaType": kind, "digest": layer, "size": len(data)}])
    found = client.get_download_url_for_layer(repository_name="app", layer_digest=layer)
    return str(found.download_url)


@pytest.fixture
def browser() -> Iterator[requests.Session]:
    """Yield a caller that has no credentials."""
    with requests.Session() as session:
        session.trust_env = False
        yield session


def test_an_address_is_good_for_an_hour(
    browser: requests.Session, address: str, clock: Any
) -> None:
    """A download address opens nothing when its time is over."""
    clock.now += timedelta(minutes=59, seconds=59)
    before = browser.get(address, timeout=60)
    clock.now += timedelta(seconds=1)
    after = browser.get(address, timeout=60)

    assert (before.status_code, before.content) == (200, b"0123456789")
    assert after.status_code == 403
    assert b"<Code>AccessDenied</Code>" in after.content


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("X-Amz-Expires=3600", "X-Amz-Expires=9999"),
        ("X-Amz-Date=2", "X-Amz-Date=3"),
        ("X-Amz-Signature=", "X-Amz-Signature=0"),
        ("/app?", "/bpp?"),
        ("?X-Amz", "?Y-Amz"),
    ],
)
def test_an_address_that_was_altered(
    browser: requests.Session, address: str, old: str, new: str
) -> None:
    """A presigned URL cannot be changed to another layer or a longer time."""
    assert old in address

    assert browser.get(address.replace(old, new), timeout=60).status_code == 403
