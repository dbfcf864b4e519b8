"""boto3, which knows nothing of this package, against the local ECR with signature checks on."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import boto3
import pytest
import requests
from botocore.config import Config
from botocore.exceptions import ClientError

from ecr_client import Credentials, ECRClient
from ecr_client.local import LocalECR

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
MIB = 1024 * 1024


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def boto3_client(ecr: LocalECR, **changes: Any) -> Any:
    """Give a client of boto3; ``changes`` replace its keys."""
    keys = ecr.credentials[ecr.account]
    options = {
        "aws_access_key_id": keys.access_key,
        "aws_secret_access_key": keys.secret_key,
        "region_name": ecr.region,
        "config": Config(retries={"total_max_attempts": 1}),
        **changes,
    }
    return boto3.session.Session().client("ecr", endpoint_url=ecr.endpoint, **options)


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture
def peer(ecr: LocalECR) -> Iterator[Any]:
    made = boto3_client(ecr)
    yield made
    made.close()


OTHER = "210987654321"
BUILDER = f"arn:aws:iam::{OTHER}:role/builder"


@pytest.fixture
def foreigners() -> Iterator[tuple[Any, Any, Any]]:
    """Return clients of boto3: of the owner of ``app``, of another account, and of its role."""
    keys = {OTHER: Credentials("AKIDOTHER", "s"), BUILDER: Credentials("AKIDROLE", "s", "token")}
    with LocalECR(credentials=keys) as ecr:
        made = [
            boto3_client(
                ecr,
                aws_access_key_id=each.access_key,
                aws_secret_access_key=each.secret_key,
                aws_session_token=each.token,
            )
            for each in (ecr.credentials[name] for name in (ecr.account, OTHER, BUILDER))
        ]
        made[0].create_repository(repositoryName="app")
        yield made[0], made[1], made[2]
        for client in made:
            client.close()


def upload(peer: Any, repository: str, data: bytes, part: int = 5 * MIB) -> str:
    """Upload a layer in parts, as docker's proxy would, and give its digest."""
    started = peer.initiate_layer_upload(repositoryName=repository)
    for first in range(0, len(data), part):
        piece = data[first : first + part]
        answer = peer.upload_layer_part(
            repositoryName=repository,
            uploadId=started["uploadId"],
            partFirstByte=first,
            partLastByte=first + len(piece) - 1,
            layerPartBlob=piece,
        )
        assert answer["lastByteReceived"] == first + len(piece) - 1
    done = peer.complete_layer_upload(
        repositoryName=repository, uploadId=started["uploadId"], layerDigests=[digest(data)]
    )
    return str(done["layerDigest"])


def push(peer: Any, repository: str, tag: str, layer: bytes) -> str:
    """Push an image with one layer and give its digest."""
    config = json.dumps({"architecture": "amd64", "os": "linux", "tag": tag}).encode()
    parts = [
        {"mediaType": kind, "digest": upload(peer, repository, data), "size": len(data)}
        for kind, data in (
            ("application/vnd.oci.image.config.v1+json", config),
            ("application/vnd.oci.image.layer.v1.tar+gzip", layer),
        )
    ]
    manifest = {"schemaVersion": 2, "mediaType": MANIFEST, "config": parts[0], "layers": parts[1:]}
    answer = peer.put_image(
        repositoryName=repository, imageManifest=json.dumps(manifest), imageTag=tag
    )
    return str(answer["image"]["imageId"]["imageDigest"])


