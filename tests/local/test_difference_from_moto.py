"""Where moto departs from the documentation of the service, as the guide lists it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from hashlib import sha256
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from moto import mock_aws

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


@pytest.fixture(params=["moto", "local"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Yield a client of boto3 for each of the two, with the repository ``app``."""
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    session = boto3.session.Session(region_name="us-east-1", **keys)
    if request.param == "moto":
        with mock_aws():
            made = session.client("ecr")
            made.create_repository(repositoryName="app")
            yield made
    else:
        with LocalECR(auth=False) as ecr:
            made = session.client("ecr", endpoint_url=ecr.endpoint)
            made.create_repository(repositoryName="app")
            yield made
    made.close()


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
