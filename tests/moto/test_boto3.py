"""boto3 and this client with the same moto: each reads what the other writes."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator
from typing import Any

import attrs
import boto3
import pytest
import requests
from botocore import xform_name
from botocore.exceptions import ClientError
from moto import mock_aws
from moto.ecr.responses import ECRResponse

from ecr_client import ECRClient, exceptions, from_dict
from ecr_client.exceptions import AmazonECRException
from ecr_client.operations import OPERATIONS

NO_DIGEST = f"sha256:{'0' * 64}"
NO_UPLOAD = "00000000-0000-4000-8000-000000000000"
APP, NO_SUCH = {"repositoryName": "team/app"}, {"repositoryName": "no/such"}
ARN = {"resourceArn": "arn:aws:ecr:us-east-1:123456789012:repository/team/app"}
NO_SUCH_ARN = {"resourceArn": "arn:aws:ecr:us-east-1:123456789012:repository/no/such"}
V1 = {"imageTag": "v1"}
SOME = {"imageIds": [V1, {"imageTag": "absent"}]}
TAGS = {"tags": [{"Key": "a", "Value": "1"}]}
ON_PUSH = {"imageScanningConfiguration": {"scanOnPush": True}}
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
RULE = {"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}
LIFECYCLE = {"lifecyclePolicyText": json.dumps({"rules": [RULE]})}
STATEMENT = {
    "Sid": "one",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::1:root"},
    "Action": "ecr:ReplicateImage",
}


def policy(**more: str) -> dict[str, str]:
    return {
        "policyText": json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **more}]})
    }


def replication(*regions: str) -> dict[str, Any]:
    wanted = [{"filter": "team", "filterType": "PREFIX_MATCH"}]
    rules = [
        {
            "destinations": [{"region": region, "registryId": "123456789012"}],
            "repositoryFilters": wanted,
        }
        for region in regions
    ]
    return {"replicationConfiguration": {"rules": rules}}


TEAM = [{"filter": "team/*", "filterType": "WILDCARD"}]
SCANNING = {
    "scanType": "ENHANCED",
    "rules": [{"scanFrequency": "CONTINUOUS_SCAN", "repositoryFilters": TEAM}],
}
LAYER = bytes(range(256)) * 64
LAYER_DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
PART = {"partFirstByte": 0, "partLastByte": len(LAYER) - 1, "layerPartBlob": LAYER}
LATE = {"partFirstByte": 5 << 20, "partLastByte": (5 << 20) + 1, "layerPartBlob": b"xy"}
MEDIA_TYPE = "application/vnd.docker.distribution.manifest.v2+json"
CONFIG = {"mediaType": "application/json", "size": 7023, "digest": LAYER_DIGEST}
LISTED = {"mediaType": "application/gzip", "size": len(LAYER), "digest": LAYER_DIGEST}
DOCUMENT = {"schemaVersion": 2, "mediaType": MEDIA_TYPE, "config": CONFIG, "layers": [LISTED]}
IMAGE = {**APP, "imageManifest": json.dumps(DOCUMENT)}
NEW = {
    **APP,
    "tags": [{"Key": "team", "Value": "Größe 😀"}, {"Key": "empty", "Value": ""}],
    "imageTagMutability": "IMMUTABLE",
    **ON_PUSH,
    "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/k"},
}
#: All operations of moto, in an order in which each has something to do or to refuse.
STORY: list[tuple[str, dict[str, Any]]] = [
    ("CreateRepository", NEW),
    ("CreateRepository", APP),
    ("CreateRepository", {"repositoryName": "Not/Allowed"}),
    ("DescribeRepositories", {}),
    ("DescribeRepositories", {"repositoryNames": ["no/such"]}),
    ("ListTagsForResource", ARN),
    ("ListTagsForResource", NO_SUCH_ARN),
    ("ListTagsForResource", {"resourceArn": "arn"}),
    ("TagResource", {**ARN, **TAGS}),
    ("TagResource", {**NO_SUCH_ARN, **TAGS}),
    ("UntagResource", {**ARN, "tagKeys": ["team"]}),
    ("UntagResource", {**NO_SUCH_ARN, "tagKeys": ["a"]}),
    ("ListTagsForResource", ARN),
    ("PutImageTagMutability", {**APP, "imageTagMutability": "MUTABLE"}),
    ("PutImageTagMutability", {**APP, "imageTagMutability": "SOMETIMES"}),
    ("PutImageScanningConfiguration", {**APP, **ON_PUSH}),
    ("PutImageScanningConfiguration", {**NO_SUCH, **ON_PUSH}),
    ("PutImage", {**APP, "imageManifest": "{}"}),
    ("PutImage", {**IMAGE, "imageTag": "v1"}),
    ("PutImage", {**IMAGE, "imageTag": "v1"}),
    ("PutImage", {**IMAGE, "imageTag": "v2"}),
    ("ListImages", APP),
    ("ListImages", NO_SUCH),
    ("ListImages", {**APP, "filter": {"tagStatus": "UNTAGGED"}}),
    ("DescribeImages", APP),
    ("DescribeImages", {**APP, "imageIds": [{"imageTag": "absent"}]}),
    ("BatchGetImage", {**APP, **SOME}),
    ("BatchGetImage", {**NO_SUCH, **SOME}),
    ("DescribeImageScanFindings", {**APP, "imageId": V1}),
    ("StartImageScan", {**APP, "imageId": {"imageTag": "absent"}}),
    ("StartImageScan", {**APP, "imageId": V1}),
    ("StartImageScan", {**APP, "imageId": V1}),
    ("DescribeImageScanFindings", {**APP, "imageId": V1}),
    ("DeleteRepository", APP),
    ("BatchDeleteImage", {**APP, **SOME}),
    ("BatchDeleteImage", {**NO_SUCH, **SOME}),
    ("ListImages", APP),
    ("UploadLayerPart", {**APP, "uploadId": NO_UPLOAD, **PART}),
    ("InitiateLayerUpload", NO_SUCH),
    ("InitiateLayerUpload", APP),
    ("UploadLayerPart", {**APP, "uploadId": "UPLOAD", **PART}),
    ("UploadLayerPart", {**APP, "uploadId": "UPLOAD", **LATE}),
    ("CompleteLayerUpload", {**APP, "uploadId": "UPLOAD", "layerDigests": [NO_DIGEST]}),
    ("CompleteLayerUpload", {**APP, "uploadId": NO_UPLOAD, "layerDigests": [NO_DIGEST]}),
    ("BatchCheckLayerAvailability", {**APP, "layerDigests": [LAYER_DIGEST, NO_DIGEST]}),
    ("BatchCheckLayerAvailability", {**NO_SUCH, "layerDigests": [NO_DIGEST]}),
    ("SetRepositoryPolicy", {**APP, "policyText": "{}"}),
    ("SetRepositoryPolicy", {**APP, **policy()}),
    ("GetRepositoryPolicy", APP),
    ("DeleteRepositoryPolicy", APP),
    ("DeleteRepositoryPolicy", APP),
    ("GetRepositoryPolicy", APP),
    ("PutLifecyclePolicy", {**APP, "lifecyclePolicyText": "[]".ljust(100)}),
    ("PutLifecyclePolicy", {**APP, **LIFECYCLE}),
    ("GetLifecyclePolicy", APP),
    ("DeleteLifecyclePolicy", APP),
    ("DeleteLifecyclePolicy", APP),
    ("GetLifecyclePolicy", APP),
    ("PutRegistryPolicy", {"policyText": "{}"}),
    ("PutRegistryPolicy", policy(Resource="*")),
    ("GetRegistryPolicy", {}),
    ("DeleteRegistryPolicy", {}),
    ("DeleteRegistryPolicy", {}),
    ("GetRegistryPolicy", {}),
    ("GetRegistryScanningConfiguration", {}),
    ("PutRegistryScanningConfiguration", SCANNING),
    ("GetRegistryScanningConfiguration", {}),
    ("BatchGetRepositoryScanningConfiguration", {"repositoryNames": ["team/app", "no/such"]}),
    ("PutReplicationConfiguration", replication("us-east-1")),
    ("PutReplicationConfiguration", replication("us-east-1", "us-east-1")),
    ("DescribeRegistry", {}),
    ("PutReplicationConfiguration", replication("eu-west-1")),
    ("DescribeRegistry", {}),
    ("GetAuthorizationToken", {}),
    ("DeleteRepository", NO_SUCH),
    ("DeleteRepository", {**APP, "force": True}),
    ("DescribeRepositories", {}),
]
READS = ("Get", "List", "Describe", "BatchGet", "BatchCheck")
#: Operations that moto never refuses.
NEVER_REFUSED = {
    *("BatchGetRepositoryScanningConfiguration", "DescribeRegistry", "GetAuthorizationToken"),
    *("GetRegistryScanningConfiguration", "PutRegistryScanningConfiguration"),
}
#: Members that differ between two runs: times and random ids.
VARYING = {"response_metadata", "upload_id", "created_at", "image_pushed_at", "last_evaluated_at"}
VARYING |= {"vulnerability_source_updated_at", "image_scan_completed_at"}


def plain(value: Any) -> Any:
    """Return a result of either client as dicts with our names, without empty values."""
    if attrs.has(type(value)):
        value = attrs.asdict(value, recurse=False)
    if isinstance(value, dict):
        pairs = {xform_name(str(name)): plain(item) for name, item in value.items()}
        return {
            name: item
            for name, item in pairs.items()
            if item not in (None, [], {}) and name not in VARYING
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def call(client: Any, name: str, members: dict[str, Any]) -> Any:
    """Return the result of a call, or the error of a refusal."""
    try:
        if isinstance(client, ECRClient):
            request = from_dict(OPERATIONS[name].request_class, members)
            return client.invoke(OPERATIONS[name], request)
        return getattr(client, xform_name(name))(**members)
    except ClientError as error:
        return error


def check(error: AmazonECRException) -> None:
    """Assert that an error of ours has the class of its code, and its request id."""
    assert type(error) is getattr(exceptions, error.error_code)
    assert error.request_id
    assert error.request_id in str(error)
    assert error.status_code == 400


def run_story(writer: Any, reader: Any) -> list[Any]:
    """Make all calls of the story, writing with one client and reading with another."""
    results, upload = [], ""
    for name, members in STORY:
        given = {key: upload if value == "UPLOAD" else value for key, value in members.items()}
        found = call(reader if name.startswith(READS) else writer, name, given)
        error = isinstance(found, ClientError)
        if isinstance(found, AmazonECRException):
            check(found)
        if error:
            assert found.operation_name == name
            del found.response["ResponseMetadata"]
        results.append((name, error, plain(found.response if error else found)))
        if name == "InitiateLayerUpload" and not error:
            upload = found["uploadId"] if isinstance(found, dict) else found.upload_id
    return json.loads(json.dumps(results, default=str).replace(upload, "UPLOAD"))


@pytest.fixture(scope="module")
def boto(moto_url: str) -> Iterator[Any]:
    """Yield boto3's client of the same moto server."""
    made = boto3.session.Session(aws_access_key_id="AKIDEXAMPLE", aws_secret_access_key="secret")
    client = made.client("ecr", region_name="us-east-1", endpoint_url=moto_url)
    yield client
    client.close()


