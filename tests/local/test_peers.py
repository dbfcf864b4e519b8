"""boto3 and the AWS CLI, which know nothing of this package, use the local ECR."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest
import requests
from botocore.exceptions import ClientError

from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, random_image

# Installed by .ci/run; the CLI in an environment of its own, since it wants another botocore.
needs_aws = pytest.mark.skipif(
    shutil.which("aws") is None,
    reason="the AWS CLI is not installed: python -m pip install awscli, in a venv of its own",
)

NAME = "team/app"

Run = Callable[..., str]


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    """Yield a server with the repository ``team/app``."""
    with LocalECR() as running:
        with running.client() as client:
            client.create_repository(repository_name=NAME)
        yield running


@pytest.fixture
def run(ecr: LocalECR, tmp_path: Path) -> Run:
    """Return a function that runs a command with nothing but what the server says to export."""
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(tmp_path),
        "TMPDIR": str(tmp_path),
        "AWS_PAGER": "",
        "AWS_EC2_METADATA_DISABLED": "true",
        **ecr.environment(),
    }

    def run(*command: str, stdin: str | None = None) -> str:
        done = subprocess.run(
            command,
            input=stdin,
            env=environment,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        return done.stdout

    return run


@pytest.fixture
def peer(ecr: LocalECR) -> Iterator[Any]:
    """Yield a client of boto3."""
    keys = ecr.credentials[ecr.account]
    made = boto3.session.Session().client(
        "ecr",
        endpoint_url=ecr.endpoint,
        region_name=ecr.region,
        aws_access_key_id=keys.access_key,
        aws_secret_access_key=keys.secret_key,
    )
    yield made
    made.close()


def push_with_boto3(peer: Any, image: RandomImage, tag: str) -> None:
    for blob in image.blobs:
        data = image.blob_path(blob.digest).read_bytes()
        upload = peer.initiate_layer_upload(repositoryName=NAME)["uploadId"]
        common = {"repositoryName": NAME, "uploadId": upload}
        peer.upload_layer_part(
            **common, partFirstByte=0, partLastByte=len(data) - 1, layerPartBlob=data
        )
        done = peer.complete_layer_upload(**common, layerDigests=[blob.digest])
        assert done["layerDigest"] == blob.digest
    manifest = image.blob_path(image.digest).read_text()
    put = peer.put_image(repositoryName=NAME, imageManifest=manifest, imageTag=tag)
    assert put["image"]["imageId"]["imageDigest"] == image.digest


def small(folder: Path, seed: int = 8) -> RandomImage:
    return random_image(folder / f"small-{seed}", seed=seed, layers=1, size=5000)


def test_boto3_pages(peer: Any) -> None:
    """boto3's paginators go through all pages, and a token is refused by another operation."""
    for number in range(7):
        peer.create_repository(repositoryName=f"app-{number}")
    pages = peer.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 3})
    names = [each["repositoryName"] for page in pages for each in page["repositories"]]
    token = peer.describe_repositories(maxResults=3)["nextToken"]

    assert names == [*(f"app-{number}" for number in range(7)), NAME]
    with pytest.raises(ClientError, match="nextToken"):
        peer.describe_images(repositoryName=NAME, nextToken=token)


def test_boto3_errors(peer: Any, tmp_path: Path) -> None:
    """boto3 finds its own exception classes for what the local ECR refuses."""
    image = small(tmp_path)
    push_with_boto3(peer, image, "1")
    manifest, errors = image.blob_path(image.digest).read_text(), peer.exceptions
    unknown = {
        "uploadId": "00000000-0000-0000-0000-000000000000",
        "layerDigests": [image.digest],
    }
    for call, members, error in (
        (peer.create_repository, {}, errors.RepositoryAlreadyExistsException),
        (peer.delete_repository, {}, errors.RepositoryNotEmptyException),
        (
            peer.put_image,
            {"imageManifest": manifest, "imageTag": "1"},
            errors.ImageAlreadyExistsException,
        ),
        (peer.complete_layer_upload, unknown, errors.UploadNotFoundException),
    ):
        with pytest.raises(error):
            call(repositoryName=NAME, **members)


