"""boto3, the AWS CLI and moto, which know nothing of this package, against the local ECR.

A response on which moto and the local ECR agree is unlikely to be our mistake. Generated values
(times, ids, URLs) are left out of the comparison.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from hashlib import sha256
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, random_image

# Installed by .ci/run; the CLI is in a separate environment, because it needs another botocore.
needs_aws = pytest.mark.skipif(
    shutil.which("aws") is None,
    reason="the AWS CLI is not installed: python -m pip install awscli, in a separate venv",
)

NAME = "team/app"
APP = {"repositoryName": "app"}
MISSING = f"sha256:{'0' * 64}"


def lifecycle(**selection: Any) -> str:
    counting = {**selection, "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": counting, "action": {"type": "expire"}}
    return json.dumps({"rules": [rule]}, separators=(",", ":"))


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    """Yield a server with the repository ``team/app``."""
    with LocalECR() as running:
        with running.client() as client:
            client.create_repository(repository_name=NAME)
        yield running


@pytest.fixture
def peer(ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    """Yield a boto3 client for the server."""
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    made = boto3.session.Session().client("ecr")
    yield made
    made.close()


def push_with_boto3(peer: Any, image: RandomImage, tag: str) -> None:
    for blob in image.blobs:
        data = image.blob_path(blob.digest).read_bytes()
        upload = peer.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        common = {"repositoryName": NAME, "uploadId": upload}
        part = {"partFirstByte": 0, "partLastByte": len(data) - 1, "layerPartBlob": data}
        peer.upload_layer_part(**common, **part)
        done = peer.complete_layer_upload(**common, layerDigests=[blob.digest])
        assert done["layerDigest"] == blob.digest
    manifest = image.blob_path(image.digest).read_text()
    put = peer.put_image(repositoryName=NAME, imageManifest=manifest, imageTag=tag)
    assert put["image"]["imageId"]["imageDigest"] == image.digest


def small(folder: Path, seed: int = 8) -> RandomImage:
    return random_image(folder / f"small-{seed}", seed=seed, layers=1, size=5000)


def test_boto3_pages(peer: Any) -> None:
    """boto3's paginators get all pages."""
    for number in range(7):
        peer.create_repository(repositoryName=f"app-{number}")
    pages = peer.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 3})
    names = [each["repositoryName"] for page in pages for each in page["repositories"]]

    assert names == [*(f"app-{number}" for number in range(7)), NAME]


def test_boto3_settings(peer: Any, tmp_path: Path) -> None:
    """Signing, backfills and lifecycle previews have the shapes and types of boto3's model."""
    arn = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/prof"
    configuration = {"rules": [{"signingProfileArn": arn}]}
    peer.put_signing_configuration(signingConfiguration=configuration)
    destination = {"region": "eu-west-1", "registryId": "123456789012"}
    rules = [{"destinations": [destination]}]
    peer.put_replication_configuration(replicationConfiguration={"rules": rules})
    started = peer.start_replication_backfill(destination=destination)
    listed = peer.get_paginator("list_replication_backfills").paginate().build_full_result()
    images = small(tmp_path, 1), small(tmp_path, 2)
    for image in images:
        push_with_boto3(peer, image, f"tag-{image.digest[7:9]}")
    peer.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=lifecycle(tagStatus="any"))
    peer.start_lifecycle_policy_preview(repositoryName=NAME)
    peer.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=NAME)
    preview = peer.get_lifecycle_policy_preview(repositoryName=NAME)

    assert peer.get_signing_configuration()["signingConfiguration"] == configuration
    assert [each["startedAt"] for each in listed["backfills"]] == [started["startedAt"]]
    assert [each["imageDigest"] for each in preview["previewResults"]] == [images[0].digest]
    assert preview["summary"] == {"expiringImageTotalCount": 1}


