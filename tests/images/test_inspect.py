"""Inspection of images: platforms, configurations, layers and sizes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import ImageSourceException
from ecr_client.images import inspect_image, push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Index
from ecr_client.testing import RandomImage


def test_an_index(ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage) -> None:
    """Each platform has its configuration and its layers, and no layer is downloaded."""
    local_ecr.requests.clear()
    found = inspect_image(ecr_client, "team/app:1")
    sizes = {blob.digest: blob.size for blob in pushed.blobs}

    assert (found.digest, found.platforms) == (pushed.digest, ("linux/amd64", "linux/arm64/v8"))
    assert (found.size, found.shared_size) == (sum(sizes.values()), 0)
    assert [each.config["architecture"] for each in found.manifests] == ["amd64", "arm64"]
    assert [each.layers for each in found.manifests] == [each.layers for each in pushed.manifests]
    assert len(local_ecr.requests.of("DownloadLayer")) == 2


def test_shared_layers(ecr_client: ECRClient, tmp_path: Path, make_layout: Any) -> None:
    """Layers of several manifests count once, and make up the shared size."""
    layout = make_layout(tmp_path)
    one = layout.add(("text/plain", b"shared"), ("text/plain", b"one"))
    two = layout.add(("text/plain", b"shared"))
    layout.replace(Index(manifests=(one, two)))
    push_image(ecr_client, tmp_path, "team/app:1", create=True)
    found = inspect_image(ecr_client, "team/app:1")

    assert (found.size, found.shared_size) == (len("{}sharedone"), len("{}shared"))
    assert [each.size for each in found.manifests] == [11, 8]


def test_artifacts(ecr_client: ECRClient, tmp_path: Path, make_layout: Any) -> None:
    """An artifact has no platform and no configuration, but a type and annotations."""
    members = {"artifact_type": "application/vnd.example", "annotations": {"key": "value"}}
    make_layout(tmp_path).add(("text/plain", b"content"), **members)
    push_image(ecr_client, tmp_path, "team/app:1", create=True)
    (found,) = inspect_image(ecr_client, "team/app:1").manifests

    assert (found.platform, found.config) == (None, {})
    assert (found.artifact_type, found.annotations) == ("application/vnd.example", {"key": "value"})


def test_missing_images(ecr_client: ECRClient, pushed: RandomImage) -> None:
    """A missing image is an error that says so."""
    with pytest.raises(ImageSourceException, match="ImageNotFound"):
        inspect_image(ecr_client, "team/app:none")
    with pytest.raises(ValueError, match="does not name an image"):
        inspect_image(ecr_client, "team/app")


@pytest.mark.slow
def test_skopeo_agrees(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, tool: Any
) -> None:
    """Skopeo finds the same digests, layers and platform."""
    from ecr_client.docker import docker_login

    login = docker_login(ecr_client, path=tmp_path / "config.json")
    words = ("skopeo", "inspect", "--tls-verify=false", "--override-arch=amd64", "--authfile")
    theirs = json.loads(tool(*words, login.path, f"docker://{login.registry}/team/app:1"))
    ours = inspect_image(ecr_client, "team/app:1")

    assert theirs["Digest"] == ours.digest
    assert theirs["Layers"] == [layer.digest for layer in ours.manifests[0].layers]
    assert theirs["Architecture"] == ours.manifests[0].config["architecture"]
