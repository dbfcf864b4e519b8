"""The registry protocol and the API are two doors to the same room."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from ecr_client.models import ImageIdentifier

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
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


def upload(api: Any, data: bytes) -> str:
    """Upload a layer through the API, and return its digest."""
    upload_id = api.initiate_layer_upload(repository_name="team/app").upload_id
    part(api, upload_id, data)
    return complete(api, upload_id, data)


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


def put_image(api: Any, tag: str) -> tuple[str, str]:
    """Push an image through the API and give its digest and its manifest."""
    config, layer = b'{"os": "linux"}', b"layer"
    manifest = json.dumps(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {"mediaType": CONFIG, "digest": upload(api, config), "size": len(config)},
            "layers": [{"mediaType": LAYER, "digest": upload(api, layer), "size": len(layer)}],
        }
    )
    image = api.put_image(
        repository_name="team/app",
        image_manifest=manifest,
        image_manifest_media_type=MANIFEST,
        image_tag=tag,
    ).image
    return image.image_id.image_digest, manifest


def test_the_API_sees_pushes(registry: Any, api: Any) -> None:  # noqa: N802
    """An image that came through the protocol has its digest, tag, type and size in the API."""
    pushed = registry.image("team/app", "v1")

    (detail,) = api.describe_images(repository_name="team/app").image_details
    (image,) = api.batch_get_image(
        repository_name="team/app", image_ids=[ImageIdentifier(image_tag="v1")]
    ).images

    assert detail.image_digest == pushed.digest
    assert detail.image_tags == ("v1",)
    assert detail.image_manifest_media_type == MANIFEST
    assert detail.image_size_in_bytes > len(b"layer")
    assert image.image_manifest.encode() == pushed.manifest


def test_the_protocol_pulls_pushes_of_the_API(registry: Any, api: Any) -> None:  # noqa: N802
    """An image that came through the API is pulled by tag and by digest, with its layers."""
    digest, manifest = put_image(api, "v1")

    by_tag = registry.send("GET", "team/app/manifests/v1")
    by_digest = registry.send("GET", f"team/app/manifests/{digest}")

    assert by_tag.text == by_digest.text == manifest
    assert by_tag.headers["Docker-Content-Digest"] == digest
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == ["v1"]
    for blob in json.loads(manifest)["layers"]:
        assert registry.send("GET", f"team/app/blobs/{blob['digest']}").content == b"layer"
