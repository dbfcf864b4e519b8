"""``ecr repos``."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage


def test_list(ecr: Any, ecr_client: ECRClient) -> None:
    """All repositories are listed, as a table or as the document of the service."""
    names = [f"team/app{number}" for number in range(3)]
    for name in names:
        ecr_client.create_repository(repository_name=name)
    table = ecr("repos", "list").out.splitlines()
    document = ecr("repos", "list", "--output", "json").json

    assert [line.split()[0] for line in table] == ["REPOSITORY", *names]
    assert [each["repositoryName"] for each in document["repositories"]] == names


def test_empty_list(ecr: Any) -> None:
    """A registry without repositories is an empty list, not an error."""
    ended = ecr("repos", "list", "--output", "json")

    assert (ended.status, ended.json) == (0, {"repositories": []})


def test_create(ecr: Any, ecr_client: ECRClient, local_ecr: LocalECR) -> None:
    """A repository is created with the options, and its URI is printed."""
    options = ("--immutable", "--scan-on-push", "--resource-tag", "team=web")
    ended = ecr("repos", "create", "team/app", *options)
    (found,) = ecr_client.describe_repositories().repositories
    tags = ecr_client.list_tags_for_resource(resource_arn=found.repository_arn or "").tags

    assert ended.out.strip() == found.repository_uri
    assert found.image_tag_mutability == "IMMUTABLE"
    assert found.image_scanning_configuration is not None
    assert found.image_scanning_configuration.scan_on_push
    assert [(each.key, each.value) for each in tags] == [("team", "web")]


def test_create_again(ecr: Any) -> None:
    """Creating an existing repository fails, unless that is allowed."""
    ecr("repos", "create", "team/app")

    assert ecr("repos", "create", "team/app").status == 3
    assert ecr("repos", "create", "team/app", "--if-not-exists").status == 0


def test_describe_by_uri(ecr: Any, ecr_client: ECRClient) -> None:
    """A repository can be named by its URI, as in docker."""
    made = ecr_client.create_repository(repository_name="team/app").repository
    assert made is not None
    ended = ecr("repos", "describe", made.repository_uri)

    assert ended.status == 0
    assert f"arn            {made.repository_arn}" in ended.out.splitlines()


def test_delete(ecr: Any, ecr_client: ECRClient, pushed: RandomImage) -> None:
    """A repository with images is only deleted by force, and after a confirmation."""
    refused = ecr("repos", "delete", "team/app", "--yes")
    planned = ecr("repos", "delete", "team/app", "--force", "--dry-run")
    unconfirmed = ecr("repos", "delete", "team/app", "--force")
    left = ecr_client.describe_repositories().repositories
    deleted = ecr("repos", "delete", "team/app", "--force", "--yes")

    assert (refused.status, planned.status, unconfirmed.status) == (1, 0, 7)
    assert planned.out == "would delete team/app with 3 images\n"
    assert len(left) == 1
    assert (deleted.status, deleted.out) == (0, "deleted team/app\n")
    assert ecr_client.describe_repositories().repositories == ()


@pytest.mark.parametrize(("response", "status"), [("y\n", 0), ("n\n", 7), ("\n", 7), ("", 7)])
def test_confirmation(ecr: Any, ecr_client: ECRClient, response: str, status: int) -> None:
    """On a terminal, only a yes confirms."""
    ecr_client.create_repository(repository_name="team/app")
    ended = ecr("repos", "delete", "team/app", stdin=response, is_terminal=True)

    assert ended.status == status
    assert "delete 'team/app' with 0 images? [y/N]" in ended.err
    assert ("[y/N] \n" in ended.err) == (response == "")  # Ctrl-D does not end the line