@pytest.fixture(scope="module")
def expected(boto: Any, moto_url: str) -> Any:
    """Return the results of boto3 alone."""
    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    return run_story(boto, boto)


@pytest.mark.parametrize("who", [("ours", "theirs"), ("theirs", "ours")])
def test_story(moto_client: ECRClient, boto: Any, expected: Any, who: tuple[str, str]) -> None:
    """The story has the same results, call by call, whichever client writes or reads."""
    clients = {"ours": moto_client, "theirs": boto}

    assert run_story(*(clients[name] for name in who)) == expected


def test_story_under_the_mock(expected: Any) -> None:
    """In moto's mock, without a server, the story has the same results."""
    with mock_aws(), ECRClient(region="us-east-1") as client:
        assert run_story(client, client) == expected


def test_story_has_all_operations(expected: Any) -> None:
    """The story has all operations of moto, each of which is refused at least once if it can be."""
    methods = {name for name, found in vars(ECRResponse).items() if callable(found)}
    refused = {name for name, is_error, _ in expected if is_error}

    named = {name for name in methods if not name.startswith("_")}
    assert {xform_name(name) for name, _ in STORY} == named - {"get_download_url_for_layer"}
    assert refused == {name for name, _ in STORY} - NEVER_REFUSED


def test_not_implemented(moto_client: ECRClient) -> None:
    """The operation that moto declares without implementing it raises a general error."""
    with pytest.raises(AmazonECRException) as raised:
        moto_client.get_download_url_for_layer(repository_name="no/such", layer_digest=NO_DIGEST)

    assert type(raised.value) is AmazonECRException
    assert (raised.value.error_code, raised.value.status_code) == ("500", 500)


def test_one_mock_for_both_clients() -> None:
    """In the mock, boto3 and this client see the same repositories, region by region."""
    with mock_aws(), ECRClient() as client:
        theirs = boto3.session.Session().client("ecr", region_name="us-east-1")
        client.create_repository(repository_name="ours")
        theirs.create_repository(repositoryName="theirs")
        seen = [each["repositoryName"] for each in theirs.describe_repositories()["repositories"]]
        found = client.describe_repositories().repositories
        endpoint = client.endpoint
        client.set_region("us-west-2")

        assert client.describe_repositories().repositories == ()
    assert endpoint == "https://ecr.us-east-1.amazonaws.com"
    assert [each.repository_name for each in found] == seen == ["ours", "theirs"]
    assert found[0].repository_uri == "123456789012.dkr.ecr.us-east-1.amazonaws.com/ours"
