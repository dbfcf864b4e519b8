"""Settings of a registry: boto3 gets the same responses from moto and the local ECR.

moto is independent of this package, so a response that both agree on is not our mistake alone.
Generated values (times, ids, URLs) are left out of the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from ecr_client.local import LocalECR

#: What differs between any two servers.
OWN = {"createdAt", "updatedAt", "repositoryUri", "ResponseMetadata", "lastEvaluatedAt"}
RULE = {
    "rulePriority": 1,
    "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9},
    "action": {"type": "expire"},
}
LIFECYCLE = json.dumps({"rules": [RULE]}, separators=(",", ":"))
REGISTRY_POLICY = json.dumps(
    {
        "Version": "2012-10-17",
        "Statement": [
            {
                "Sid": "Replication",
                "Effect": "Allow",
                "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
                "Action": "ecr:ReplicateImage",
                "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*",
            }
        ],
    }
)
REPLICATION = {
    "rules": [
        {
            "destinations": [{"region": "eu-west-1", "registryId": "123456789012"}],
            "repositoryFilters": [{"filter": "app", "filterType": "PREFIX_MATCH"}],
        }
    ]
}
SCANNING = {
    "scanType": "BASIC",
    "rules": [
        {
            "scanFrequency": "SCAN_ON_PUSH",
            "repositoryFilters": [{"filter": "app*", "filterType": "WILDCARD"}],
        }
    ],
}

Call = Callable[..., Any]


@pytest.fixture
def both(moto_url: str) -> Iterator[Call]:
    """Yield a function that calls both servers and returns both responses."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    with LocalECR() as ecr:
        keys = ecr.credentials[ecr.account]
        clients = [
            boto3.session.Session().client(
                "ecr",
                endpoint_url=url,
                region_name="us-east-1",
                aws_access_key_id=keys.access_key,
                aws_secret_access_key=keys.secret_key,
            )
            for url in (ecr.endpoint, moto_url)
        ]

        def call(name: str, **members: Any) -> tuple[Any, Any]:
            ours, theirs = (_response(client, name, members) for client in clients)
            return ours, theirs

        yield call
        for client in clients:
            client.close()


def _response(client: Any, name: str, members: dict[str, Any]) -> Any:
    try:
        return _comparable(getattr(client, name)(**members))
    except ClientError as error:
        return error.response["Error"]["Code"]


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items() if key not in OWN}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(
    "calls",
    [
        pytest.param(
            [
                ("create_repository", {"repositoryName": "app"}),
                ("create_repository", {"repositoryName": "app"}),
                ("describe_repositories", {}),
                ("describe_repositories", {"repositoryNames": ["missing"]}),
                ("put_image_tag_mutability", {"imageTagMutability": "IMMUTABLE"}),
                ("put_image_scanning_configuration", {"imageScanningConfiguration": {}}),
                ("list_images", {}),
                ("delete_repository", {}),
                ("delete_repository", {}),
            ],
            id="repositories",
        ),
        pytest.param(
            [
                ("create_repository", {"repositoryName": "app"}),
                ("get_lifecycle_policy", {}),
                ("put_lifecycle_policy", {"lifecyclePolicyText": LIFECYCLE}),
                ("get_lifecycle_policy", {}),
                ("delete_lifecycle_policy", {}),
                ("delete_lifecycle_policy", {}),
            ],
            id="lifecycle",
        ),
        pytest.param(
            [
                ("get_registry_policy", {}),
                ("put_registry_policy", {"policyText": REGISTRY_POLICY}),
                ("get_registry_policy", {}),
                ("delete_registry_policy", {}),
                ("delete_registry_policy", {}),
            ],
            id="registry policy",
        ),
        pytest.param(
            [
                ("describe_registry", {}),
                ("put_replication_configuration", {"replicationConfiguration": REPLICATION}),
                ("describe_registry", {}),
            ],
            id="replication",
        ),
        pytest.param(
            [
                ("get_registry_scanning_configuration", {}),
                ("put_registry_scanning_configuration", SCANNING),
                ("get_registry_scanning_configuration", {}),
            ],
            id="scanning",
        ),
    ],
)
def test_responses_are_the_same(both: Call, calls: list[tuple[str, dict[str, Any]]]) -> None:
    """Each call of a series gets the same response, or the same error code, from both servers."""
    of_repositories = ("image", "lifecycle", "delete_repository")
    for name, given in calls:
        members = dict(given)
        if any(part in name for part in of_repositories) and "registry" not in name:
            members.setdefault("repositoryName", "app")
        ours, theirs = both(name, **members)

        assert ours == theirs, name
