"""Images that other tools have made: pushed and copied out again, they are what they were."""

from __future__ import annotations

import gzip
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client import ECRClient
from ecr_client.docker import docker_login
from ecr_client.images import pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Layout


def run(*words: object, cwd: Path) -> str:
    """Run a tool and return what it prints."""
    done = subprocess.run(
        list(map(str, words)), cwd=cwd, check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


def make_with_umoci(folder: Path) -> None:
    """Make an image with a layer and a label."""
    run("umoci", "init", "--layout", "made", cwd=folder)
    run("umoci", "new", "--image", "made:1", cwd=folder)
    run("umoci", "insert", "--rootless", "--image", "made:1", "file", "/file", cwd=folder)
    run("umoci", "config", "--image", "made:1", "--config.label", "made.by=umoci", cwd=folder)


def make_with_buildah(folder: Path) -> None:
    """Make an image from scratch, as a layout and as a Docker archive."""
    buildah = (
        *("buildah", "--storage-driver", "vfs"),
        *("--root", folder / "storage", "--runroot", folder / "run"),
    )
    try:
        container = run(*buildah, "from", "scratch", cwd=folder)
    except subprocess.CalledProcessError as error:
        pytest.skip(f"buildah does not work here: {error.stderr.strip()}")
    run(*buildah, "copy", container, "file", "/file", cwd=folder)
    run(*buildah, "commit", container, "oci:made:1", cwd=folder)
    run(*buildah, "commit", "--format=docker", container, "docker-archive:made.tar", cwd=folder)
    run(*buildah, "rm", "--all", cwd=folder)


MAKERS = {"umoci": make_with_umoci, "buildah": make_with_buildah}


@pytest.fixture(params=MAKERS)
def made(request: pytest.FixtureRequest, tmp_path: Path) -> Path:
    """Return a folder with a tool's image as ``made``, and as ``made.tar`` if it can do so."""
    for tool in (request.param, "skopeo"):
        if shutil.which(tool) is None:
            pytest.skip(f"install {tool}: apt-get install {tool}")
    (tmp_path / "file").write_text("content")
    MAKERS[request.param](tmp_path)
    return tmp_path


@pytest.fixture
def copy_out(
    ecr_client: ECRClient, tmp_path: Path, skopeo: Callable[..., None]
) -> Callable[[str], Path]:
    """Return a function that has skopeo copy an image from the registry to a layout."""

    def copy(reference: str) -> Path:
        login = docker_login(ecr_client, path=tmp_path / "config.json")
        output = tmp_path / "skopeo"
        flags = ("--all", "--preserve-digests", "--src-tls-verify=false", "--authfile", login.path)
        skopeo("copy", *flags, f"docker://{login.registry}/{reference}", f"oci:{output}:1")
        return output

    return copy


def test_layouts(
    ecr_client: ECRClient,
    made: Path,
    copy_out: Callable[[str], Path],
    contents: Callable[[Path], dict[str, bytes]],
) -> None:
    """Every byte of an image comes out again, by skopeo and by a pull."""
    result = push_image(ecr_client, f"oci:{made / 'made'}:1", "team/app:1", create=True)
    pull_image(ecr_client, "team/app:1", made / "pulled")
    found = contents(copy_out("team/app:1"))
    theirs = contents(made / "made")

    assert found == contents(made / "pulled")
    # umoci keeps the manifests that it has replaced.
    assert found.items() <= theirs.items()
    assert {result.digest, *(layer.digest for layer in result.layers)} <= {
        f"sha256:{name}" for name in found
    }


def test_docker_archives(
    ecr_client: ECRClient,
    made: Path,
    copy_out: Callable[[str], Path],
    contents: Callable[[Path], dict[str, bytes]],
) -> None:
    """The configuration and the layers in a Docker archive come out again, compressed."""
    if not (made / "made.tar").exists():
        pytest.skip("umoci writes no Docker archives")
    push_image(ecr_client, made / "made.tar", "team/app:1", create=True)
    run("skopeo", "copy", "docker-archive:made.tar", "dir:plain", cwd=made)
    plain = {path.name: path.read_bytes() for path in (made / "plain").iterdir()}
    found = contents(copy_out("team/app:1")).values()
    layers = [gzip.decompress(each) for each in found if each.startswith(b"\x1f\x8b")]

    assert layers
    assert all(layer in plain.values() for layer in layers)


def test_artifacts_of_oras(
    local_ecr: LocalECR,
    ecr_client: ECRClient,
    tmp_path: Path,
    contents: Callable[[Path], dict[str, bytes]],
) -> None:
    """An artifact and what refers to it are pulled, pushed elsewhere, and are the same there."""
    oras: Any = pytest.importorskip("oras.client", reason="pip install oras")
    from oras.oci import Subject

    from ecr_client.docker import get_docker_credentials

    for name in ("theirs", "ours"):
        ecr_client.create_repository(repository_name=f"team/{name}")
    host = urlsplit(local_ecr.endpoint).netloc
    client = oras.OrasClient(hostname=host, insecure=True, auth_backend="basic")
    credentials = get_docker_credentials(ecr_client)
    client.auth.set_basic_auth(credentials.username, credentials.password)
    (tmp_path / "sbom.json").write_text('{"packages": []}')
    options = {"files": [str(tmp_path / "sbom.json")], "disable_path_validation": True}
    client.push(f"{host}/team/theirs:1", **options)
    pull_image(ecr_client, "team/theirs:1", tmp_path / "subject")
    (found,) = Layout(tmp_path / "subject").read_index().manifests
    subject = Subject(found.media_type, found.digest, found.size)
    client.push(f"{host}/team/theirs:sbom", subject=subject, **options)
    client.session.close()

    pulled = pull_image(ecr_client, "team/theirs:1", tmp_path / "a", referrers=True)
    push_image(ecr_client, f"oci:{tmp_path / 'a'}:1", "team/ours:1", referrers=True)
    pull_image(ecr_client, "team/ours:1", tmp_path / "b", referrers=True)

    assert len(pulled.manifests) == 2
    assert contents(tmp_path / "a") == contents(tmp_path / "b")
