"""What an account may do in another account's registry, as far as its policies allow."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import to_dict
from ecr_client.exceptions import AccessDeniedException
from ecr_client.local import LocalECR, validation
from ecr_client.local.permissions import RESOURCE_TYPES, ResourceType
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example

OWN, OTHER = "123456789012", "210987654321"
ARN = f"arn:aws:ecr:us-east-1:{OTHER}:repository/app"
DIGEST = f"sha256:{'0' * 64}"
IMAGES = {"imageIds": [{"imageTag": "v1"}]}

#: Members that an operation needs besides those of its example.
MEMBERS: dict[str, dict[str, Any]] = {
    "BatchCheckLayerAvailability": {"layerDigests": [DIGEST]},
    "BatchDeleteImage": IMAGES,
    "BatchGetImage": IMAGES,
    "CompleteLayerUpload": {"layerDigests": [DIGEST]},
    "PutLifecyclePolicy": {"lifecyclePolicyText": "{}".ljust(100)},
    "UploadLayerPart": {"layerPartBlob": "eA=="},
}
FOREIGN = sorted(name for name, target in RESOURCE_TYPES.items() if target is not ResourceType.OWN)


def members_of(operation: str) -> dict[str, Any]:
    """Return the members of a request to the other account."""
    about: dict[ResourceType, dict[str, Any]] = {
        ResourceType.ARN: {"resourceArn": ARN},
        ResourceType.REPOSITORIES: {"registryId": OTHER, "repositoryNames": ["app"]},
        ResourceType.REPOSITORY: {"registryId": OTHER, "repositoryName": "app"},
        ResourceType.REGISTRY: {"registryId": OTHER},
    }
    given = to_dict(example(OPERATIONS[operation].request_class), "wire")
    return {**given, **about[RESOURCE_TYPES[operation]], **MEMBERS.get(operation, {})}


def policy(effect: str = "Allow", **changes: Any) -> str:
    """Return a policy with one statement about the server's own account."""
    elements = {"Effect": effect, "Principal": {"AWS": OWN}, "Action": "ecr:*", **changes}
    return json.dumps({"Statement": {key: value for key, value in elements.items() if value}})


@pytest.fixture
def other(connect: Any) -> Any:
    """Return a client of another account, with the repository ``app``."""
    client = connect(account=OTHER)
    client.create_repository()
    return client


def test_the_table_is_complete() -> None:
    """The table has all operations, and the resource of each that names a registry."""
    shapes = {name: each.input_shape.members for name, each in validation.operations().items()}
    foreign = {name for name in shapes if {"registryId", "resourceArn"} & set(shapes[name])}

    assert set(RESOURCE_TYPES) == set(shapes)
    assert set(FOREIGN) == foreign


@pytest.mark.parametrize("operation", FOREIGN)
def test_an_operation_needs_a_policy(operation: str, ecr: LocalECR, other: Any, call: Any) -> None:
    """A policy of the registry or repository with just the action allows it; a Deny wins."""
    action, members = f"ecr:{operation}", members_of(operation)
    alone, others = {"Action": action}, {"Action": None, "NotAction": action}

    def refused(*, repository: str = "", registry: str = "") -> str:
        """Return the error message if these policies deny access, or an empty string."""
        ecr.reset()
        other.create_repository()
        if repository:
            other.set_repository_policy(policy_text=repository)
        if registry:
            other.put_registry_policy(policy_text=registry)
        status, body = call(operation, **members)
        denied = (status, body.get("__type")) == (400, "AccessDeniedException")
        return body["message"] if denied else ""

    of_registry = RESOURCE_TYPES[operation] is ResourceType.REGISTRY
    assert refused() == (
        f"User: arn:aws:iam::{OWN}:root is not authorized to perform: {action} on resource:"
        f" {f'{ARN[:-3]}*' if of_registry else ARN}"
        f" because no resource-based policy allows the {action} action"
    )
    assert refused(registry=policy(**others, Resource="*"))
    assert not refused(registry=policy(**alone, Resource="*"))
    if not of_registry:
        assert refused(repository=policy(**others))
        assert not refused(repository=policy(**alone))
        denied = refused(repository=policy("Deny"), registry=policy(Resource="*"))
        assert denied.endswith(f"{ARN} with an explicit deny in a resource-based policy")


def test_a_policy_is_for_its_repository(client: Any, other: Any) -> None:
    """A repository's policy does not cover other repositories, missing ones, or the list of all."""
    other.create_repository(repository_name="secret")
    other.set_repository_policy(policy_text=policy())
    (found,) = client.describe_repositories(
        registry_id=OTHER, repository_names=["app"]
    ).repositories

    assert found.repository_name == "app"
    with pytest.raises(AccessDeniedException, match="repository/secret"):
        client.describe_repositories(registry_id=OTHER, repository_names=["app", "secret"])
    with pytest.raises(AccessDeniedException, match=r"repository/\*"):
        client.describe_repositories(registry_id=OTHER)
    with pytest.raises(AccessDeniedException, match="no resource-based policy allows"):
        client.list_images(registry_id=OTHER, repository_name="nothing")


def test_a_policy_is_for_its_region(client: Any, other: Any, connect: Any) -> None:
    """The policies of a registry in one region allow nothing in another."""
    other.put_registry_policy(policy_text=policy(Resource="*"))
    here = client.describe_repositories(registry_id=OTHER).repositories

    assert len(here) == 1
    with pytest.raises(AccessDeniedException):
        connect(region="eu-west-1").describe_repositories(registry_id=OTHER)


def test_tagging_a_new_repository(client: Any, other: Any) -> None:
    """Creating a repository with tags requires the action for tagging, too."""
    members = {"registry_id": OTHER, "tags": [{"Key": "team", "Value": "a"}]}
    other.put_registry_policy(policy_text=policy(Action="ecr:CreateRepository", Resource="*"))
    with pytest.raises(AccessDeniedException, match="ecr:TagResource"):
        client.create_repository(repository_name="first", **members)
    both = ["ecr:CreateRepository", "ecr:TagResource"]
    other.put_registry_policy(policy_text=policy(Action=both, Resource="*"))
    client.create_repository(repository_name="second", **members)

    found = other.describe_repositories().repositories
    assert [one.repository_name for one in found] == ["app", "second"]


def test_the_own_account_is_not_denied(other: Any) -> None:
    """Policies never restrict principals of the own account."""
    other.set_repository_policy(policy_text=policy("Deny", Principal="*"), force=True)
    other.put_registry_policy(policy_text=policy("Deny", Principal="*", Resource="*"))
    other.delete_repository()

    assert other.describe_repositories().repositories == ()


def test_open_accounts(plain: Any) -> None:
    """With ``open_accounts``, policies are neither needed nor evaluated."""
    with LocalECR(open_accounts=True) as ecr, ecr.client() as client:
        plain(client).create_repository(registry_id=OTHER)
        plain(client).set_repository_policy(registry_id=OTHER, policy_text=policy("Deny"))
        (found,) = client.describe_repositories(registry_id=OTHER).repositories

    assert found.registry_id == OTHER
