"""What an account may do in the registry of another one: what that one's policies allow."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AccessDeniedException
from ecr_client.local import LocalECR, validation
from ecr_client.local.permissions import RESOURCE_TYPES, ResourceType
from ecr_client.models import Tag

OWN, OTHER = "123456789012", "210987654321"
ARN = f"arn:aws:ecr:us-east-1:{OTHER}:repository/app"
DIGEST = f"sha256:{'0' * 64}"
UPLOAD = "0b0de2c1-7c9e-4d0f-8f0a-1d8e2a7f3c55"
V1 = {"imageTag": "v1"}
PREFIX = {"ecrRepositoryPrefix": "quay"}
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 10},
    "action": {"type": "expire"},
}

#: What each operation needs besides the registry and the repository.
MEMBERS: dict[str, dict[str, Any]] = {
    "BatchCheckLayerAvailability": {"layerDigests": [DIGEST]},
    "BatchDeleteImage": {"imageIds": [V1]},
    "BatchGetImage": {"imageIds": [V1]},
    "CompleteLayerUpload": {"uploadId": UPLOAD, "layerDigests": [DIGEST]},
    "CreatePullThroughCacheRule": {**PREFIX, "upstreamRegistryUrl": "quay.io"},
    "DeletePullThroughCacheRule": PREFIX,
    "DescribeImageReplicationStatus": {"imageId": V1},
    "DescribeImageScanFindings": {"imageId": V1},
    "DescribeImageSigningStatus": {"imageId": V1},
    "DescribeReplicationBackfillResults": {"replicationBackfillId": UPLOAD},
    "GetDownloadUrlForLayer": {"layerDigest": DIGEST},
    "ListImageReferrers": {"subjectId": {"imageDigest": DIGEST}},
    "PutImage": {"imageManifest": "{}"},
    "PutImageScanningConfiguration": {"imageScanningConfiguration": {"scanOnPush": True}},
    "PutImageTagMutability": {"imageTagMutability": "IMMUTABLE"},
    "PutLifecyclePolicy": {"lifecyclePolicyText": json.dumps({"rules": [RULE]})},
    "SetRepositoryPolicy": {"policyText": "{}"},
    "StartImageScan": {"imageId": V1},
    "StartReplicationBackfill": {"destination": {"region": "eu-west-1", "registryId": OWN}},
    "StopReplicationBackfill": {"replicationBackfillId": UPLOAD},
    "TagResource": {"tags": [{"Key": "team", "Value": "a"}]},
    "UntagResource": {"tagKeys": ["team"]},
    "UpdateImageStorageClass": {"imageId": V1, "targetStorageClass": "ARCHIVE"},
    "UpdatePullThroughCacheRule": PREFIX,
    "UploadLayerPart": {
        "uploadId": UPLOAD,
        "partFirstByte": 0,
        "partLastByte": 0,
        "layerPartBlob": "eA==",
    },
    "ValidatePullThroughCacheRule": PREFIX,
}
FOREIGN = sorted(name for name, target in RESOURCE_TYPES.items() if target is not ResourceType.OWN)
OF_REPOSITORIES = [name for name in FOREIGN if RESOURCE_TYPES[name] is not ResourceType.REGISTRY]


def members_of(operation: str) -> dict[str, Any]:
    """Return the members of a request about the other account."""
    target = RESOURCE_TYPES[operation]
    about: dict[str, Any] = {"registryId": OTHER}
    if target is ResourceType.ARN:
        about = {"resourceArn": ARN}
    elif target is ResourceType.REPOSITORIES:
        about["repositoryNames"] = ["app"]
    elif target is ResourceType.REPOSITORY:
        about["repositoryName"] = "app"
    return {**about, **MEMBERS.get(operation, {})}


def policy(effect: str = "Allow", **changes: Any) -> str:
    """Return a policy of one statement about the server's own account."""
    elements = {"Effect": effect, "Principal": {"AWS": OWN}, "Action": "ecr:*", **changes}
    return json.dumps({"Statement": {key: value for key, value in elements.items() if value}})


