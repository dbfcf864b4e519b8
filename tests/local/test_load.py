"""Many concurrent clients, and what survives when the server is killed while it works."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client import exceptions as errors
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier, Tag
from ecr_client.oci import Digest
from ecr_client.testing import assert_image_valid

pytestmark = pytest.mark.slow

THREADS = 32
CONFIG = b'{"architecture": "amd64", "os": "linux"}'
BLOBS = [CONFIG, *(f"layer {number}".encode() * 1000 for number in range(6))]


def at_once(work: Callable[[int], Any]) -> list[Any]:
    """Return the results of a function that 32 threads call, each with its number."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(THREADS)))


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        made.create_repository(repository_name="app")
        yield made


@pytest.fixture
def put(client: ECRClient, manifests: Any) -> Callable[[int, str], str]:
    """Return a function that puts one of many images that share their layers."""

    def put(number: int, tag: str) -> str:
        text = json.dumps(manifests(*BLOBS, annotations={"number": str(number)}))
        client.put_image(repository_name="app", image_manifest=text, image_tag=tag)
        return text

    return put


def test_pushes_of_the_same_layers(
    ecr: LocalECR, client: ECRClient, put: Any, pushers: Any, registries: Any
) -> None:
    """Images with the same layers, pushed concurrently by both protocols, are all complete."""
    pusher, registry = pushers(client), registries(client)

    def push(number: int) -> str:
        for data in BLOBS:
            if number % 2:
                registry.blob("app", data)
            else:
                with suppress(errors.LayerAlreadyExistsException):  # another thread was faster
                    pusher.layer("app", data)
        text = put(number, tag := f"tag-{number}")
        image_ids = [ImageIdentifier(image_tag=tag)]
        found = client.batch_get_image(repository_name="app", image_ids=image_ids)
        assert found.images[0].image_manifest == text
        return tag

    tags = at_once(push)
    listed = client.paginate_list_images(repository_name="app")
    assert_image_valid(client, "app:tag-0")

    assert {image.image_tag for image in listed} == set(tags)
    assert {request.status for request in ecr.requests} <= {200, 201, 202, 400}


def test_concurrent_changes(client: ECRClient, put: Any, pushers: Any) -> None:
    """When many clients create or tag one thing, one of them is first and no change is lost."""
    arn = str(client.describe_repositories().repositories[0].repository_arn)

    def create(number: int) -> bool:
        with suppress(errors.RepositoryAlreadyExistsException):
            client.create_repository(repository_name="one")
            return True
        return False

    for data in BLOBS:
        pushers(client).layer("app", data)
    made = at_once(create)
    at_once(lambda number: put(number, "latest"))
    images = list(client.paginate_describe_images(repository_name="app"))
    tags = [Tag(key=f"k{number}", value="v") for number in range(THREADS)]
    at_once(lambda number: client.tag_resource(resource_arn=arn, tags=[tags[number]]))
    found = client.list_tags_for_resource(resource_arn=arn).tags

    assert made.count(True) == 1
    assert len(images) == THREADS
    assert [image.image_tags for image in images if image.image_tags] == [("latest",)]
    assert set(found) == set(tags)


# --- kills ----------------------------------------------------------------------------------------


class Acknowledged:
    """What a server has acknowledged; safe to add to from any thread."""

    def __init__(self) -> None:
        self.layers: list[str] = []
        self.images: dict[str, str] = {}

    def push(self, client: ECRClient, make: Callable[[ECRClient], Any], manifests: Any) -> None:
        """Push images until the server is gone, recording what it acknowledges."""
        with client, suppress(errors.AmazonClientException, requests.RequestException):
            push_layer, push_manifest = make(client)
            while True:
                blobs = os.urandom(100), os.urandom(100_000)
                for blob in blobs:
                    push_layer("app", blob)
                    self.layers.append(Digest.of(blob))
                manifest = json.dumps(manifests(*blobs))
                name = Digest.of(manifest.encode())
                push_manifest("app", name[7:19], manifest)
                self.images[name[7:19]] = name


@pytest.mark.parametrize("by_api", [True, False])
def test_a_kill_loses_nothing(
    start: Any, tmp_path: Path, by_api: bool, pushers: Any, registries: Any, manifests: Any
) -> None:
    """After repeated kills in the middle of pushes, everything acknowledged is still intact."""

    def make(client: ECRClient) -> Any:
        if by_api:
            pusher = pushers(client)
            return pusher.layer, lambda name, tag, text: pusher.manifest(name, text, tag)
        registry = registries(client)
        return registry.blob, lambda name, tag, text: registry.put(name, tag, text.encode())

    done = Acknowledged()
    for number in range(3):
        command = start("--data", str(tmp_path))
        with command.client() as client, suppress(errors.RepositoryAlreadyExistsException):
            client.create_repository(repository_name="app")
        threads = [
            threading.Thread(target=done.push, args=(command.client(), make, manifests))
            for _ in range(4)
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
        images = client.paginate_list_images(repository_name="app")
        listed = {str(image.image_tag): image.image_digest for image in images}
        for tag in done.images:
            assert_image_valid(client, f"app:{tag}")
    stored = {path.name: path for path in tmp_path.glob("blobs/sha256/*/*")}

    assert {layer.layer_availability for layer in layers} == {"AVAILABLE"}
    assert {tag: listed.get(tag) for tag in done.images} == done.images
    assert {Digest.of(stored[name[7:]].read_bytes()) for name in done.layers} == set(done.layers)


def test_unacknowledged_bytes_are_dropped(
    start: Callable[..., Any], tmp_path: Path, uploads: Any
) -> None:
    """At the next start, an upload has the bytes that were acknowledged, and no others."""
    command = start("--data", str(tmp_path))
    with command.client() as client:
        client.create_repository(repository_name="app")
        begun = [uploads(client) for _ in range(3)]
        for upload in begun:
            upload.part(b"abc")
    command.stop(signal.SIGKILL)
    files = [tmp_path / "uploads" / upload.id for upload in begun]
    files[0].write_bytes(b"abc and more")
    files[1].write_bytes(b"a")  # as if the machine had crashed, too
    (tmp_path / "uploads" / "unknown").touch()
    start("--data", str(tmp_path)).stop(signal.SIGTERM)
    found = {path.name: path.read_bytes() for path in (tmp_path / "uploads").iterdir()}

    assert found == {begun[0].id: b"abc", begun[2].id: b"abc"}
