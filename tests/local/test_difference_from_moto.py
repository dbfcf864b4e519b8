"""Where moto does as the service's documentation does not say; the guide has the list."""

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
TOOK_IT = "took it"


@pytest.fixture(params=["moto", "local"])
def client(request: pytest.FixtureRequest) -> Iterator[Any]:
    """Give a client of boto3 for each of the two, with the repository ``app``."""
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
    """Give a function that chooses between what moto and what the local ECR answers."""
    return lambda moto, local: moto if request.node.callspec.params["client"] == "moto" else local


def put(client: Any, document: dict[str, Any], **members: Any) -> str:
    """Put a manifest, and give the code of the error if there is one."""
    text = json.dumps(document)
    try:
        client.put_image(repositoryName="app", imageManifest=text, **members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return TOOK_IT


@pytest.mark.parametrize(
    ("document", "members", "code"),
    [
        (IMAGE, {}, "LayersNotFoundException"),
        (PARENT, {}, "ReferencedImagesNotFoundException"),
        (INDEX, {"imageDigest": MISSING}, "ImageDigestDoesNotMatchException"),
    ],
)
def test_images_that_are_not_whole(
    client: Any, expected: Any, document: Any, members: Any, code: str
) -> None:
    """Parts have to be there and digests have to be right."""
    assert put(client, document, **members) == expected(TOOK_IT, code)


def test_digests(client: Any, expected: Any) -> None:
    """An image is named by the SHA-256 of its manifest as it was sent."""
    put(client, INDEX, imageTag="v1")
    (image,) = client.list_images(repositoryName="app")["imageIds"]
    right = image["imageDigest"] == f"sha256:{sha256(json.dumps(INDEX).encode()).hexdigest()}"

    assert right == expected(False, True)


def test_types_that_are_accepted(client: Any, expected: Any) -> None:
    """An image of a type that was not asked for is not given."""
    put(client, INDEX, imageTag="v1")
    found = client.batch_get_image(
        repositoryName="app", imageIds=[{"imageTag": "v1"}], acceptedMediaTypes=[MANIFEST]
    )

    assert len(found["images"]) == expected(1, 0)


def test_identifiers_of_nothing(client: Any, expected: Any) -> None:
    """An identifier with neither tag nor digest has a code of its own."""
    found = client.batch_get_image(repositoryName="app", imageIds=[{}])

    codes = [failure["failureCode"] for failure in found["failures"]]
    assert codes == expected(["ImageNotFound"], ["MissingDigestAndTag"])


def test_pages(client: Any, expected: Any) -> None:
    """A page has no more than was asked for, and the rest comes by its token."""
    client.create_repository(repositoryName="other")
    found = client.describe_repositories(maxResults=1)

    assert (len(found["repositories"]), "nextToken" in found) == expected((2, False), (1, True))


def test_layers_that_are_missing(client: Any, expected: Any) -> None:
    """That a layer is not there is an answer and no failure."""
    found = client.batch_check_layer_availability(repositoryName="app", layerDigests=[MISSING])

    states = [layer["layerAvailability"] for layer in found["layers"]]
    assert states == expected([], ["UNAVAILABLE"])
