"""Pulling manifests and blobs."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client.models import ImageIdentifier

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
NOWHERE = "sha256:" + "0" * 64


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_HEAD_gives_the_headers_of_GET(kind: str, oci_registry: Any) -> None:  # noqa: N802
    """Asking for headers alone gives the same ones, and no body."""
    registry = oci_registry
    pushed = registry.image("team/app", "v1")
    path = f"team/app/{kind}/{pushed.digest if kind == 'manifests' else pushed.layers[0]}"

    head, get = registry.send("HEAD", path), registry.send("GET", path)

    assert head.status_code == get.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["Content-Length"]) == len(get.content)


@pytest.mark.parametrize(
    ("accept", "status"),
    [
        *((f"{each}{MANIFEST}", 200) for each in ("", f"{INDEX}, ", f"{DOCKER};q=0.9,")),
        *((each, 200) for each in (MANIFEST.upper(), "*/*", "application/*", "")),
        (f"{DOCKER}, */*;q=0.1", 200),
        *((each, 404) for each in (DOCKER, f"{DOCKER}, {INDEX}", "text/plain")),
    ],
)
def test_the_accept_header(accept: str, status: int, registry: Any) -> None:
    """A manifest is returned if its type, or anything, is accepted; nothing is converted."""
    registry.image("team/app", "v1")
    response = registry.send("GET", "team/app/manifests/v1", headers={"Accept": accept})

    assert response.status_code == status
    if status == 200:
        assert response.headers["Content-Type"] == MANIFEST
    else:
        assert registry.code(response) == (404, "MANIFEST_UNKNOWN")


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("team/app/manifests/v2", 404, "MANIFEST_UNKNOWN"),
        (f"team/app/manifests/{NOWHERE}", 404, "MANIFEST_UNKNOWN"),
        ("team/app/manifests/sha256:123", 400, "DIGEST_INVALID"),
        ("team/app/manifests/sha512:" + "0" * 128, 400, "DIGEST_INVALID"),
        ("team/app/manifests/.v1", 400, "TAG_INVALID"),
        (f"team/app/blobs/{NOWHERE}", 404, "BLOB_UNKNOWN"),
        ("team/app/blobs/latest", 400, "DIGEST_INVALID"),
        ("team/other/manifests/v1", 404, "NAME_UNKNOWN"),
        (f"team/other/blobs/{NOWHERE}", 404, "NAME_UNKNOWN"),
        ("Team/App/manifests/v1", 400, "NAME_INVALID"),
        ("team//app/manifests/v1", 400, "NAME_INVALID"),
    ],
)
def test_errors(path: str, status: int, code: str, registry: Any) -> None:
    """Missing and malformed names have the specification's codes."""
    registry.image("team/app", "v1")

    assert registry.code(registry.send("GET", path)) == (status, code)
    assert registry.send("HEAD", path).status_code == status


@pytest.mark.parametrize(
    ("asked", "status", "expected", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_ranges(
    asked: str, status: int, expected: bytes | None, content_range: str, registry: Any
) -> None:
    """A download can be resumed, and a range behind the end is refused with the blob's size."""
    digest = registry.blob("team/app", b"0123456789")
    response = registry.send("GET", f"team/app/blobs/{digest}", headers={"Range": asked})

    assert (response.status_code, response.headers["Content-Range"]) == (status, content_range)
    assert expected in (None, response.content)


def test_a_digest_may_be_escaped(registry: Any) -> None:
    """The colon of a digest may come as %3A."""
    digest = registry.blob("team/app", b"layer")

    response = registry.send("GET", f"team/app/blobs/{digest.replace(':', '%3A')}")

    assert response.content == b"layer"


@pytest.mark.parametrize(
    "name", ["aa", "n" * 256, "blobs", "manifests/tags", "team/blobs/uploads", "v2/tags/list"]
)
def test_names_may_have_slashes_and_be_like_paths(name: str, registry: Any, api: Any) -> None:
    """Repositories with any valid name can be pushed to and pulled from."""
    api.create_repository(repository_name=name)
    pushed = registry.image(name, "list")

    manifest = registry.send("GET", f"{name}/manifests/list")
    layer = registry.send("GET", f"{name}/blobs/{pushed.layers[0]}")

    assert manifest.content == pushed.manifest
    assert layer.content == b"layer"
    assert registry.send("GET", f"{name}/tags/list").json() == {"name": name, "tags": ["list"]}


def test_a_pull_is_noted(registry: Any, api: Any) -> None:
    """DescribeImages knows when an image was pulled; asking whether it is there is no pull."""
    registry.image("team/app", "v1")
    registry.send("HEAD", "team/app/manifests/v1")
    (before,) = api.describe_images(repository_name="team/app").image_details

    registry.send("GET", "team/app/manifests/v1")
    (after,) = api.describe_images(repository_name="team/app").image_details

    assert before.last_recorded_pull_time is None
    assert after.last_recorded_pull_time is not None


def test_an_archived_image_cannot_be_pulled(registry: Any, api: Any) -> None:
    """Neither the manifest nor the layers of an archived image are given out, nor is it listed."""
    pushed = registry.image("team/app", "v1")
    api.update_image_storage_class(
        repository_name="team/app",
        image_id=ImageIdentifier(image_tag="v1"),
        target_storage_class="ARCHIVE",
    )

    manifest = registry.send("GET", "team/app/manifests/v1")
    layer = registry.send("GET", f"team/app/blobs/{pushed.layers[0]}")

    assert registry.code(manifest) == (404, "MANIFEST_UNKNOWN")
    assert registry.code(layer) == (404, "BLOB_UNKNOWN")
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == []
