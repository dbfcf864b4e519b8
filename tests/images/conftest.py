"""Images to transfer, and a server with a clock."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, random_image

PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


@pytest.fixture
def image(tmp_path: Path) -> RandomImage:
    """Return an image for two platforms with two layers each."""
    return random_image(tmp_path / "image", seed=1, size=20_000, platforms=PLATFORMS)


@pytest.fixture
def pushed(ecr_client: ECRClient, image: RandomImage) -> RandomImage:
    """Push the image as ``team/app:1``, and return it."""
    push_image(ecr_client, image.path, "team/app:1", create=True)
    return image


class Clock:
    """A clock that stands still until `advance` is called."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the server behind ``timed_client``."""
    return Clock()


@pytest.fixture
def timed_client(clock: Clock) -> Iterator[ECRClient]:
    """Yield a client of a server with its own clock."""
    with LocalECR(clock=clock, auth=False) as ecr, ecr.client() as client:
        yield client