@pytest.mark.slow
@needs_aws
def test_the_aws_cli(ecr: LocalECR, execute: Any, pushers: Any, tmp_path: Path) -> None:
    """With the server's exports, the AWS CLI pushes, reads, previews, deletes and logs in."""
    image = small(tmp_path)
    home = {"HOME": tmp_path, "TMPDIR": tmp_path, "AWS_PAGER": "", **ecr.environment()}

    def run(operation: str, *arguments: str) -> str:
        return execute("aws", "ecr", operation, *arguments, **home).stdout

    def aws(operation: str, *arguments: str) -> Any:
        return json.loads(run(operation, "--repository-name", NAME, *arguments) or "{}")

    (layer,) = image.manifests[0].layers
    upload = ("--upload-id", aws("initiate-layer-upload")["uploadId"])
    part = ("--layer-part-blob", f"fileb://{image.blob_path(layer.digest)}")
    bounds = ("--part-first-byte", "0", "--part-last-byte", str(layer.size - 1))
    aws("upload-layer-part", *upload, *part, *bounds)
    aws("complete-layer-upload", *upload, "--layer-digests", layer.digest)
    manifest = image.blob_path(image.digest)
    with ecr.client() as client:
        (config,) = (each.digest for each in image.blobs if each.digest != layer.digest)
        pushers(client).layer(NAME, image.blob_path(config).read_bytes())
        aws("put-image", "--image-manifest", f"file://{manifest}", "--image-tag", "old")
        pushers(client).image(NAME, "oold")
    (read,) = aws("batch-get-image", "--image-ids", "imageTag=old")["images"]
    url = aws("get-download-url-for-layer", "--layer-digest", layer.digest)["downloadUrl"]
    text = lifecycle(tagStatus="tagged", tagPatternList=["o*d"])
    aws("start-lifecycle-policy-preview", "--lifecycle-policy-text", text)
    preview = aws("get-lifecycle-policy-preview")
    deleted = aws("batch-delete-image", "--image-ids", f"imageDigest={image.digest}")
    (left,) = aws("describe-images")["imageDetails"]
    password = run("get-login-password").strip()
    opened = requests.get(f"{ecr.endpoint}/v2/", auth=("AWS", password), timeout=60)

    assert read["imageManifest"].encode() == manifest.read_bytes()
    assert requests.get(url, timeout=60).content == image.blob_path(layer.digest).read_bytes()
    assert [each["imageTags"] for each in preview["previewResults"]] == [["old"]]
    assert deleted["imageIds"] == [{"imageDigest": image.digest, "imageTag": "old"}]
    assert left["imageTags"] == ["oold"]
    assert opened.status_code == 200


# --- moto -----------------------------------------------------------------------------------------

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
CONFIG = {"mediaType": "application/octet-stream", "digest": MISSING, "size": 2}
IMAGE = {"schemaVersion": 2, "mediaType": MANIFEST, "config": CONFIG, "layers": []}
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}
PARENT = {**INDEX, "manifests": [{"mediaType": MANIFEST, "digest": MISSING, "size": 2}]}
#: Members that differ between any two servers.
OWN = {"createdAt", "updatedAt", "repositoryUri", "ResponseMetadata", "lastEvaluatedAt"}
STATEMENT = {
    "Sid": "Replication",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
    "Action": "ecr:ReplicateImage",
    "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*",
}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
REPLICATION = {
    "destinations": [{"region": "eu-west-1", "registryId": "123456789012"}],
    "repositoryFilters": [{"filter": "app", "filterType": "PREFIX_MATCH"}],
}
SCANNING = {
    "scanFrequency": "SCAN_ON_PUSH",
    "repositoryFilters": [{"filter": "app*", "filterType": "WILDCARD"}],
}
#: Calls, in this order, that get the same response or error code from both servers.
CALLS: list[tuple[str, dict[str, Any]]] = [
    ("create_repository", APP),
    ("create_repository", APP),
    ("describe_repositories", {}),
    ("describe_repositories", {"repositoryNames": ["missing"]}),
    ("put_image_tag_mutability", {**APP, "imageTagMutability": "IMMUTABLE"}),
    ("put_image_scanning_configuration", {**APP, "imageScanningConfiguration": {}}),
    ("list_images", APP),
    ("get_lifecycle_policy", APP),
    ("put_lifecycle_policy", {**APP, "lifecyclePolicyText": lifecycle(tagStatus="any")}),
    ("get_lifecycle_policy", APP),
    ("delete_lifecycle_policy", APP),
    ("delete_lifecycle_policy", APP),
    ("delete_repository", APP),
    ("delete_repository", APP),
    ("get_registry_policy", {}),
    ("put_registry_policy", {"policyText": POLICY}),
    ("get_registry_policy", {}),
    ("delete_registry_policy", {}),
    ("delete_registry_policy", {}),
    ("describe_registry", {}),
    ("put_replication_configuration", {"replicationConfiguration": {"rules": [REPLICATION]}}),
    ("describe_registry", {}),
    ("get_registry_scanning_configuration", {}),
    ("put_registry_scanning_configuration", {"scanType": "BASIC", "rules": [SCANNING]}),
    ("get_registry_scanning_configuration", {}),
]


