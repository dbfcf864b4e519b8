"""Downloads from a local ECR: a real service, and a real storage."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client.exceptions import (
    LayersNotFoundException,
    ParamValidationException,
    RepositoryNotFoundException,
)
from ecr_client.local import LocalECR

CONTENT = bytes(range(256)) * 8192
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


class Clock:
    """The time of the service."""

    def __init__(self) -> None:
        self.now = datetime.now(timezone.utc)

    def __call__(self) -> datetime:
        return self.now


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the local ECR."""
    return Clock()


@pytest.fixture
def ecr(clock: Clock) -> Iterator[LocalECR]:
    """Yield a local ECR that holds one image."""
    with LocalECR(clock=clock, auth=False) as running:
        with running.client() as client:
            client.create_repository(repository_name="app")
            for content in (b"{}", CONTENT):
                push_layer(client, content)
            client.put_image(repository_name="app", image_manifest=MANIFEST, image_tag="1")
        running.requests.clear()
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    """Yield a client of the local ECR that does not wait before it retries."""
    config = ClientConfiguration(retry=RetryPolicy(sleep=lambda _: None))
    with ecr.client(config=config) as made:
        yield made


def push_layer(client: ECRClient, content: bytes) -> None:
    digest = f"sha256:{hashlib.sha256(content).hexdigest()}"
    upload_id = client.initiate_layer_upload(repository_name="app").upload_id
    client.upload_layer_part(
        repository_name="app",
        upload_id=str(upload_id),
        part_first_byte=0,
        part_last_byte=len(content) - 1,
        layer_part_blob=content,
    )
    client.complete_layer_upload(
        repository_name="app", upload_id=str(upload_id), layer_digests=[digest]
    )


MANIFEST = (
    '{"schemaVersion": 2, "mediaType": "application/vnd.oci.image.manifest.v1+json", '
    '"config": {"mediaType": "application/vnd.oci.image.config.v1+json", "size": 2, '
    f'"digest": "sha256:{hashlib.sha256(b"{}").hexdigest()}"}}, '
    '"layers": [{"mediaType": "application/vnd.oci.image.layer.v1.tar", '
    f'"size": {len(CONTENT)}, "digest": "{DIGEST}"}}]}}'
)


def test_a_layer_is_downloaded(client: ECRClient) -> None:
    """What was uploaded comes back, as a whole and from a start."""
    with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
        content = b"".join(layer.iter_bytes())
    with client.download_layer(repository_name="app", layer_digest=DIGEST, start=1000) as layer:
        rest = layer.read()

    assert content == CONTENT
    assert rest == CONTENT[1000:]


def test_a_url_expires_in_the_middle(client: ECRClient, ecr: LocalECR, clock: Clock) -> None:
    """A download that is resumed hours later gets a fresh URL."""
    ecr.faults.add("DownloadLayer", body="cut")
    with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
        content = layer.read(1000)
        clock.now += timedelta(hours=3)
        content += layer.read()

    assert content == CONTENT
    assert len(ecr.requests.of("GetDownloadUrlForLayer")) == 2


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({"layer_digest": f"sha256:{'0' * 64}"}, LayersNotFoundException),
        ({"repository_name": "other"}, RepositoryNotFoundException),
    ],
)
def test_what_is_not_there(client: ECRClient, arguments: Any, error: type[Exception]) -> None:
    """An error of the service is raised as it is, when the block is entered."""
    given = {"repository_name": "app", "layer_digest": DIGEST, **arguments}
    with pytest.raises(error), client.download_layer(**given):
        pass


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"repository_name": "a"}, "repository_name must have at least 2 characters, got 'a'"),
        ({"repository_name": None}, "repository_name is required"),
        (
            {"registry_id": 123456789012},
            "registry_id must be a str, got int 123456789012; did you mean '123456789012'?",
        ),
    ],
)
def test_members_are_checked_at_once(client: ECRClient, arguments: Any, problem: str) -> None:
    """What the search for the URL would refuse is refused before the block is entered."""
    given = {"repository_name": "app", "layer_digest": DIGEST, **arguments}
    with pytest.raises(ParamValidationException) as caught:
        client.download_layer(**given)

    assert str(caught.value) == f"GetDownloadUrlForLayer: {problem}"