def test_full_cycle(ecr: LocalECR, peer: Any) -> None:
    """What boto3 pushes in several parts, ``ECRClient`` reads, and the download has every byte."""
    layer = bytes(range(256)) * (11 * MIB // 256)
    created = peer.create_repository(repositoryName="team/app")["repository"]
    pushed = push(peer, "team/app", "1.0", layer)
    with ecr.client() as client:
        (detail,) = client.paginate_describe_images(repository_name="team/app")
        url = client.get_download_url_for_layer(
            repository_name="team/app", layer_digest=digest(layer)
        ).download_url
        (repository,) = client.describe_repositories().repositories
    received = requests.get(str(url), timeout=60)
    ranged = requests.get(str(url), headers={"Range": "bytes=5-9"}, timeout=60)

    assert (detail.image_digest, detail.image_tags) == (pushed, ("1.0",))
    assert repository.repository_arn == created["repositoryArn"]
    assert digest(received.content) == digest(layer)
    assert (ranged.status_code, ranged.content) == (206, layer[5:10])


def test_pages_of_boto3(peer: Any) -> None:
    """boto3's paginators go through all pages, and a token is refused by another operation."""
    for number in range(7):
        peer.create_repository(repositoryName=f"app-{number}")
    pages = peer.get_paginator("describe_repositories").paginate(PaginationConfig={"PageSize": 3})
    names = [each["repositoryName"] for page in pages for each in page["repositories"]]
    token = peer.describe_repositories(maxResults=3)["nextToken"]

    assert names == [f"app-{number}" for number in range(7)]
    with pytest.raises(ClientError, match="nextToken"):
        peer.describe_images(repositoryName="app-0", nextToken=token)


def test_errors_of_boto3(peer: Any) -> None:
    """boto3 finds its own exception classes for what the local ECR refuses."""
    peer.create_repository(repositoryName="app")
    push(peer, "app", "1", b"layer")
    image_id = {"imageTag": "1"}
    (image,) = peer.batch_get_image(repositoryName="app", imageIds=[image_id])["images"]

    with pytest.raises(peer.exceptions.RepositoryAlreadyExistsException):
        peer.create_repository(repositoryName="app")
    with pytest.raises(peer.exceptions.RepositoryNotEmptyException):
        peer.delete_repository(repositoryName="app")
    with pytest.raises(peer.exceptions.ImageAlreadyExistsException):
        peer.put_image(repositoryName="app", imageManifest=image["imageManifest"], imageTag="1")
    with pytest.raises(peer.exceptions.LayerAlreadyExistsException):
        upload(peer, "app", b"layer")
    with pytest.raises(peer.exceptions.UploadNotFoundException):
        peer.complete_layer_upload(
            repositoryName="app",
            uploadId="00000000-0000-0000-0000-000000000000",
            layerDigests=[digest(b"")],
        )


def test_parts_have_to_be_large_and_in_order(peer: Any) -> None:
    """A gap between parts and a small part before the last one are refused, as the API says."""
    peer.create_repository(repositoryName="app")
    started = peer.initiate_layer_upload(repositoryName="app")["uploadId"]
    common = {"repositoryName": "app", "uploadId": started}
    peer.upload_layer_part(**common, partFirstByte=0, partLastByte=4, layerPartBlob=b"small")

    with pytest.raises(peer.exceptions.InvalidLayerPartException) as raised:
        peer.upload_layer_part(**common, partFirstByte=9, partLastByte=9, layerPartBlob=b"x")
    peer.upload_layer_part(**common, partFirstByte=5, partLastByte=5, layerPartBlob=b"x")
    with pytest.raises(peer.exceptions.LayerPartTooSmallException):
        peer.complete_layer_upload(**common, layerDigests=[digest(b"smallx")])

    assert raised.value.response["lastValidByteReceived"] == 4


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"aws_secret_access_key": "wrong"}, "InvalidSignatureException"),
        ({"aws_access_key_id": "AKIAUNKNOWN"}, "UnrecognizedClientException"),
        ({"aws_session_token": "unknown"}, "UnrecognizedClientException"),
    ],
)
def test_wrong_keys(ecr: LocalECR, changes: dict[str, str], code: str) -> None:
    """Requests that are signed with other keys are refused with the code that AWS gives."""
    peer = boto3_client(ecr, **changes)
    with pytest.raises(ClientError) as raised:
        peer.describe_repositories()
    peer.close()

    assert raised.value.response["Error"]["Code"] == code


def test_regions_and_accounts_are_apart(ecr: LocalECR, peer: Any) -> None:
    """A repository of one region is not there in another."""
    peer.create_repository(repositoryName="app")
    with ecr.client(region="eu-west-1") as elsewhere, ecr.client() as here:
        assert elsewhere.describe_repositories().repositories == ()
        assert len(here.describe_repositories().repositories) == 1


def test_a_signing_configuration(peer: Any) -> None:
    """Errors of signing have their names, and its configuration makes a round trip."""
    profile = "arn:aws:signer:us-east-1:123456789012:/signing-profiles/prof"
    with pytest.raises(peer.exceptions.SigningConfigurationNotFoundException):
        peer.get_signing_configuration()
    configuration = {"rules": [{"signingProfileArn": profile}]}
    peer.put_signing_configuration(signingConfiguration=configuration)

    assert peer.get_signing_configuration()["signingConfiguration"] == configuration


