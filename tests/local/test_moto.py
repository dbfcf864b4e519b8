"""boto3 on moto and on the local ECR: where they agree, and where the guide says they differ.

moto is independent of this package, so a response that both agree on is not our mistake alone.
Generated values (times, ids, URLs) are left out of the comparison.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from ecr_client.local import LocalECR

MISSING = f"sha256:{'0' * 64}"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"
IMAGE = {
    "schemaVersion": 2,
    "mediaType": MANIFEST,
    "config": {"mediaType": "application/octet-stream", "digest": MISSING, "size": 2},
    "layers": [],
}
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}
PARENT = {**INDEX, "manifests": [{"mediaType": MANIFEST, "digest": MISSING, "size": 2}]}
ACCEPTED = "accepted"
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


@pytest.fixture
def clients(moto_url: str) -> Iterator[dict[str, Any]]:
    """Yield clients of boto3 for both, by their names."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    with LocalECR(auth=False) as ecr:
        session = boto3.session.Session(region_name="us-east-1", **keys)
        urls = {"moto": moto_url, "local": ecr.endpoint}
        made = {name: session.client("ecr", endpoint_url=url) for name, url in urls.items()}
        yield made
        for client in made.values():
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
def test_responses_are_the_same(
    clients: dict[str, Any], calls: list[tuple[str, dict[str, Any]]]
) -> None:
    """Each call of a series gets the same response, or the same error code, from both servers."""
    of_repositories = ("image", "lifecycle", "delete_repository")
    for name, given in calls:
        members = dict(given)
        if any(part in name for part in of_repositories) and "registry" not in name:
            members.setdefault("repositoryName", "app")
        ours, theirs = (_response(client, name, members) for client in clients.values())

        assert ours == theirs, name


@pytest.fixture(params=["moto", "local"])
def client(request: pytest.FixtureRequest, clients: dict[str, Any]) -> Any:
    """Return a client of each of the two, with the repository ``app``."""
    clients[request.param].create_repository(repositoryName="app")
    return clients[request.param]


@pytest.fixture
def expected(request: pytest.FixtureRequest) -> Callable[[Any, Any], Any]:
    """Return a function that chooses between the results of moto and of the local ECR."""
    return lambda moto, local: moto if request.node.callspec.params["client"] == "moto" else local


def put(client: Any, document: dict[str, Any], **members: Any) -> str:
    """Put a manifest, and return the code of the error if there is one."""
    text = json.dumps(document)
    try:
        client.put_image(repositoryName="app", imageManifest=text, **members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return ACCEPTED


@pytest.mark.parametrize(
    ("document", "members", "code"),
    [
        (IMAGE, {}, "LayersNotFoundException"),
        (PARENT, {}, "ReferencedImagesNotFoundException"),
        (INDEX, {"imageDigest": MISSING}, "ImageDigestDoesNotMatchException"),
    ],
)
def test_incomplete_images(
    client: Any, expected: Any, document: Any, members: Any, code: str
) -> None:
    """Layers and children must exist, and digests must match."""
    assert put(client, document, **members) == expected(ACCEPTED, code)


def digest_is_that_of_the_manifest(client: Any) -> bool:
    put(client, INDEX, imageTag="v1")
    (image,) = client.list_images(repositoryName="app")["imageIds"]
    return bool(image["imageDigest"] == f"sha256:{sha256(json.dumps(INDEX).encode()).hexdigest()}")


def images_of_other_types(client: Any) -> int:
    put(client, INDEX, imageTag="v1")
    found = client.batch_get_image(
        repositoryName="app", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[MANIFEST]
    )
    return len(found["images"])


def failures_of_an_empty_identifier(client: Any) -> list[str]:
    found = client.batch_get_image(repositoryName="app", imageIds=[{}])
    return [failure["failureCode"] for failure in found["failures"]]


def a_page_of_one(client: Any) -> tuple[int, bool]:
    client.create_repository(repositoryName="other")
    found = client.describe_repositories(maxResults=1)
    return len(found["repositories"]), "nextToken" in found


def availability_of_a_missing_layer(client: Any) -> list[str]:
    found = client.batch_check_layer_availability(repositoryName="app", layerDigests=[MISSING])
    return [layer["layerAvailability"] for layer in found["layers"]]


@pytest.mark.parametrize(
    ("look", "moto", "local"),
    [
        (digest_is_that_of_the_manifest, False, True),
        (images_of_other_types, 1, 0),
        (failures_of_an_empty_identifier, ["ImageNotFound"], ["MissingDigestAndTag"]),
        (a_page_of_one, (2, False), (1, True)),
        (availability_of_a_missing_layer, [], ["UNAVAILABLE"]),
    ],
)
def test_the_table_of_the_guide(
    client: Any, expected: Any, look: Callable[[Any], Any], moto: Any, local: Any
) -> None:
    """Moto and the local ECR differ where the guide says so."""
    assert look(client) == expected(moto, local)
