"""skopeo, a client that shares nothing with this package, logs in, pushes, pulls and looks."""

from __future__ import annotations

import json
import os
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

PLATFORMS = ["linux/amd64", "linux/arm64/v8"]


class Skopeo:
    """Runs skopeo with a home and a file of credentials of its own."""

    def __init__(self, home: Path, url: str, password: str) -> None:
        self.host = urlsplit(url).netloc
        self.password = password
        self._home = home
        self._credentials = home / "auth.json"

    def run(self, *arguments: str, stdin: str | None = None) -> subprocess.CompletedProcess[str]:
        """Run a command and give what became of it."""
        return subprocess.run(
            ["skopeo", "--insecure-policy", *arguments],
            input=stdin,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
            env={
                "PATH": os.environ["PATH"],
                "HOME": str(self._home),
                "TMPDIR": str(self._home),
                "REGISTRY_AUTH_FILE": str(self._credentials),
            },
        )

    def __call__(self, *arguments: str, stdin: str | None = None) -> str:
        """Run a command that has to succeed and give what it printed."""
        done = self.run(*arguments, stdin=stdin)
        assert done.returncode == 0, done.stderr
        return done.stdout

    def copy(self, source: object, target: object, *options: str) -> None:
        """Copy between the server and the disk."""
        insecure = ("--src-tls-verify=false", "--dest-tls-verify=false")
        self("copy", *options, *insecure, str(source), str(target))

    def login(self, password: str) -> subprocess.CompletedProcess[str]:
        """Try a password."""
        return self.run(
            "login",
            "--tls-verify=false",
            "--username=AWS",
            "--password-stdin",
            self.host,
            stdin=password,
        )

    def image(self, name: str) -> str:
        """Return skopeo's name for an image on the server."""
        return f"docker://{self.host}/{name}"


@pytest.fixture
def stranger(registry: Any, tmp_path: Path) -> Skopeo:
    """Return a skopeo that is not logged in."""
    home = tmp_path / "home"
    home.mkdir()
    return Skopeo(home, registry.url, registry.password)


@pytest.fixture
def skopeo(stranger: Skopeo) -> Iterator[Skopeo]:
    """Yield a skopeo that is logged in."""
    done = stranger.login(stranger.password)
    assert done.returncode == 0, done.stderr
    yield stranger
    stranger("logout", stranger.host)


@pytest.fixture
def make(tmp_path: Path) -> Callable[..., RandomImage]:
    """Return a maker of images on disk."""

    def made(**options: Any) -> RandomImage:
        return random_image(tmp_path / "made", layers=3, size=100_000, **options)

    return made


def blobs(layout: Path) -> dict[str, bytes]:
    """Return everything in a layout by its digest."""
    return {path.name: path.read_bytes() for path in (layout / "blobs" / "sha256").iterdir()}


def test_the_password_of_the_token_logs_in(stranger: Skopeo) -> None:
    """The login accepts the password of GetAuthorizationToken and no other one."""
    right, wrong = stranger.login(stranger.password), stranger.login("wrong")

    assert "Login Succeeded!" in right.stdout
    assert wrong.returncode != 0
    assert "invalid username/password" in wrong.stderr


def test_inspect_and_delete(skopeo: Skopeo, make: Callable[..., RandomImage], api: Any) -> None:
    """Skopeo sees digest, platform, layers and tags of an image, and deletes it."""
    image, name = make(), skopeo.image("team/app:v1")
    skopeo.copy(f"oci:{image.path}", name)
    seen = json.loads(skopeo("inspect", "--tls-verify=false", name))
    assert_image_valid(api, "team/app:v1")
    skopeo("delete", "--tls-verify=false", name)

    assert (seen["Digest"], seen["RepoTags"]) == (image.digest, ["v1"])
    assert seen["Layers"] == [layer.digest for layer in image.manifests[0].layers]
    assert (seen["Os"], seen["Architecture"]) == ("linux", "amd64")
    assert _details(api, "team/app") == ()


def test_an_image_for_several_platforms(
    skopeo: Skopeo, make: Callable[..., RandomImage], tmp_path: Path, api: Any
) -> None:
    """An index is copied with all that it lists, between repositories and back again."""
    image, back = make(platforms=PLATFORMS), tmp_path / "back"
    api.create_repository(repository_name="copy")

    skopeo.copy(f"oci:{image.path}", skopeo.image("team/app:v1"), "--all")
    skopeo.copy(skopeo.image("team/app:v1"), skopeo.image("copy:v1"), "--all")
    skopeo.copy(skopeo.image("copy:v1"), f"oci:{back}:v1", "--all")

    assert blobs(back) == blobs(image.path)
    digests = {detail.image_digest for detail in _details(api, "copy")}
    assert digests == {image.digest, *(each.descriptor.digest for each in image.manifests)}


def test_a_copy_between_repositories_mounts(
    skopeo: Skopeo, make: Callable[..., RandomImage], api: Any, ecr: LocalECR
) -> None:
    """With mounting switched on, the layers of a copy are mounted and not sent again."""
    image = make()
    api.create_repository(repository_name="copy")
    api.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    skopeo.copy(f"oci:{image.path}", skopeo.image("team/app:v1"))
    ecr.requests.clear()

    skopeo.copy(skopeo.image("team/app:v1"), skopeo.image("copy:v1"))

    (detail,) = _details(api, "copy")
    assert detail.image_digest == image.digest
    mounts = [seen for seen in ecr.requests if seen.query.startswith("from=")]
    assert [seen.status for seen in mounts] == [201] * 3


def test_an_image_in_the_form_of_docker(
    skopeo: Skopeo, make: Callable[..., RandomImage], api: Any
) -> None:
    """An image that skopeo converts is stored in the form of Docker."""
    skopeo.copy(f"oci:{make().path}", skopeo.image("team/app:docker"), "--format=v2s2")

    (detail,) = _details(api, "team/app")
    assert detail.image_manifest_media_type == (
        "application/vnd.docker.distribution.manifest.v2+json"
    )


def test_missing_repositories(skopeo: Skopeo, make: Callable[..., RandomImage]) -> None:
    """Skopeo tells its user what ECR says about a repository that was not created."""
    done = skopeo.run(
        "copy", "--dest-tls-verify=false", f"oci:{make().path}", skopeo.image("team/new:v1")
    )

    assert done.returncode != 0
    assert "The repository with name 'team/new' does not exist" in done.stderr


def _details(api: Any, name: str) -> Any:
    return api.describe_images(repository_name=name).image_details
