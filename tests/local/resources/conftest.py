"""A server whose time the tests set, and quick ways to push images to it."""

from __future__ import annotations

import hashlib
import itertools
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest
import requests

from ecr_client import Credentials, ECRClient
from ecr_client.local import LocalECR

NOON = datetime(2026, 11, 20, 12, tzinfo=timezone.utc)
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"


class Clock:
    """Stands still until it is told to go on."""

    def __init__(self) -> None:
        self.now = NOON

    def __call__(self) -> datetime:
        return self.now

    def advance(self, **span: float) -> None:
        self.now += timedelta(**span)


class Pusher:
    """Pushes images that differ from each other; each method gives the digest.

    Args:
        client: Pushes them.
        first: Pushers with the same number push the same images.
    """

    def __init__(self, client: ECRClient, first: int = 0) -> None:
        self._client = client
        self._numbers = itertools.count(first)

    def image(self, repository: str, *tags: str, **members: Any) -> str:
        """Push an image; `members` are added to its manifest."""
        config = json.dumps({"number": next(self._numbers)}).encode()
        document = {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": {
                "mediaType": CONFIG,
                "digest": self.layer(repository, config),
                "size": len(config),
            },
            "layers": [],
            **members,
        }
        return self.manifest(repository, json.dumps(document), *tags)

    def artifact(self, repository: str, subject: str, **members: Any) -> str:
        """Push an artifact that refers to an image."""
        reference = {"mediaType": MANIFEST, "digest": subject, "size": 2}
        return self.image(repository, subject=reference, **members)

    def index(self, repository: str, *children: str, tag: str | None = None) -> str:
        """Push an index of images."""
        listed = [{"mediaType": MANIFEST, "digest": child, "size": 2} for child in children]
        document = {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": listed,
            "annotations": {"number": str(next(self._numbers))},
        }
        return self.manifest(repository, json.dumps(document), *([tag] if tag else []))

    def manifest(self, repository: str, manifest: str, *tags: str) -> str:
        """Push a manifest under tags."""
        for tag in tags or (None,):
            self._client.put_image(
                repository_name=repository, image_manifest=manifest, image_tag=tag
            )
        return self._digest(manifest.encode())

    def layer(self, repository: str, data: bytes) -> str:
        """Push a blob."""
        upload = self._client.initiate_layer_upload(repository_name=repository).upload_id
        assert upload is not None
        self._client.upload_layer_part(
            repository_name=repository,
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(data) - 1,
            layer_part_blob=data,
        )
        self._client.complete_layer_upload(
            repository_name=repository, upload_id=upload, layer_digests=[self._digest(data)]
        )
        return self._digest(data)

    @staticmethod
    def _digest(data: bytes) -> str:
        return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.fixture(scope="session")
def _running() -> Iterator[tuple[LocalECR, Clock]]:
    clock = Clock()
    # The time of the signatures is the real one.
    with LocalECR(clock=clock, auth=False) as ecr:
        yield ecr, clock


@pytest.fixture
def ecr(_running: tuple[LocalECR, Clock]) -> LocalECR:
    """Return a server without any repositories or settings, at noon."""
    ecr, clock = _running
    ecr.reset()
    clock.now = NOON
    return ecr


@pytest.fixture
def clock(ecr: LocalECR, _running: tuple[LocalECR, Clock]) -> Clock:
    """Return the server's clock."""
    return _running[1]


@pytest.fixture
def connect(ecr: LocalECR) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients of other accounts and regions."""
    made: list[ECRClient] = []

    def connect(*, account: str | None = None, region: str | None = None) -> ECRClient:
        keys = Credentials(account or ecr.account, "secret")
        made.append(ecr.client(region=region, credentials=keys))
        return made[-1]

    yield connect
    for client in made:
        client.shutdown()


@pytest.fixture
def client(connect: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of the server's own account, which has the repository ``app``."""
    client = connect()
    client.create_repository(repository_name="app")
    return client


@pytest.fixture
def call(ecr: LocalECR) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that sends members as they are, and returns status and body.

    The client would refuse some of them before they are sent.
    """

    def call(operation: str, **members: Any) -> tuple[int, dict[str, Any]]:
        target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        response = requests.post(ecr.endpoint, json=members, headers=headers, timeout=60)
        return response.status_code, response.json()

    return call


@pytest.fixture
def push(client: ECRClient) -> Pusher:
    """Return what pushes images as that client."""
    return Pusher(client)
