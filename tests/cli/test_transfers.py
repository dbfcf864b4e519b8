"""``ecr push``, ``pull``, ``copy`` and ``sync``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.local import LocalECR
from ecr_client.oci import Layout
from ecr_client.testing import RandomImage, random_image


def test_push(ecr: Any, ecr_client: ECRClient, image: RandomImage, tags: Any) -> None:
    """An image is pushed with all its tags; without a terminal, each blob is a line."""
    words = ("push", image.path, "docker://team/app:1", "--tag", "latest", "--create")
    ended = ecr(*words, "--output", "json")

    assert ended.json["digest"] == image.digest
    assert tags(ecr_client) == {"1": image.digest, "latest": image.digest}
    assert ended.err.startswith("6 blobs to move, ")
    assert ended.err.count(" moved, ") == 6


def test_push_without_repository(ecr: Any, image: RandomImage) -> None:
    """A missing repository is named, with advice."""
    ended = ecr("push", image.path, "team/app:1")

    assert ended.status == 3
    assert "'ecr repos create team/app', or add --create" in ended.err
    assert "request id" in ended.err


@pytest.mark.parametrize(
    "words",
    [
        ("copy", "team/nope:1", "team/app:1"),
        ("copy", "team/nope:1", "team/new:1", "--create", "--dry-run"),
        ("sync", "team/nope", "team/app"),
        ("sync", "team/nope", "team/new", "--create", "--dry-run"),
    ],
)
def test_missing_source(ecr: Any, pushed: RandomImage, words: tuple[str, ...]) -> None:
    """A missing source is reported as such, not as a missing repository."""
    ended = ecr(*words)

    assert (ended.status, ended.out) == (3, "")
    assert "'team/nope'" in ended.err
    assert "'ecr repos create team/app'" not in ended.err


def test_push_by_uri(ecr: Any, ecr_client: ECRClient, image: RandomImage, tags: Any) -> None:
    """A repository can be named with the host of the registry, as in docker."""
    made = ecr_client.create_repository(repository_name="team/app").repository
    assert made is not None

    assert ecr("push", image.path, f"{made.repository_uri}:1").status == 0
    assert tags(ecr_client) == {"1": image.digest}


def test_dry_runs_write_nothing(
    ecr: Any, ecr_client: ECRClient, pushed: RandomImage, local_ecr: LocalECR, tmp_path: Path
) -> None:
    """A dry run says what would be moved, and makes no call that writes."""
    ecr_client.create_repository(repository_name="team/copy")
    local_ecr.requests.clear()
    ended = {
        words[0]: ecr(*words, "--dry-run")
        for words in (
            ("push", pushed.path, "team/new:1", "--create"),
            ("pull", "team/app:1", tmp_path / "pulled"),
            ("copy", "team/app:1", "team/copy:1"),
            ("sync", "team/app", "team/new", "--create"),
        )
    }

    assert {name: each.status for name, each in ended.items()} == dict.fromkeys(ended, 0)
    assert ended["push"].out == "would create the repository, and move all of the image\n"
    assert ended["copy"].out.startswith("would move 6 blobs, ")
    assert ended["sync"].out.endswith("would copy 1 image to team/new\n")
    assert not (tmp_path / "pulled").exists()
    assert {each.operation for each in local_ecr.requests} <= {
        "BatchCheckLayerAvailability",
        "BatchGetImage",
        "DescribeImages",
        "DescribeRepositories",
        "DownloadLayer",
        "GetAccountSetting",
        "GetDownloadUrlForLayer",
    }


def test_pull(ecr: Any, pushed: RandomImage, tmp_path: Path) -> None:
    """An image is pulled into a layout under its tag, ``latest`` by default."""
    ended = ecr("pull", "team/app", f"oci:{tmp_path / 'pulled'}")
    (listed,) = Layout(tmp_path / "pulled").read_index().manifests

    assert ended.status == 0
    assert listed.digest == pushed.digest
    assert listed.annotations["org.opencontainers.image.ref.name"] == "latest"


@pytest.mark.parametrize("platform", ["linux/amd64", "linux/arm64"])
def test_platform(ecr: Any, pushed: RandomImage, tmp_path: Path, platform: str) -> None:
    """One platform of an image can be pulled."""
    target = f"docker-archive:{tmp_path / 'one.tar'}"
    ended = ecr("pull", "team/app:1", target, "--platform", platform, "--output", "json")
    ours = [each for each in pushed.manifests if str(each.descriptor.platform) == platform]

    assert ended.json["manifests"] == [each.descriptor.digest for each in ours]


def test_copy(ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tags: Any) -> None:
    """An image is copied with its tag."""
    ended = ecr("copy", "team/app:1", "team/copy", "--create")

    assert ended.status == 0
    assert tags(ecr_client, "team/copy") == {"1": pushed.digest}


def test_copy_between_regions(
    ecr: Any, local_ecr: LocalECR, ecr_client: ECRClient, pushed: RandomImage, tags: Any
) -> None:
    """The host of a reference selects its region; the option is for references without a host."""
    host = f"{local_ecr.account}.dkr.ecr.eu-west-1.amazonaws.com"
    words = ("copy", "team/app:1", f"{host}/team/copy", "--create")
    ended = ecr(*words, "--region", local_ecr.region)
    with local_ecr.client(region="eu-west-1") as there:
        found = tags(there, "team/copy")

    assert (ended.status, found) == (0, {"1": pushed.digest})


def test_sync(
    ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, tags: Any
) -> None:
    """Missing tags are copied, after which a second run has nothing to do."""
    other = random_image(tmp_path / "other", seed=2, size=100)
    push_image(ecr_client, other.path, "team/app:2")
    first = ecr("sync", "team/app", "team/copy", "--create", "--tag", "[12]")
    second = ecr("sync", "team/app", "team/copy", "--tag", "[12]", "--output", "json")

    assert first.out.endswith("2 images copied to team/copy, 0 tags already present\n")
    assert tags(ecr_client, "team/copy") == {"1": pushed.digest, "2": other.digest}
    assert second.json == {"copied": [], "failures": []}


def test_sync_with_failures(
    ecr: Any, ecr_client: ECRClient, local_ecr: LocalECR, pushed: RandomImage
) -> None:
    """An image that cannot be copied is in the document, and the exit status is 3."""
    ecr_client.create_repository(repository_name="team/copy")
    local_ecr.faults.add("PutImage", error="LimitExceededException", count=None)
    ended = ecr("sync", "team/app", "team/copy", "--output", "json")

    assert ended.status == 3
    assert [each["imageTags"] for each in ended.json["failures"]] == [["1", "latest"]]
    assert "LimitExceededException" in ended.json["failures"][0]["error"]
    assert "ecr: 1 image could not be copied" in ended.err


def test_progress_on_a_terminal(
    ecr: Any, image: RandomImage, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a terminal, stderr has progress bars instead of lines, and stdout only the result."""
    monkeypatch.setenv("TERM", "xterm")
    monkeypatch.setattr("sys.stderr.isatty", lambda: True)
    ended = ecr("push", image.path, "team/app:1", "--create")

    assert "\x1b[" in ended.err
    assert "blobs to move" not in ended.err
    assert ended.out.startswith(f"{image.digest}\nteam/app:1 as 1: ")
