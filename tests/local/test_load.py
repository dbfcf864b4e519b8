"""Many callers at once."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from typing import Any

import pytest

from ecr_client.exceptions import (
    LayerAlreadyExistsException,
    RepositoryAlreadyExistsException,
)
from ecr_client.local import LocalECR
from ecr_client.models import ImageIdentifier, Tag
from ecr_client.oci import Digest
from ecr_client.testing import assert_image_valid

pytestmark = pytest.mark.slow

THREADS = 32
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
LAYERS = [f"layer {number}".encode() * 1000 for number in range(6)]
CONFIG = b'{"architecture": "amd64", "os": "linux"}'


class Caller:
    """Calls the API and the registry, and counts the statuses of all responses."""

    def __init__(self, ecr: LocalECR, pusher: Any, registry: Any) -> None:
        self.client = registry.client
        self._ecr, self._pusher, self._registry = ecr, pusher, registry

    def statuses(self) -> Counter[int | None]:
        return Counter(request.status for request in self._ecr.requests)

    def upload(self, data: bytes) -> None:
        """Upload a layer by the API, whoever else does it meanwhile."""
        with suppress(LayerAlreadyExistsException):  # another thread was faster
            self._pusher.layer("app", data)

    def send(self, data: bytes) -> None:
        """Upload a layer by the registry protocol."""
        self._registry.blob("app", data)


@pytest.fixture
def caller(pushers: Any, registries: Any) -> Iterator[Caller]:
    """Yield a caller of a server with the repository ``app``."""
    with LocalECR() as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        yield Caller(ecr, pushers(client), registries(client))


def manifest(number: int) -> str:
    """Return one of many manifests that have their layers in common."""
    config, *layers = [
        {"mediaType": "application/octet-stream", "digest": Digest.of(data), "size": len(data)}
        for data in (CONFIG, *LAYERS)
    ]
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers}
    return json.dumps({**content, "annotations": {"number": str(number)}})


def at_once(work: Callable[[int], Any], times: int) -> list[Any]:
    """Return what some work returns for each number below `times`, done by 32 threads."""
    with ThreadPoolExecutor(THREADS) as pool:
        return list(pool.map(work, range(times)))


def test_pushes_of_the_same_layers(caller: Caller) -> None:
    """Images of the same layers, pushed at once by both protocols: each is there and whole."""

    def push(number: int) -> str:
        for data in (CONFIG, *LAYERS):
            (caller.send if number % 2 else caller.upload)(data)
        text, tag = manifest(number), f"tag-{number}"
        caller.client.put_image(repository_name="app", image_manifest=text, image_tag=tag)
        found = caller.client.batch_get_image(
            repository_name="app", image_ids=[ImageIdentifier(image_tag=tag)]
        )
        assert found.images[0].image_manifest == text
        return tag

    tags = at_once(push, THREADS)
    listed = {
        image.image_tag for image in caller.client.paginate_list_images(repository_name="app")
    }
    assert_image_valid(caller.client, "app:tag-0")

    assert listed == set(tags)
    assert set(caller.statuses()) <= {200, 201, 202, 400}


def test_updates_of_one_thing(caller: Caller) -> None:
    """Changes that add to what is there do not undo each other."""
    arn = str(caller.client.describe_repositories().repositories[0].repository_arn)

    def add(number: int) -> None:
        caller.client.tag_resource(resource_arn=arn, tags=[Tag(key=f"k{number}", value="v")])

    at_once(add, THREADS)
    tags = caller.client.list_tags_for_resource(resource_arn=arn).tags

    assert {tag.key for tag in tags} == {f"k{number}" for number in range(THREADS)}
    assert set(caller.statuses()) == {200}


def test_one_of_many_is_first(caller: Caller) -> None:
    """Of many who make the same repository or move the same tag, each sees one order of things."""

    def make(number: int) -> bool:
        with suppress(RepositoryAlreadyExistsException):
            caller.client.create_repository(repository_name="one")
            return True
        return False

    for data in (CONFIG, *LAYERS):
        caller.upload(data)
    made = at_once(make, THREADS)
    at_once(
        lambda number: caller.client.put_image(
            repository_name="app", image_manifest=manifest(number), image_tag="latest"
        ),
        THREADS,
    )
    images = list(caller.client.paginate_describe_images(repository_name="app"))

    assert made.count(True) == 1
    assert len(images) == THREADS
    assert [image.image_tags for image in images if image.image_tags] == [("latest",)]
