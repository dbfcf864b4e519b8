"""The registry protocol and the API are two doors to the same room."""

from __future__ import annotations

import hashlib
import json
from typing import Any

import pytest
import requests

from ecr_client.exceptions import LayerAlreadyExistsException
from ecr_client.models import ImageIdentifier

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
PART = 5 * 1024 * 1024


def upload(api: Any, data: bytes) -> str:
    """Upload a layer through the API and give its digest."""
    digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
    upload_id = api.initiate_layer_upload(repository_name="team/app").upload_id
    api.upload_layer_part(
        repository_name="team/app",
        upload_id=upload_id,
        part_first_byte=0,
        part_last_byte=len(data) - 1,
        layer_part_blob=data,
    )
    api.complete_layer_upload(
        repository_name="team/app", upload_id=upload_id, layer_digests=[digest]
    )
    return digest


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


def test_the_API_sees_what_was_pushed(registry: Any, api: Any) -> None:  # noqa: N802
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


def test_the_API_gives_the_layers_that_were_pushed(registry: Any, api: Any) -> None:  # noqa: N802
    """A layer that came through the protocol is available and can be downloaded by its address."""
    (digest,) = registry.image("team/app").layers

    (layer,) = api.batch_check_layer_availability(
        repository_name="team/app", layer_digests=[digest]
    ).layers
    address = api.get_download_url_for_layer(
        repository_name="team/app", layer_digest=digest
    ).download_url

    assert layer.layer_availability == "AVAILABLE"
    assert layer.layer_size == len(b"layer")
    assert requests.get(address, timeout=60).content == b"layer"


def test_what_the_API_put_is_pulled(registry: Any, api: Any) -> None:  # noqa: N802
    """An image that came through the API is pulled by tag and by digest, with its layers."""
    digest, manifest = put_image(api, "v1")

    by_tag = registry.send("GET", "team/app/manifests/v1")
    by_digest = registry.send("GET", f"team/app/manifests/{digest}")

    assert by_tag.text == by_digest.text == manifest
    assert by_tag.headers["Docker-Content-Digest"] == digest
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == ["v1"]
    for blob in json.loads(manifest)["layers"]:
        assert registry.send("GET", f"team/app/blobs/{blob['digest']}").content == b"layer"


def test_both_push_the_same_image(registry: Any, api: Any) -> None:
    """What one has pushed the other finds there already."""
    pushed = registry.image("team/app", "v1")

    with pytest.raises(LayerAlreadyExistsException):
        upload(api, b"layer")
    answer = registry.put("team/app", "v1", pushed.manifest)

    assert answer.status_code == 201
    assert len(api.describe_images(repository_name="team/app").image_details) == 1


def test_an_upload_begun_here_is_ended_in_the_API(registry: Any, api: Any) -> None:  # noqa: N802
    """An upload of the protocol takes parts of the API, and is completed there."""
    address = registry.start("team/app")
    upload_id = address.rpartition("/")[2]
    first = bytes(PART)
    registry.send("PATCH", address, data=first)

    api.upload_layer_part(
        repository_name="team/app",
        upload_id=upload_id,
        part_first_byte=PART,
        part_last_byte=PART + 5,
        layer_part_blob=b"second",
    )
    result = api.complete_layer_upload(
        repository_name="team/app",
        upload_id=upload_id,
        layer_digests=[registry.digest(first + b"second")],
    )

    digest = result.layer_digest
    assert registry.send("GET", f"team/app/blobs/{digest}").content == first + b"second"


def test_an_upload_begun_in_the_API_is_ended_here(registry: Any, api: Any) -> None:  # noqa: N802
    """An upload of the API takes chunks of the protocol, and is completed here."""
    upload_id = api.initiate_layer_upload(repository_name="team/app").upload_id
    data = bytes(PART)
    api.upload_layer_part(
        repository_name="team/app",
        upload_id=upload_id,
        part_first_byte=0,
        part_last_byte=PART - 1,
        layer_part_blob=data,
    )
    address = f"team/app/blobs/uploads/{upload_id}"

    progress = registry.send("GET", address)
    digest = registry.digest(data + b"rest")
    answer = registry.send("PUT", address, params={"digest": digest}, data=b"rest")

    assert progress.headers["Range"] == f"0-{PART - 1}"
    assert answer.status_code == 201
    assert registry.send("GET", f"team/app/blobs/{digest}").content == data + b"rest"


def test_what_the_API_deletes_is_gone(registry: Any, api: Any) -> None:  # noqa: N802
    """An image that BatchDeleteImage deleted cannot be pulled, and a repository neither."""
    pushed = registry.image("team/app", "v1")
    api.batch_delete_image(
        repository_name="team/app", image_ids=[ImageIdentifier(image_digest=pushed.digest)]
    )

    image = registry.send("GET", "team/app/manifests/v1")
    api.delete_repository(repository_name="team/app", force=True)
    repository = registry.send("GET", "team/app/tags/list")

    assert registry.code(image) == (404, "MANIFEST_UNKNOWN")
    assert registry.code(repository) == (404, "NAME_UNKNOWN")


def test_what_is_deleted_here_the_API_misses(registry: Any, api: Any) -> None:  # noqa: N802
    """A tag that was deleted through the protocol is no more in the API."""
    registry.image("team/app", "v1")

    registry.send("DELETE", "team/app/manifests/v1")

    assert api.list_images(repository_name="team/app").image_ids == ()