@pytest.fixture
def other(connect: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of another account, which has the repository ``app``."""
    client = connect(account=OTHER)
    client.create_repository(repository_name="app")
    return client


def test_every_operation_is_known() -> None:
    """The table has all operations of the model, with the target of those that name a registry."""
    shapes = {name: each.input_shape.members for name, each in validation.operations().items()}
    foreign = {name for name in shapes if {"registryId", "resourceArn"} & set(shapes[name])}

    assert set(RESOURCE_TYPES) == set(shapes)
    assert set(FOREIGN) == foreign


@pytest.mark.parametrize("operation", FOREIGN)
def test_without_a_policy_nothing_is_allowed(
    operation: str, other: ECRClient, call: Callable[..., Any]
) -> None:
    """Every operation on another account is refused in the words of the service."""
    status, body = call(operation, **members_of(operation))

    resource = ARN if operation in OF_REPOSITORIES else f"{ARN[:-3]}*"
    assert (status, body["__type"]) == (400, "AccessDeniedException")
    assert body["message"] == (
        f"User: arn:aws:iam::{OWN}:root is not authorized to perform: ecr:{operation} on resource:"
        f" {resource} because no resource-based policy allows the ecr:{operation} action"
    )


@pytest.mark.parametrize(
    ("operation", "of_registry"),
    [*((name, True) for name in FOREIGN), *((name, False) for name in OF_REPOSITORIES)],
)
def test_a_policy_allows_an_action(
    operation: str, of_registry: bool, other: ECRClient, call: Callable[..., Any]
) -> None:
    """The policy of the registry or the repository allows an operation by its action alone."""
    action, members, found = f"ecr:{operation}", members_of(operation), []
    for changes in ({"Action": None, "NotAction": action}, {"Action": action}):
        if of_registry:
            other.put_registry_policy(policy_text=policy(**changes, Resource="*"))
        else:
            other.set_repository_policy(repository_name="app", policy_text=policy(**changes))
        found.append(call(operation, **members)[1].get("__type"))

    assert found[0] == "AccessDeniedException"
    assert found[1] != "AccessDeniedException"


@pytest.mark.parametrize("operation", OF_REPOSITORIES)
def test_explicit_deny(operation: str, other: ECRClient, call: Callable[..., Any]) -> None:
    """A Deny of the repository's policy outweighs an Allow of the registry's."""
    other.put_registry_policy(policy_text=policy(Resource="*"))
    other.set_repository_policy(repository_name="app", policy_text=policy("Deny"))

    status, body = call(operation, **members_of(operation))

    assert (status, body["__type"]) == (400, "AccessDeniedException")
    assert body["message"].endswith(f"{ARN} with an explicit deny in a resource-based policy")


@pytest.mark.usefixtures("other")
def test_missing_repositories_are_not_revealed(client: ECRClient) -> None:
    """A refusal does not reveal which repositories another account has."""
    with pytest.raises(AccessDeniedException, match="no resource-based policy allows"):
        client.list_images(registry_id=OTHER, repository_name="nothing")


def test_a_policy_is_for_its_repository(client: ECRClient, other: ECRClient) -> None:
    """What one repository allows, another one and the list of all of them do not."""
    other.create_repository(repository_name="secret")
    other.set_repository_policy(repository_name="app", policy_text=policy())
    describe = client.describe_repositories

    found = describe(registry_id=OTHER, repository_names=["app"]).repositories

    assert [one.repository_name for one in found] == ["app"]
    with pytest.raises(AccessDeniedException, match="repository/secret"):
        describe(registry_id=OTHER, repository_names=["app", "secret"])
    with pytest.raises(AccessDeniedException, match=r"repository/\*"):
        describe(registry_id=OTHER)


def test_a_policy_is_for_its_region(
    client: ECRClient, other: ECRClient, connect: Callable[..., ECRClient]
) -> None:
    """The policies of a registry in one region allow nothing in another."""
    other.put_registry_policy(policy_text=policy(Resource="*"))
    elsewhere = connect(region="eu-west-1")

    here = client.describe_repositories(registry_id=OTHER).repositories

    assert len(here) == 1
    with pytest.raises(AccessDeniedException):
        elsewhere.describe_repositories(registry_id=OTHER)


def test_repositories_with_tags_need_two_actions(client: ECRClient, other: ECRClient) -> None:
    """Creating a repository with tags is tagging it, too."""

    def create(name: str) -> None:
        client.create_repository(
            registry_id=OTHER, repository_name=name, tags=[Tag(key="team", value="a")]
        )

    other.put_registry_policy(policy_text=policy(Action="ecr:CreateRepository", Resource="*"))
    with pytest.raises(AccessDeniedException, match="ecr:TagResource"):
        create("first")
    both = ["ecr:CreateRepository", "ecr:TagResource"]
    other.put_registry_policy(policy_text=policy(Action=both, Resource="*"))
    create("second")

    found = other.describe_repositories().repositories
    assert [one.repository_name for one in found] == ["app", "second"]


def test_the_own_account_is_not_denied(other: ECRClient) -> None:
    """Within an account policies change nothing, be they ever so strict."""
    deny = policy("Deny", Principal="*")
    other.set_repository_policy(repository_name="app", policy_text=deny, force=True)
    other.put_registry_policy(policy_text=policy("Deny", Principal="*", Resource="*"))

    other.delete_repository(repository_name="app")

    assert other.describe_repositories().repositories == ()


@pytest.fixture
def open_client() -> Iterator[ECRClient]:
    """Yield a client of a server whose accounts are open to each other."""
    with LocalECR(open_accounts=True) as ecr, ecr.client() as client:
        yield client


def test_accounts_may_be_opened(open_client: ECRClient) -> None:
    """With ``open_accounts`` no policy is needed, and none is looked at."""
    open_client.create_repository(registry_id=OTHER, repository_name="app")
    deny = policy("Deny")
    open_client.set_repository_policy(registry_id=OTHER, repository_name="app", policy_text=deny)

    found = open_client.describe_repositories(registry_id=OTHER).repositories

    assert [one.registry_id for one in found] == [OTHER]