@pytest.fixture(scope="module")
def clients(moto_url: str) -> Iterator[list[Any]]:
    """Yield boto3 clients for moto and for the local ECR."""
    keys = {"aws_access_key_id": "AKIDEXAMPLE", "aws_secret_access_key": "secret"}
    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    with LocalECR(auth=False) as ecr:
        session = boto3.session.Session(region_name="us-east-1", **keys)
        made = [session.client("ecr", endpoint_url=url) for url in (moto_url, ecr.endpoint)]
        yield made
        for client in made:
            client.close()


def _response(client: Any, name: str, members: dict[str, Any]) -> Any:
    try:
        return _comparable(getattr(client, name)(**members))
    except ClientError as error:
        # boto3 has a separate class for each error code of the model.
        return type(error).__name__ if type(error) is not ClientError else str(error)


def _comparable(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _comparable(item) for key, item in value.items() if key not in OWN}
    return [_comparable(item) for item in value] if isinstance(value, list) else value


def test_responses_are_the_same(clients: list[Any]) -> None:
    """Each call of the series gets the same response or error code from both servers."""
    for name, members in CALLS:
        theirs, ours = (_response(client, name, members) for client in clients)

        assert ours == theirs, name


def put(document: dict[str, Any], **members: Any) -> Callable[[Any], str]:
    """Return a function that puts a manifest, and returns the error code or ``accepted``."""

    def put(client: Any) -> str:
        found = _response(
            client, "put_image", {**APP, "imageManifest": json.dumps(document), **members}
        )
        return found if isinstance(found, str) else "accepted"

    return put


def has_the_digest_of_the_manifest(client: Any) -> bool:
    put(INDEX, imageTag="v1")(client)
    (image,) = client.list_images(**APP)["imageIds"]
    return bool(image["imageDigest"] == f"sha256:{sha256(json.dumps(INDEX).encode()).hexdigest()}")


def images_of_other_types(client: Any) -> int:
    put(INDEX, imageTag="v1")(client)
    wanted = {"imageIds": [{"imageTag": "v1"}], "acceptedMediaTypes": [MANIFEST]}
    return len(client.batch_get_image(**APP, **wanted)["images"])


def failures_of_an_empty_identifier(client: Any) -> list[str]:
    found = client.batch_get_image(**APP, imageIds=[{}])
    return [failure["failureCode"] for failure in found["failures"]]


def a_page_of_one(client: Any) -> tuple[int, bool]:
    client.create_repository(repositoryName="other")
    found = client.describe_repositories(maxResults=1)
    client.delete_repository(repositoryName="other")
    return len(found["repositories"]), "nextToken" in found


def availability_of_a_missing_layer(client: Any) -> list[str]:
    found = client.batch_check_layer_availability(**APP, layerDigests=[MISSING])
    return [layer["layerAvailability"] for layer in found["layers"]]


@pytest.mark.parametrize(
    ("look", "moto", "local"),
    [
        (put(IMAGE), "accepted", "LayersNotFoundException"),
        (put(PARENT), "accepted", "ReferencedImagesNotFoundException"),
        (put(INDEX, imageDigest=MISSING), "accepted", "ImageDigestDoesNotMatchException"),
        (has_the_digest_of_the_manifest, False, True),
        (images_of_other_types, 1, 0),
        (failures_of_an_empty_identifier, ["ImageNotFound"], ["MissingDigestAndTag"]),
        (a_page_of_one, (2, False), (1, True)),
        (availability_of_a_missing_layer, [], ["UNAVAILABLE"]),
    ],
)
def test_the_table_of_the_guide(
    clients: list[Any], look: Callable[[Any], Any], moto: Any, local: Any
) -> None:
    """Moto and the local ECR differ in the ways that the guide lists."""
    found = []
    for client in clients:
        client.create_repository(**APP)
        found.append(look(client))
        client.delete_repository(**APP, force=True)

    assert found == [moto, local]
