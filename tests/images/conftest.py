"""Images to move, and how to compare them."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path

import pytest

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Descriptor, Index, Layout, Manifest, media_types
from ecr_client.testing import RandomImage, random_image

MIB = 1024 * 1024
PLATFORMS = ["linux/amd64", "linux/arm64/v8"]

needs_skopeo = pytest.mark.skipif(
    shutil.which("skopeo") is None, reason="install skopeo: apt-get install skopeo"
)


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
    """A clock that tests move."""

    def __init__(self) -> None:
        self.now = datetime(2026, 1, 1, tzinfo=timezone.utc)

    def __call__(self) -> datetime:
        return self.now

    def advance(self, time: timedelta) -> None:
        self.now += time


@pytest.fixture
def clock() -> Clock:
    """Return the clock of the server that ``timed_client`` calls."""
    return Clock()


@pytest.fixture
def timed_client(clock: Clock) -> Iterator[ECRClient]:
    """Yield a client of a server with a clock of its own."""
    with LocalECR(clock=clock, auth=False) as ecr, ecr.client() as client:
        yield client


@pytest.fixture
def skopeo() -> Callable[..., None]:
    """Return a function that runs skopeo."""

    def run(*words: object) -> None:
        subprocess.run(["skopeo", *map(str, words)], check=True, capture_output=True)

    return run


@pytest.fixture
def contents() -> Callable[[Path], dict[str, bytes]]:
    """Return a function that returns the blobs of a layout by their digests."""

    def find(layout: Path) -> dict[str, bytes]:
        """Return the blobs of a layout by their digests."""
        return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}

    return find


@pytest.fixture
def make_layout() -> Callable[..., Descriptor]:
    """Return a function that writes a layout with one artifact, and returns its descriptor."""

    def make(
        path: Path, *blobs: tuple[str, bytes], name: str | None = None, **members: object
    ) -> Descriptor:
        """Write a layout with one artifact whose layers are some blobs; return its descriptor."""
        layout = Layout(path)
        layout.create()
        members.setdefault("config", layout.write_blob(media_types.OCI_EMPTY, b"{}"))
        manifest = Manifest(
            layers=tuple(layout.write_blob(kind, content) for kind, content in blobs),
            **members,  # type: ignore[arg-type]
        )
        written = layout.write_blob(manifest.media_type, manifest.to_bytes())
        annotations = {"org.opencontainers.image.ref.name": name} if name else {}
        listed = layout.read_index().manifests
        layout.write_index(
            Index(
                manifests=(
                    *listed,
                    Descriptor(
                        media_type=written.media_type,
                        digest=written.digest,
                        size=written.size,
                        annotations=annotations,
                    ),
                )
            )
        )
        return written

    return make


@pytest.fixture
def tags() -> Callable[..., dict[str, str | None]]:
    """Return a function that returns the digests of a repository by their tags."""

    def find(client: ECRClient, repository: str = "team/app") -> dict[str, str | None]:
        """Return the digests of a repository by their tags."""
        return {
            each.image_tag: each.image_digest
            for each in client.paginate_list_images(repository_name=repository)
            if each.image_tag
        }

    return find


@pytest.fixture
def operations() -> Callable[[LocalECR], list[str]]:
    """Return a function that returns the names of the calls that a server has received."""

    def find(ecr: LocalECR) -> list[str]:
        """Return the names of the calls that the server has received."""
        return [call.operation for call in ecr.requests]

    return find
