"""skopeo, an independent client, logs in, pushes, pulls, inspects and deletes."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, assert_image_valid, random_image

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        shutil.which("skopeo") is None, reason="skopeo is not installed: apt-get install skopeo"
    ),
]


class Skopeo:
    """Runs skopeo with its own home folder and credentials file."""

    def __init__(self, home: Path, registry: Any, execute: Any) -> None:
        self.host, self.password = urlsplit(registry.url).netloc, registry.password
        self._execute = execute
        credentials = {"REGISTRY_AUTH_FILE": home / "auth.json"}
        self._environment = {"HOME": home, "TMPDIR": home, **credentials}

    def __call__(self, *arguments: Any, **options: Any) -> subprocess.CompletedProcess[str]:
        """Run a command, which has to succeed unless `check` is false."""
        command = ("skopeo", "--insecure-policy", *arguments)
        done: subprocess.CompletedProcess[str] = self._execute(
            *command, **options, **self._environment
        )
        return done

    def copy(self, source: str, target: str, *options: str, **more: Any) -> Any:
        """Copy between the server and the disk."""
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        return self("copy", *options, *insecure, source, target, **more)

    def login(self, password: str) -> subprocess.CompletedProcess[str]:
        """Log in with a password."""
        options = ("--tls-verify=false", "--username=AWS", "--password-stdin")
        return self("login", *options, self.host, stdin=password, check=False)

    def image(self, name: str) -> str:
        """Return skopeo's name for an image on the server."""
        return f"docker://{self.host}/{name}"


@pytest.fixture
def skopeo(registry: Any, tmp_path: Path, execute: Any) -> Iterator[Skopeo]:
    """Yield a skopeo that is logged in."""
    home = tmp_path / "home"
    home.mkdir()
    made = Skopeo(home, registry, execute)
    wrong, done = made.login("wrong"), made.login(made.password)
    assert "invalid username/password" in wrong.stderr
    assert "Login Succeeded!" in done.stdout, done.stderr
    yield made
    made("logout", made.host)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., RandomImage]:
    """Return a function that makes images on disk."""
    return lambda **options: random_image(tmp_path / "made", layers=3, size=100_000, **options)


def blobs(layout: Path) -> dict[str, bytes]:
    """Return all blobs of a layout by digest."""
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def details(api: Any, name: str = "team/app") -> Any:
    return api.describe_images(repository_name=name).image_details


def test_inspect_and_delete(skopeo: Skopeo, make: Any, api: Any) -> None:
    """Skopeo shows the digest, platform, layers and tags of an image, and deletes it."""
    image, name = make(), skopeo.image("team/app:v1")
    skopeo.copy(f"oci:{image.path}", name)
    seen = json.loads(skopeo("inspect", "--tls-verify=false", name).stdout)
    assert_image_valid(api, "team/app:v1")
    skopeo("delete", "--tls-verify=false", name)

    assert (seen["Digest"], seen["RepoTags"]) == (image.digest, ["v1"])
    assert seen["Layers"] == [layer.digest for layer in image.manifests[0].layers]
    assert (seen["Os"], seen["Architecture"]) == ("linux", "amd64")
    assert details(api) == ()


@pytest.mark.parametrize("mounting", ["DISABLED", "ENABLED"])
def test_multi_platform_images(
    skopeo: Skopeo, make: Any, tmp_path: Path, api: Any, ecr: LocalECR, mounting: str
) -> None:
    """An index is copied with everything it lists, to the server, within it and back."""
    image, back = make(platforms=["linux/amd64", "linux/arm64/v8"]), tmp_path / "back"
    api.create_repository(repository_name="copy")
    api.put_account_setting(name="BLOB_MOUNTING", value=mounting)
    skopeo.copy(f"oci:{image.path}", skopeo.image("team/app:v1"), "--all")
    ecr.requests.clear()
    skopeo.copy(skopeo.image("team/app:v1"), skopeo.image("copy:v1"), "--all")
    mounts = [seen.status for seen in ecr.requests if seen.query.startswith("from=")]
    skopeo.copy(skopeo.image("copy:v1"), f"oci:{back}:v1", "--all")
    digests = {detail.image_digest for detail in details(api, "copy")}

    assert blobs(back) == blobs(image.path)
    assert digests == {image.digest, *(each.descriptor.digest for each in image.manifests)}
    assert set(mounts) == {201 if mounting == "ENABLED" else 202}
    assert len(mounts) >= 6


def test_docker_manifests(skopeo: Skopeo, make: Any, api: Any) -> None:
    """An image that skopeo converts is stored in Docker's format."""
    skopeo.copy(f"oci:{make().path}", skopeo.image("team/app:docker"), "--format=v2s2")
    (detail,) = details(api)

    assert detail.image_manifest_media_type == (
        "application/vnd.docker.distribution.manifest.v2+json"
    )


def test_missing_repositories(skopeo: Skopeo, make: Any) -> None:
    """Skopeo shows its user ECR's error message for a missing repository."""
    done = skopeo.copy(f"oci:{make().path}", skopeo.image("team/new:v1"), check=False)

    assert done.returncode != 0
    assert "The repository with name 'team/new' does not exist" in done.stderr
