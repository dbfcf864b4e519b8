"""``ecr images``."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.testing import RandomImage, random_image


def count(client: ECRClient) -> int:
    """Return the number of images in ``team/app``."""
    return len(client.describe_images(repository_name="team/app").image_details)


@pytest.mark.parametrize(("option", "expected"), [(None, 3), ("--tagged", 1), ("--untagged", 2)])
def test_list(ecr: Any, pushed: RandomImage, option: str | None, expected: int) -> None:
    """All images are listed, or those with or without tags."""
    words = ["images", "list", "team/app", *([option] if option else [])]
    table = ecr(*words).out.splitlines()

    assert len(table) == 1 + expected
    assert len(ecr(*words, "--output", "json").json["imageDetails"]) == expected


def test_inspect(ecr: Any, pushed: RandomImage) -> None:
    """An image is shown with its platforms and layers; the default tag is ``latest``."""
    shown = ecr("images", "inspect", "team/app").out
    document = ecr("images", "inspect", f"team/app@{pushed.digest}", "--output", "json").json
    layers = [layer.digest for manifest in pushed.manifests for layer in manifest.layers]

    assert document["digest"] == pushed.digest
    assert [each["platform"]["architecture"] for each in document["manifests"]] == [
        "amd64",
        "arm64",
    ]
    assert all(text in shown for text in ("linux/amd64", "linux/arm64", pushed.digest, *layers))


def test_delete_by_name(ecr: Any, ecr_client: ECRClient, pushed: RandomImage) -> None:
    """After confirmation, an image is deleted with all its tags and platforms."""
    planned = ecr("images", "delete", "team/app:1", "--dry-run")
    unconfirmed = ecr("images", "delete", "team/app:1")
    before = count(ecr_client)
    deleted = ecr("images", "delete", "team/app:1", "--yes")

    assert planned.out.count("\ndelete ") == 3
    assert unconfirmed.status == 7
    assert "tagged '1', 'latest'" in unconfirmed.err
    assert before == 3
    assert (deleted.out, count(ecr_client)) == ("deleted 3 images of team/app\n", 0)


def test_kept_platforms(ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tags: Any) -> None:
    """A platform with its own tag is kept when its index is deleted."""
    platform = pushed.manifests[0].descriptor.digest
    ecr("images", "tag", f"team/app@{platform}", "amd64")
    ecr("images", "delete", "team/app:latest", "--yes")

    assert tags(ecr_client) == {"amd64": platform}
    assert count(ecr_client) == 1


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--untagged"], 0),
        (["--tagged", "l*"], 1),
        (["--tagged", "x*"], 0),
        (["--tagged", "*", "--older-than", "1h"], 0),
        (["--not-pulled-for", "2w"], 0),
        (["--keep-newest", "0"], 3),
    ],
)
def test_delete_by_options(
    ecr: Any, pushed: RandomImage, options: list[str], expected: int
) -> None:
    """Only images that match all options are deleted, and the children of a kept index are kept."""
    ended = ecr("images", "delete", "team/app", *options, "--dry-run", "--output", "json")

    assert sum(each["isDeleted"] for each in ended.json["images"]) == expected


@pytest.mark.parametrize(
    "words",
    [
        ["team/app"],
        ["team/app:1", "--untagged"],
        ["team/app:1", "other/app:1"],
        ["team/app:1", "team/app"],
        ["team/app", "--older-than", "1 month"],
    ],
)
def test_ambiguous_deletions(
    ecr: Any, ecr_client: ECRClient, pushed: RandomImage, words: list[str]
) -> None:
    """A command that does not say clearly which images to delete deletes none."""
    assert ecr("images", "delete", *words, "--yes").status == 2
    assert count(ecr_client) == 3


def test_tag(
    ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tmp_path: Any, tags: Any
) -> None:
    """Tags are added and moved, and an existing one is not an error."""
    other = random_image(tmp_path / "other", seed=2, size=100)
    push_image(ecr_client, other.path, "team/app:2")
    ended = ecr("images", "tag", "team/app:2", "2", "latest", "stable")

    assert ended.status == 0
    assert tags(ecr_client) == {
        "1": pushed.digest,
        "2": other.digest,
        "latest": other.digest,
        "stable": other.digest,
    }


def test_untag(ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tags: Any) -> None:
    """A tag is removed after a confirmation, which warns if the image is deleted with it."""
    planned = ecr("images", "untag", "team/app:1", "--dry-run")
    first = ecr("images", "untag", "team/app:1", "--yes")
    unconfirmed = ecr("images", "untag", "team/app:latest")

    assert (planned.status, first.status, unconfirmed.status) == (0, 0, 7)
    assert f"delete images that have no other tag: '{pushed.digest}'? " in unconfirmed.err
    assert tags(ecr_client) == {"latest": pushed.digest}


def test_untag_all_tags(ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tags: Any) -> None:
    """Removing all tags deletes the image; a missing tag is reported before any is removed."""
    both = ["team/app:1", "team/app:latest"]
    planned = ecr("images", "untag", *both, "--dry-run", "--query", "imageIds[].imageDeleted")
    missing = ecr("images", "untag", *both, "team/app:nope", "--yes")
    before = tags(ecr_client)
    removed = ecr("images", "untag", *both, "--yes")

    assert planned.json == [False, True]
    assert (missing.status, len(before)) == (3, 2)
    assert f"removed the tag 'latest' and the image {pushed.digest}" in removed.out
    assert tags(ecr_client) == {}


def test_missing_image(ecr: Any, pushed: RandomImage) -> None:
    """A missing image is reported in one line, with the exit status of a refusal."""
    ended = ecr("images", "tag", "team/app:nope", "x")

    assert ended.status == 3
    assert ended.err.startswith("ecr: team/app has no image 'nope' (ImageNotFound, request id ")
    assert ecr("images", "inspect", "team/app:nope").status == 3