def test_a_replication_backfill(peer: Any) -> None:
    """A backfill is started, listed and described; times and counts have their types."""
    destination = {"region": "eu-west-1", "registryId": "123456789012"}
    rules = [{"destinations": [destination]}]
    peer.put_replication_configuration(replicationConfiguration={"rules": rules})
    started = peer.start_replication_backfill(destination=destination)
    listed = peer.get_paginator("list_replication_backfills").paginate().build_full_result()
    described = peer.describe_replication_backfill_results(
        replicationBackfillId=started["replicationBackfillId"]
    )

    assert started["status"] == "PREPARING"
    assert [each["startedAt"] for each in listed["backfills"]] == [started["startedAt"]]
    assert described["destination"] == destination


def test_policies_and_lifecycle(ecr: LocalECR, peer: Any) -> None:
    """A lifecycle preview of boto3 names the image that the rule would expire."""
    peer.create_repository(repositoryName="app")
    first = push(peer, "app", "old", b"first")
    push(peer, "app", "new", b"second")
    rule = {
        "rulePriority": 1,
        "selection": {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 1},
        "action": {"type": "expire"},
    }
    text = json.dumps({"rules": [rule]})
    peer.put_lifecycle_policy(repositoryName="app", lifecyclePolicyText=text)
    peer.start_lifecycle_policy_preview(repositoryName="app")
    peer.get_waiter("lifecycle_policy_preview_complete").wait(repositoryName="app")
    preview = peer.get_lifecycle_policy_preview(repositoryName="app")

    assert [each["imageDigest"] for each in preview["previewResults"]] == [first]
    assert preview["summary"] == {"expiringImageTotalCount": 1}


def test_the_client_and_boto3_agree(ecr: LocalECR, peer: Any) -> None:
    """What ``ECRClient`` creates, boto3 reads with the same values."""
    with ecr.client() as client:
        assert isinstance(client, ECRClient)
        made = client.create_repository(repository_name="by-us").repository
    (read,) = peer.describe_repositories(repositoryNames=["by-us"])["repositories"]

    assert made is not None
    assert read["createdAt"] == made.created_at
    assert read["repositoryUri"] == made.repository_uri


def outcome(call: Any, **members: Any) -> str:
    """Return the error code of a call on the other account, or that it succeeded."""
    try:
        call(registryId="123456789012", repositoryName="app", **members)
    except ClientError as error:
        return str(error.response["Error"]["Code"])
    return "success"


def test_another_account_is_refused(foreigners: tuple[Any, Any, Any]) -> None:
    """boto3 raises the error of the service, with its message, for who has no policy."""
    _, account, role = foreigners
    with pytest.raises(ClientError) as raised:
        role.list_images(registryId="123456789012", repositoryName="app")

    error = raised.value.response
    assert error["ResponseMetadata"]["HTTPStatusCode"] == 400
    assert error["Error"] == {
        "Code": "AccessDeniedException",
        "Message": f"User: {BUILDER} is not authorized to perform: ecr:ListImages on resource:"
        " arn:aws:ecr:us-east-1:123456789012:repository/app because no resource-based policy"
        " allows the ecr:ListImages action",
    }
    for call in (account.delete_repository, account.delete_repository_policy):
        assert outcome(call) == "AccessDeniedException"


def test_policies_let_principals_in(foreigners: tuple[Any, Any, Any]) -> None:
    """A role gets what its policy allows, its account what is allowed to the account."""
    owner, account, role = foreigners
    statements = [
        {"Effect": "Allow", "Principal": {"AWS": BUILDER}, "Action": "ecr:*Image*"},
        {"Effect": "Allow", "Principal": {"AWS": OTHER}, "Action": "ecr:DescribeImages"},
        {"Effect": "Deny", "Principal": {"AWS": BUILDER}, "Action": "ecr:BatchDeleteImage"},
    ]
    policy = json.dumps({"Version": "2012-10-17", "Statement": statements})
    owner.set_repository_policy(repositoryName="app", policyText=policy)

    found = {
        client: (
            outcome(client.list_images),
            outcome(client.describe_images),
            outcome(client.batch_delete_image, imageIds=[{"imageTag": "v1"}]),
        )
        for client in foreigners
    }

    refused = "AccessDeniedException"
    assert found == {
        owner: ("success", "success", "success"),
        account: (refused, "success", refused),
        role: ("success", "success", refused),
    }
