"""What a push does besides storing: repositories by template, scans, copies in other regions."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client.local import LocalECR
from ecr_client.models import (
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
)


def template(api: Any, prefix: str, *reasons: str) -> None:
    """Create a template for repositories with immutable tags."""
    api.create_repository_creation_template(
        prefix=prefix, applied_for=list(reasons), image_tag_mutability="IMMUTABLE"
    )


@pytest.mark.parametrize("prefix", ["team", "ROOT"])
def test_a_template_creates_the_repository(prefix: str, registry: Any, api: Any) -> None:
    """A push to a repository that is not there makes it as the template for its name says."""
    template(api, prefix, "CREATE_ON_PUSH")

    pushed = registry.image("team/new", "v1")

    (made,) = api.describe_repositories(repository_names=["team/new"]).repositories
    assert made.image_tag_mutability == "IMMUTABLE"
    assert registry.send("GET", "team/new/manifests/v1").content == pushed.manifest


def test_a_manifest_creates_the_repository(registry: Any, api: Any) -> None:
    """An index that lists nothing is a push too."""
    template(api, "team", "CREATE_ON_PUSH")

    pushed = registry.index("team/new", "v1")

    assert registry.send("GET", "team/new/manifests/v1").content == pushed.manifest


@pytest.mark.parametrize(
    ("prefix", "reason"), [("other", "CREATE_ON_PUSH"), ("team", "REPLICATION")]
)
def test_other_templates(prefix: str, reason: str, registry: Any, api: Any) -> None:
    """A template for other names or for other reasons does not let a push make a repository."""
    template(api, prefix, reason)

    response = registry.send("POST", "team/new/blobs/uploads/")

    assert registry.code(response) == (404, "NAME_UNKNOWN")


def test_a_pull_creates_no_repository(registry: Any, api: Any) -> None:
    """Asking whether something is there does not make its repository, and nor does a bad push."""
    template(api, "team", "CREATE_ON_PUSH")

    registry.send("HEAD", f"team/new/blobs/{registry.digest(b'')}")
    registry.send("GET", "team/new/tags/list")
    registry.put("team/new", ".v1", b"")

    assert registry.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


def test_a_push_is_replicated(registry: Any, api: Any, ecr: LocalECR) -> None:
    """A push through the protocol is replicated."""
    destination = ReplicationDestination(region="eu-west-1", registry_id=ecr.account)
    api.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(
            rules=[ReplicationRule(destinations=[destination])]
        )
    )

    pushed = registry.image("team/app", "v1")

    with ecr.client(region="eu-west-1") as there:
        (image,) = there.describe_images(repository_name="team/app").image_details
    assert image.image_digest == pushed.digest
