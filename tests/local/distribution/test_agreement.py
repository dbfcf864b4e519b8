"""The registry protocol and the API are two doors to the same room."""

from __future__ import annotations

import hashlib
from typing import Any

from ecr_client.models import ImageIdentifier

PART = 5 * 1024 * 1024


def part(api: Any, upload_id: str, data: bytes, first: int = 0) -> None:
    """Send a part through the API."""
    api.upload_layer_part(
        repository_name="team/app",
        upload_id=upload_id,
        part_first_byte=first,
        part_last_byte=first + len(data) - 1,
        layer_part_blob=data,
    )


def complete(api: Any, upload_id: str, data: bytes) -> str:
    """Complete an upload through the API, and return the digest."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    api.complete_layer_upload(
        repository_name="team/app", upload_id=upload_id, layer_digests=[digest]
    )
    return digest


def test_uploads_are_shared(registry: Any, api: Any) -> None:
    """An upload that begins in the protocol is completed by the API, and vice versa."""
    first, whole = bytes(PART), bytes(PART) + b"second"
    address = registry.start("team/app")
    registry.send("PATCH", address, data=first)
    part(api, address.rpartition("/")[2], b"second", PART)
    digest = complete(api, address.rpartition("/")[2], whole)
    upload_id = api.initiate_layer_upload(repository_name="team/app").upload_id
    part(api, upload_id, first)
    address = f"team/app/blobs/uploads/{upload_id}"
    progress = registry.send("GET", address).headers["Range"]
    other = registry.digest(first + b"rest")
    done = registry.send("PUT", address, params={"digest": other}, data=b"rest")

    assert (progress, done.status_code) == (f"0-{PART - 1}", 201)
    assert registry.send("GET", f"team/app/blobs/{digest}").content == whole
    assert registry.send("GET", f"team/app/blobs/{other}").content == first + b"rest"


def test_images_are_shared(registry: Any, api: Any, pushers: Any) -> None:
    """An image that came in by one of them is whole for the other."""
    pushed = registry.image("team/app", "v1")
    digest = pushers(api).image("team/app", "v2")

    (image,) = api.batch_get_image(
        repository_name="team/app", image_ids=[ImageIdentifier(image_tag="v1")]
    ).images
    pulled = registry.send("GET", "team/app/manifests/v2")
    config = pulled.json()["config"]

    assert (image.image_manifest.encode(), image.image_manifest_media_type) == pushed[1:3]
    assert registry.digest(pulled.content) == digest == pulled.headers["Docker-Content-Digest"]
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == ["v1", "v2"]
    assert len(registry.send("GET", f"team/app/blobs/{config['digest']}").content) == config["size"]
