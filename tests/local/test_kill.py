"""What survives when the server is killed in the middle of its work."""

from __future__ import annotations

import base64
import os
import signal
import threading
from collections.abc import Callable
from contextlib import suppress
from hashlib import sha256
from json import dumps
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException, RepositoryAlreadyExistsException
from ecr_client.testing import assert_image_valid

pytestmark = pytest.mark.slow

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
ROUNDS = 4


class Acknowledged:
    """What a server has acknowledged; safe to add to from any thread."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.images: dict[str, str] = {}


def digest(data: bytes) -> str:
    return f"sha256:{sha256(data).hexdigest()}"


def manifest_of(*blobs: bytes) -> bytes:
    """Return the manifest of an image whose configuration is the first of some blobs."""
    config, *layers = [
        {"mediaType": "application/octet-stream", "digest": digest(blob), "size": len(blob)}
        for blob in blobs
    ]
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return dumps(content).encode()


class ApiPusher:
    """Pushes by the operations of ECR."""

    def __init__(self, client: ECRClient) -> None:
        self._client = client

    def layer(self, data: bytes) -> None:
        upload = str(self._client.initiate_layer_upload(repository_name="app").upload_id)
        common = {"repository_name": "app", "upload_id": upload}
        self._client.upload_layer_part(
            **common, part_first_byte=0, part_last_byte=len(data) - 1, layer_part_blob=data
        )
        self._client.complete_layer_upload(**common, layer_digests=[digest(data)])

    def image(self, manifest: bytes, tag: str) -> None:
        self._client.put_image(
            repository_name="app", image_manifest=manifest.decode(), image_tag=tag
        )


class RegistryPusher:
    """Pushes by the registry protocol."""

    def __init__(self, client: ECRClient) -> None:
        (data,) = client.get_authorization_token().authorization_data
        user, _, password = base64.b64decode(str(data.authorization_token)).partition(b":")
        self._url = str(data.proxy_endpoint)
        self._session = requests.Session()
        self._session.trust_env = False
        self._session.auth = (user, password)

    def layer(self, data: bytes) -> None:
        begun = self._session.post(f"{self._url}/v2/app/blobs/uploads/", timeout=60)
        upload = self._url + begun.headers["Location"]
        self._session.patch(upload, data=data, timeout=60).raise_for_status()
        ended = self._session.put(upload, params={"digest": digest(data)}, timeout=60)
        ended.raise_for_status()

    def image(self, manifest: bytes, tag: str) -> None:
        url, kind = f"{self._url}/v2/app/manifests/{tag}", {"Content-Type": MANIFEST}
        self._session.put(url, manifest, headers=kind, timeout=60).raise_for_status()


def push(client: ECRClient, kind: Callable[[ECRClient], Any], done: Acknowledged) -> None:
    """Push images until the server is gone, and note whatever was acknowledged."""
    with client, suppress(AmazonClientException, requests.RequestException):
        pusher = kind(client)
        while True:
            blobs = os.urandom(100), os.urandom(200_000)
            for blob in blobs:
                pusher.layer(blob)
                done.layers.append(digest(blob))
            manifest = manifest_of(*blobs)
            tag = digest(manifest)[7:19]
            pusher.image(manifest, tag)
            done.images[tag] = digest(manifest)


@pytest.mark.parametrize("kind", [ApiPusher, RegistryPusher])
def test_a_kill_loses_nothing(
    start: Callable[..., Any], tmp_path: Path, kind: Callable[[ECRClient], Any]
) -> None:
    """After kill -9 in the middle of pushes, again and again, what was acknowledged is whole."""
    done = Acknowledged()
    for number in range(ROUNDS):
        command = start("--data", str(tmp_path))
        with command.client() as client, suppress(RepositoryAlreadyExistsException):
            client.create_repository(repository_name="app")
        pushers = [
            threading.Thread(target=push, args=(command.client(), kind, done)) for _ in range(4)
        ]
        for pusher in pushers:
            pusher.start()
        while len(done.images) < 6 * (number + 1):
            assert pushers[0].is_alive()
            pushers[0].join(0.001)
        command.stop(signal.SIGKILL)
        for pusher in pushers:
            pusher.join()
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
    assert {digest(stored[name[7:]].read_bytes()) for name in done.layers} == set(done.layers)


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