def test_boto3_settings(peer: Any, tmp_path: Path) -> None:
    """Signing, backfills and lifecycle previews have the shapes and types of boto3's model."""
    configuration = {
        "rules": [
            {"signingProfileArn": "arn:aws:signer:us-east-1:123456789012:/signing-profiles/prof"}
        ]
    }
    peer.put_signing_configuration(signingConfiguration=configuration)
    destination = {"region": "eu-west-1", "registryId": "123456789012"}
    rules = [{"destinations": [destination]}]
    peer.put_replication_configuration(replicationConfiguration={"rules": rules})
    started = peer.start_replication_backfill(destination=destination)
    listed = peer.get_paginator("list_replication_backfills").paginate().build_full_result()
    images = small(tmp_path, 1), small(tmp_path, 2)
    for image in images:
        push_with_boto3(peer, image, f"tag-{image.digest[7:9]}")
    selection = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1}
    rule = {"rulePriority": 1, "selection": selection, "action": {"type": "expire"}}
    text = json.dumps({"rules": [rule]})
    peer.put_lifecycle_policy(repositoryName=NAME, lifecyclePolicyText=text)
    peer.start_lifecycle_policy_preview(repositoryName=NAME)
    peer.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName=NAME)
    preview = peer.get_lifecycle_policy_preview(repositoryName=NAME)

    assert peer.get_signing_configuration()["signingConfiguration"] == configuration
    assert [each["startedAt"] for each in listed["backfills"]] == [started["startedAt"]]
    assert [each["imageDigest"] for each in preview["previewResults"]] == [images[0].digest]
    assert preview["summary"] == {"expiringImageTotalCount": 1}


@pytest.mark.slow
@needs_aws
def test_the_cli_does_a_full_cycle(run: Run, tmp_path: Path) -> None:
    """The AWS CLI uploads, lists, reads, previews and deletes an image by itself."""
    image = small(tmp_path)
    repository = ("--repository-name", NAME)

    def aws(operation: str, *arguments: str) -> Any:
        return json.loads(run("aws", "ecr", operation, *repository, *arguments) or "{}")

    for blob in image.blobs:
        upload = ("--upload-id", aws("initiate-layer-upload")["uploadId"])
        part = ("--layer-part-blob", f"fileb://{image.blob_path(blob.digest)}")
        bounds = ("--part-first-byte", "0", "--part-last-byte", str(blob.size - 1))
        aws("upload-layer-part", *upload, *part, *bounds)
        aws("complete-layer-upload", *upload, "--layer-digests", blob.digest)
    manifest = ("--image-manifest", f"file://{image.blob_path(image.digest)}")
    aws("put-image", *manifest, "--image-tag", "old")
    aws("put-image", *manifest, "--image-tag", "new")
    (detail,) = aws("describe-images")["imageDetails"]
    (read,) = aws("batch-get-image", "--image-ids", "imageTag=old")["images"]
    layer = image.manifests[0].layers[0].digest
    url = aws("get-download-url-for-layer", "--layer-digest", layer)["downloadUrl"]
    rule = {
        "rulePriority": 1,
        "selection": {
            "tagStatus": "tagged",
            "tagPatternList": ["o*d"],
            "countType": "imageCountMoreThan",
            "countNumber": 1,
        },
        "action": {"type": "expire"},
    }
    # The same manifest, written in other ways, is two more images.
    document = json.loads(image.blob_path(image.digest).read_bytes())
    for indent, tag in ((1, "old"), (2, "oold")):
        text = json.dumps(document, indent=indent)
        aws("put-image", "--image-manifest", text, "--image-tag", tag)
    aws("put-lifecycle-policy", "--lifecycle-policy-text", json.dumps({"rules": [rule]}))
    aws("start-lifecycle-policy-preview")
    preview = aws("get-lifecycle-policy-preview")
    deleted = aws("batch-delete-image", "--image-ids", f"imageDigest={image.digest}")
    listed = aws("list-images")["imageIds"]

    assert (detail["imageDigest"], detail["imageTags"]) == (image.digest, ["new", "old"])
    assert read["imageManifest"].encode() == image.blob_path(image.digest).read_bytes()
    assert requests.get(url, timeout=60).content == image.blob_path(layer).read_bytes()
    assert [each["imageTags"] for each in preview["previewResults"]] == [["old"]]
    assert deleted["imageIds"] == [{"imageDigest": image.digest, "imageTag": "new"}]
    assert sorted(each["imageTag"] for each in listed) == ["old", "oold"]


@pytest.mark.slow
@needs_aws
def test_the_password_of_the_cli(ecr: LocalECR, run: Run) -> None:
    """``aws ecr get-login-password`` prints a password that opens the registry."""
    password = run("aws", "ecr", "get-login-password").strip()
    response = requests.get(f"{ecr.endpoint}/v2/", auth=("AWS", password), timeout=60)

    assert response.status_code == 200
