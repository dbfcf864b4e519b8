"""Images made by other tools survive a push and a pull unchanged."""

from __future__ import annotations

import gzip
import subprocess
from functools import partial
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client import ECRClient
from ecr_client.docker import docker_login
from ecr_client.images import pull_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Layout

pytestmark = pytest.mark.slow


def make_with_umoci(run: Any) -> None:
    """Make an image with a layer and a label."""
    run("umoci", "init", "--layout", "made")
    run("umoci", "new", "--image", "made:1")
    run("umoci", "insert", "--rootless", "--image", "made:1", "file", "/file")
    run("umoci", "config", "--image", "made:1", "--config.label", "made.by=umoci")


def make_with_buildah(run: Any) -> None:
    """Make an image from scratch, as a layout and as a Docker archive."""
    buildah = partial(run, "buildah", "--storage-driver=vfs", "--root=storage", "--runroot=run")
    try:
        container = buildah("from", "scratch")
    except subprocess.CalledProcessError as error:
        pytest.skip(f"buildah does not work here: {error.stderr.strip()}")
    buildah("copy", container, "file", "/file")
    buildah("commit", container, "oci:made:1")
    buildah("commit", "--format=docker", container, "docker-archive:made.tar")
    buildah("rm", "--all")


MAKERS = {"umoci": make_with_umoci, "buildah": make_with_buildah}


@pytest.fixture(params=MAKERS)
def made(request: pytest.FixtureRequest, tmp_path: Path, tool: Any) -> Path:
    """Return a folder with an image as ``made`` and, if the tool supports it, as ``made.tar``."""
    (tmp_path / "file").write_text("content")
    MAKERS[request.param](partial(tool, cwd=tmp_path))
    return tmp_path


@pytest.fixture
def copied_out(ecr_client: ECRClient, tmp_path: Path, tool: Any, contents: Any) -> Any:
    """Return a function that copies the image out with skopeo, and returns its blobs."""

    def copy() -> dict[str, bytes]:
        login = docker_login(ecr_client, path=tmp_path / "config.json")
        flags = ("--all", "--preserve-digests", "--src-tls-verify=false", "--authfile", login.path)
        places = (f"docker://{login.registry}/team/app:1", f"oci:{tmp_path / 'skopeo'}:1")
        tool("skopeo", "copy", *flags, *places)
        return contents(tmp_path / "skopeo/blobs")  # type: ignore[no-any-return]

    return copy


def test_layouts(ecr_client: ECRClient, made: Path, copied_out: Any, contents: Any) -> None:
    """Skopeo and a pull both return every byte of a pushed image."""
    result = push_image(ecr_client, f"oci:{made / 'made'}:1", "team/app:1", create=True)
    pull_image(ecr_client, "team/app:1", made / "pulled")
    found, theirs = copied_out(), contents(made / "made/blobs")

    assert found == contents(made / "pulled/blobs")
    # umoci keeps manifests that it has replaced.
    assert found.items() <= theirs.items()
    assert {result.digest, *(layer.digest for layer in result.layers)} <= {
        name.replace("/", ":") for name in found
    }


def test_docker_archives(
    ecr_client: ECRClient, made: Path, copied_out: Any, tool: Any, contents: Any
) -> None:
    """The configuration and the layers of a Docker archive are preserved, but compressed."""
    if not (made / "made.tar").exists():
        pytest.skip("umoci writes no Docker archives")
    push_image(ecr_client, made / "made.tar", "team/app:1", create=True)
    tool("skopeo", "copy", "docker-archive:made.tar", "dir:plain", cwd=made)
    found = copied_out().values()
    layers = {gzip.decompress(each) for each in found if each.startswith(b"\x1f\x8b")}

    assert layers
    assert layers <= {*contents(made / "plain").values()}


def test_artifacts_of_oras(
    local_ecr: LocalECR, ecr_client: ECRClient, tmp_path: Path, contents: Any
) -> None:
    """An artifact and its referrers can be pulled, and are unchanged when pushed elsewhere."""
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
    assert contents(tmp_path / "a/blobs") == contents(tmp_path / "b/blobs")
