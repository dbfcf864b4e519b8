"""``ecr policy`` and ``ecr lifecycle``."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.images import push_image
from ecr_client.testing import RandomImage, random_image

POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {"Sid": "Pull", "Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
    ],
}
LIFECYCLE = {
    "rules": [
        {
            "rulePriority": 1,
            "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
            "action": {"type": "expire"},
        }
    ]
}


@pytest.mark.parametrize(("group", "policy"), [("policy", POLICY), ("lifecycle", LIFECYCLE)])
def test_set_and_get(
    ecr: Any, ecr_client: ECRClient, tmp_path: Path, group: str, policy: dict[str, Any]
) -> None:
    """A policy from a file or stdin is printed in a form that can be set again."""
    ecr_client.create_repository(repository_name="team/app")
    path = tmp_path / "policy.json"
    path.write_text(json.dumps(policy))
    statuses = [ecr(group, "set", "team/app", path).status]
    printed = ecr(group, "get", "team/app")
    statuses.append(ecr(group, "set", "team/app", "-", stdin=printed.out).status)

    assert (statuses, printed.json) == ([0, 0], policy)


def test_delete_policy(ecr: Any, ecr_client: ECRClient) -> None:
    """A policy is deleted after a confirmation, but not in a dry run."""
    ecr_client.create_repository(repository_name="team/app")
    ecr("policy", "set", "team/app", "-", stdin=json.dumps(POLICY))
    planned = ecr("policy", "delete", "team/app", "--dry-run")
    unconfirmed = ecr("policy", "delete", "team/app")
    deleted = ecr("policy", "delete", "team/app", "--yes")
    gone = ecr("policy", "get", "team/app")

    assert planned.out.startswith("would delete the policy of team/app:\n")
    assert (planned.status, unconfirmed.status, deleted.status, gone.status) == (0, 7, 0, 3)


def test_preview(ecr: Any, ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path) -> None:
    """A preview lists the images that a policy would delete, without deleting them."""
    other = random_image(tmp_path / "other", seed=2, size=100)
    push_image(ecr_client, other.path, "team/app:2")
    words = ("lifecycle", "preview", "team/app", "-")
    document = ecr(*words, "--output", "json", stdin=json.dumps(LIFECYCLE)).json
    table = ecr(*words, stdin=json.dumps(LIFECYCLE)).out.splitlines()

    assert document["status"] == "COMPLETE"
    assert len(document["previewResults"]) == 3
    assert [line.split()[:2] for line in table[1:-1]] == [["EXPIRE", "1"]] * 3
    assert ecr("lifecycle", "get", "team/app").status == 3


@pytest.mark.parametrize("words", [("policy", "set"), ("lifecycle", "set")], ids=" ".join)
@pytest.mark.parametrize("content", [b"{rules", b"\xe4"])
def test_malformed_file(ecr: Any, tmp_path: Path, words: tuple[str, ...], content: bytes) -> None:
    """A file that is not a JSON document is named in one line, and not sent."""
    path = tmp_path / "policy.json"
    path.write_bytes(content)
    ended = ecr(*words, "team/app", path)

    assert ended.status == 1
    assert ended.err.startswith(f"ecr: {path}: not a JSON document: ")
    assert ended.err.count("\n") == 1
