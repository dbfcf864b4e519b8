"""What survives when the server is killed in the middle of its work."""

from __future__ import annotations

import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from json import dumps
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException, RepositoryAlreadyExistsException
from ecr_client.oci import Digest
from ecr_client.testing import assert_image_valid

pytestmark = pytest.mark.slow

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ROUNDS = 4


class Acknowledged:
    """What a server has acknowledged; safe to add to from any thread."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.images: dict[str, str] = {}


def manifest_of(*blobs: bytes) -> str:
    """Return the manifest of an image whose configuration is the first of some blobs."""
    config, *layers = [
        {"mediaType": "application/octet-stream", "digest": Digest.of(blob), "size": len(blob)}
        for blob in blobs
    ]
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return dumps(content)


def push(client: ECRClient, make: Callable[[ECRClient], Any], done: Acknowledged) -> None:
    """Push images until the server is gone, and note whatever was acknowledged."""
    with client, suppress(AmazonClientException, requests.RequestException):
        push_layer, push_manifest = make(client)
        while True:
            blobs = os.urandom(100), os.urandom(200_000)
            for blob in blobs:
                push_layer("app", blob)
                done.layers.append(Digest.of(blob))
            manifest = manifest_of(*blobs)
            name = Digest.of(manifest.encode())
            push_manifest("app", name[7:19], manifest)
            done.images[name[7:19]] = name


@pytest.mark.parametrize("by_api", [True, False])
def test_a_kill_loses_nothing(
    start: Callable[..., Any], tmp_path: Path, by_api: bool, pushers: Any, registries: Any
) -> None:
    """After kill -9 in the middle of pushes, again and again, what was acknowledged is whole."""

    def make(client: ECRClient) -> Any:
        if by_api:
            pusher = pushers(client)
            return pusher.layer, lambda name, tag, text: pusher.manifest(name, text, tag)
        registry = registries(client)
        return registry.blob, lambda name, tag, text: registry.put(name, tag, text.encode())

    done = Acknowledged()
    for number in range(ROUNDS):
        command = start("--data", str(tmp_path))
        with command.client() as client, suppress(RepositoryAlreadyExistsException):
            client.create_repository(repository_name="app")
        threads = [
            threading.Thread(target=push, args=(command.client(), make, done)) for _ in range(4)
        ]
        for thread in threads:
            thread.start()
        while len(done.images) < 6 * (number + 1):
            assert threads[0].is_alive()
            threads[0].join(0.001)
        command.stop(signal.SIGKILL)
        for thread in threads:
            thread.join()
    with start("--data", str(tmp_path)).client() as client:
        layers = client.batch_check_layer_availability_all(
            repository_name="app", layer_digests=done.layers
        ).layers
        listed = {
            str(image.image_tag): image.image_digest
            for image in client.paginate_list_images(repository_name="app")
        }
        for tag in done.images:
            assert_image_valid(client, f"app:{tag}")
    stored = {path.name: path for path in tmp_path.glob("blobs/sha256/*/*")}

    assert {layer.layer_availability for layer in layers} == {"AVAILABLE"}
    assert {tag: listed.get(tag) for tag in done.images} == done.images
    assert {Digest.of(stored[name[7:]].read_bytes()) for name in done.layers} == set(done.layers)


def test_unacknowledged_bytes_are_dropped(start: Callable[..., Any], tmp_path: Path) -> None:
    """At the next start an upload has the bytes that were acknowledged, and no others."""
    command = start("--data", str(tmp_path))
    with command.client() as client:
        client.create_repository(repository_name="app")
        uploads = [
            str(client.initiate_layer_upload(repository_name="app").upload_id) for _ in range(3)
        ]
        for upload in uploads:
            client.upload_layer_part(
                repository_name="app",
                upload_id=upload,
                part_first_byte=0,
                part_last_byte=2,
                layer_part_blob=b"abc",
            )
    command.stop(signal.SIGKILL)
    files = [tmp_path / "uploads" / upload for upload in uploads]
    files[0].write_bytes(b"abc and more")
    files[1].write_bytes(b"a")  # the machine stopped, too
    (tmp_path / "uploads" / "unknown").touch()
    start("--data", str(tmp_path)).stop(signal.SIGTERM)
    found = {path.name: path.read_bytes() for path in (tmp_path / "uploads").iterdir()}

    assert found == {uploads[0]: b"abc", uploads[2]: b"abc"}
