"""Archiving images and restoring them."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ImageStorageClassUpdateNotSupportedException,
)
from ecr_client.models import DescribeImagesFilter, ImageIdentifier, ListImagesFilter

V1 = ImageIdentifier(image_tag="v1")


def move(client: ECRClient, target: str, **more: Any) -> Any:
    asked = {"repository_name": "app", "image_id": V1, **more}
    return client.update_image_storage_class(target_storage_class=target, **asked)


def test_archives_and_restores(client: ECRClient, push: Any, clock: Any) -> None:
    """The response has the new status, and the image the time of the change."""
    digest = push.image("app", "v1")

    archived = move(client, "ARCHIVE")
    archived_at = clock.now
    clock.advance(days=1)
    restored = move(client, "STANDARD", image_id=ImageIdentifier(image_digest=digest))
    [image] = client.describe_images(repository_name="app").image_details

    assert (archived.registry_id, archived.repository_name) == ("123456789012", "app")
    assert (archived.image_id.image_digest, archived.image_id.image_tag) == (digest, "v1")
    assert (archived.image_status, restored.image_status) == ("ARCHIVED", "ACTIVE")
    assert (image.last_archived_at, image.last_activated_at) == (archived_at, clock.now)


def test_archived_images_are_described_but_not_pulled(client: ECRClient, push: Any) -> None:
    """An archived image is there for whoever asks, but it cannot be had."""
    digest = push.image("app", "v1")
    move(client, "ARCHIVE")

    pulled = client.batch_get_image(repository_name="app", image_ids=[V1])
    described = client.describe_images(
        repository_name="app", filter=DescribeImagesFilter(image_status="ARCHIVED")
    ).image_details
    listed = client.list_images(
        repository_name="app", filter=ListImagesFilter(image_status="ARCHIVED")
    ).image_ids

    assert (pulled.images, len(pulled.failures)) == ((), 1)
    assert [one.image_status for one in described] == ["ARCHIVED"]
    assert [one.image_digest for one in listed] == [digest]


def test_pushing_restores(client: ECRClient, push: Any) -> None:
    """An archived image that is pushed again is active."""
    push.image("app", "v1")
    manifest = client.batch_get_image(repository_name="app", image_ids=[V1]).images[0]
    move(client, "ARCHIVE")

    push.manifest("app", str(manifest.image_manifest), "v1")

    [image] = client.describe_images(repository_name="app").image_details
    assert image.image_status == "ACTIVE"


def test_an_image_moves_once(client: ECRClient, push: Any) -> None:
    """An image cannot be moved to where it is."""
    push.image("app", "v1")

    with pytest.raises(ImageStorageClassUpdateNotSupportedException, match="STANDARD"):
        move(client, "STANDARD")
    move(client, "ARCHIVE")
    with pytest.raises(ImageStorageClassUpdateNotSupportedException, match="ARCHIVE"):
        move(client, "ARCHIVE")
