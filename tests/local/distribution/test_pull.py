"""Pulling manifests and blobs."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client.models import ImageIdentifier

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
NOWHERE = "sha256:" + "0" * 64


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_comes_as_it_was_pushed(by: str, registry: Any) -> None:
    """By tag and by digest the answer has the bytes, their type and their digest."""
    pushed = registry.image("team/app", "v1")

    answer = registry.send("GET", f"team/app/manifests/{'v1' if by == 'tag' else pushed.digest}")

    assert answer.status_code == 200
    assert answer.content == pushed.manifest
    assert answer.headers["Content-Type"] == MANIFEST
    assert answer.headers["Docker-Content-Digest"] == pushed.digest


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
    "accept",
    [
        MANIFEST,
        f"{INDEX}, {MANIFEST}",
        f"{DOCKER};q=0.9,{MANIFEST};q=0.5",
        MANIFEST.upper(),
        "*/*",
        "application/*",
        f"{DOCKER}, */*;q=0.1",
        "",
    ],
)
def test_a_manifest_is_given_to_who_accepts_it(accept: str, registry: Any) -> None:
    """The Accept header may name the type, or anything, or nothing."""
    registry.image("team/app", "v1")

    answer = registry.send("GET", "team/app/manifests/v1", headers={"Accept": accept})

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == MANIFEST


@pytest.mark.parametrize("accept", [DOCKER, f"{DOCKER}, {INDEX}", "text/plain"])
def test_a_manifest_is_not_given_to_who_does_not_accept_it(accept: str, registry: Any) -> None:
    """Nothing is converted: for a caller that cannot read its type the image is not there."""
    registry.image("team/app", "v1")

    answer = registry.send("GET", "team/app/manifests/v1", headers={"Accept": accept})

    assert registry.code(answer) == (404, "MANIFEST_UNKNOWN")


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
def test_what_cannot_be_had(path: str, status: int, code: str, registry: Any) -> None:
    """What is not there or not well named gets the specification's code."""
    registry.image("team/app", "v1")

    assert registry.code(registry.send("GET", path)) == (status, code)
    assert registry.send("HEAD", path).status_code == status


@pytest.mark.parametrize(
    ("asked", "expected", "said"),
    [
        ("bytes=0-3", b"0123", "bytes 0-3/10"),
        ("bytes=4-", b"456789", "bytes 4-9/10"),
        ("bytes=-2", b"89", "bytes 8-9/10"),
        ("bytes=8-99", b"89", "bytes 8-9/10"),
    ],
)
def test_a_range_of_a_blob(asked: str, expected: bytes, said: str, registry: Any) -> None:
    """A download can be continued where it was cut off."""
    digest = registry.blob("team/app", b"0123456789")

    answer = registry.send("GET", f"team/app/blobs/{digest}", headers={"Range": asked})

    assert (answer.status_code, answer.content) == (206, expected)
    assert answer.headers["Content-Range"] == said


def test_a_range_behind_the_end(registry: Any) -> None:
    """A range that the blob does not have is refused, with the blob's size."""
    digest = registry.blob("team/app", b"0123456789")

    answer = registry.send("GET", f"team/app/blobs/{digest}", headers={"Range": "bytes=10-"})

    assert answer.status_code == 416
    assert answer.headers["Content-Range"] == "bytes */10"


def test_a_blob_is_in_the_repository_that_it_was_pushed_to(registry: Any, api: Any) -> None:
    """What another repository has cannot be pulled from this one."""
    api.create_repository(repository_name="other")
    digest = registry.blob("team/app", b"layer")

    answer = registry.send("GET", f"other/blobs/{digest}")

    assert registry.code(answer) == (404, "BLOB_UNKNOWN")


def test_a_digest_may_be_escaped(registry: Any) -> None:
    """The colon of a digest may come as %3A."""
    digest = registry.blob("team/app", b"layer")

    answer = registry.send("GET", f"team/app/blobs/{digest.replace(':', '%3A')}")

    assert answer.content == b"layer"


@pytest.mark.parametrize(
    "name", ["aa", "a/b/c/d", "blobs", "manifests/tags", "team/blobs/uploads", "v2/tags/list"]
)
def test_names_may_have_slashes_and_be_like_paths(name: str, registry: Any, api: Any) -> None:
    """Whatever a repository may be called, it can be pushed to and pulled from."""
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


def test_an_index_and_what_it_lists(registry: Any) -> None:
    """An index comes with its type, and each image that it lists by its digest."""
    images = [registry.image("team/app", layer=text) for text in (b"amd64", b"arm64")]
    index = registry.index("team/app", "v1", *images)

    answer = registry.send("GET", "team/app/manifests/v1", headers={"Accept": INDEX})

    assert answer.content == index.manifest
    assert answer.headers["Content-Type"] == INDEX
    for item, image in zip(json.loads(answer.content)["manifests"], images, strict=True):
        pulled = registry.send("GET", f"team/app/manifests/{item['digest']}")
        assert pulled.content == image.manifest
