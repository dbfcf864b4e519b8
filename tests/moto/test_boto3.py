"""The same moto server through boto3 and through us: what one makes, the other reads."""

from __future__ import annotations

import base64
import hashlib
import json
from functools import partial
from typing import Any

import attrs
import pytest
import requests
from botocore import xform_name
from moto.ecr.responses import ECRResponse

from ecr_client import ECRClient, from_dict
from ecr_client.exceptions import AmazonECRException, WaiterTimeoutException
from ecr_client.models import ImageIdentifier
from ecr_client.operations import OPERATIONS

NO_DIGEST = f"sha256:{'0' * 64}"
APP = {"repositoryName": "team/app"}
ARN = {"resourceArn": "arn:aws:ecr:us-east-1:123456789012:repository/team/app"}
V1 = ImageIdentifier(image_tag="v1")
TAGGED = {"imageId": {"imageTag": "v1"}}
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}
)
STATEMENT = {
    "Sid": "one",
    "Effect": "Allow",
    "Principal": {"AWS": "arn:aws:iam::1:root"},
    "Action": "ecr:ReplicateImage",
}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [STATEMENT]})
REGISTRY_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{**STATEMENT, "Resource": "*"}]}
)
SCANNING = {
    "scanType": "ENHANCED",
    "rules": [
        {
            "scanFrequency": "CONTINUOUS_SCAN",
            "repositoryFilters": [{"filter": "team/*", "filterType": "WILDCARD"}],
        }
    ],
}
REPLICATION = {
    "rules": [
        {
            "destinations": [{"region": "eu-west-1", "registryId": "123456789012"}],
            "repositoryFilters": [{"filter": "team", "filterType": "PREFIX_MATCH"}],
        }
    ]
}
LAYER = bytes(range(256)) * 64
LAYER_DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
PART = {"partFirstByte": 0, "partLastByte": len(LAYER) - 1, "layerPartBlob": LAYER}
#: All operations of moto, in an order in which each finds something to do.
STORY: list[tuple[str, dict[str, Any]]] = [
    (
        "CreateRepository",
        {
            **APP,
            "tags": [{"Key": "team", "Value": "Größe 😀"}, {"Key": "empty", "Value": ""}],
            "imageTagMutability": "IMMUTABLE",
            "imageScanningConfiguration": {"scanOnPush": True},
            "encryptionConfiguration": {"encryptionType": "KMS", "kmsKey": "alias/k"},
        },
    ),
    ("DescribeRepositories", {}),
    ("ListTagsForResource", ARN),
    ("TagResource", {**ARN, "tags": [{"Key": "a", "Value": "1"}]}),
    ("UntagResource", {**ARN, "tagKeys": ["team"]}),
    ("ListTagsForResource", ARN),
    ("PutImageTagMutability", {**APP, "imageTagMutability": "MUTABLE"}),
    ("PutImageScanningConfiguration", {**APP, "imageScanningConfiguration": {"scanOnPush": False}}),
    ("PutImage", {**APP, "imageManifest": "MANIFEST", "imageTag": "v1"}),
    ("PutImage", {**APP, "imageManifest": "MANIFEST", "imageTag": "v2"}),
    ("ListImages", APP),
    ("ListImages", {**APP, "filter": {"tagStatus": "UNTAGGED"}}),
    ("DescribeImages", APP),
    ("BatchGetImage", {**APP, "imageIds": [{"imageTag": "v1"}, {"imageTag": "absent"}]}),
    ("StartImageScan", {**APP, **TAGGED}),
    ("DescribeImageScanFindings", {**APP, **TAGGED}),
    ("BatchDeleteImage", {**APP, "imageIds": [{"imageTag": "v1"}, {"imageTag": "absent"}]}),
    ("ListImages", APP),
    ("InitiateLayerUpload", APP),
    ("UploadLayerPart", {**APP, "uploadId": "UPLOAD", **PART}),
    ("CompleteLayerUpload", {**APP, "uploadId": "UPLOAD", "layerDigests": [NO_DIGEST]}),
    ("BatchCheckLayerAvailability", {**APP, "layerDigests": [LAYER_DIGEST, NO_DIGEST]}),
    ("SetRepositoryPolicy", {**APP, "policyText": POLICY}),
    ("GetRepositoryPolicy", APP),
    ("DeleteRepositoryPolicy", APP),
    ("PutLifecyclePolicy", {**APP, "lifecyclePolicyText": LIFECYCLE}),
    ("GetLifecyclePolicy", APP),
    ("DeleteLifecyclePolicy", APP),
    ("PutRegistryPolicy", {"policyText": REGISTRY_POLICY}),
    ("GetRegistryPolicy", {}),
    ("DeleteRegistryPolicy", {}),
    ("GetRegistryScanningConfiguration", {}),
    ("PutRegistryScanningConfiguration", SCANNING),
    ("GetRegistryScanningConfiguration", {}),
    ("BatchGetRepositoryScanningConfiguration", {"repositoryNames": ["team/app", "no/such"]}),
    ("DescribeRegistry", {}),
    ("PutReplicationConfiguration", {"replicationConfiguration": REPLICATION}),
    ("DescribeRegistry", {}),
    ("GetAuthorizationToken", {}),
    ("DeleteRepository", {**APP, "force": True}),
    ("DescribeRepositories", {}),
]
READS = ("Get", "List", "Describe", "BatchGet", "BatchCheck")
#: Members that differ between two runs: times, and ids that are drawn.
DRAWN = {"response_metadata", "upload_id", "created_at", "image_pushed_at", "last_evaluated_at"}
DRAWN |= {"vulnerability_source_updated_at", "image_scan_completed_at"}


def plain(value: Any) -> Any:
    """Return a result of either client in one form: dicts by our names, without what is empty."""
    if attrs.has(type(value)):
        names = [field.name for field in attrs.fields(type(value))]
        value = {name: getattr(value, name) for name in names}
    if isinstance(value, dict):
        pairs = {xform_name(str(name)): plain(item) for name, item in value.items()}
        return {
            name: item
            for name, item in pairs.items()
            if item not in (None, [], {}) and name not in DRAWN
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


def told(writer: Any, reader: Any, manifest: str) -> list[Any]:
    """Make all calls of the story with one client or the other; return their results."""
    results, upload = [], ""
    for name, members in STORY:
        client = reader if name.startswith(READS) else writer
        given = {
            key: {"UPLOAD": upload, "MANIFEST": manifest}.get(value, value)
            if isinstance(value, str)
            else value
            for key, value in members.items()
        }
        if isinstance(client, ECRClient):
            if "layerPartBlob" in given:
                given["layerPartBlob"] = base64.b64encode(given["layerPartBlob"]).decode()
            operation = OPERATIONS[name]
            result = client.invoke(operation, from_dict(operation.request_class, given))
            upload = getattr(result, "upload_id", None) or upload
        else:
            result = getattr(client, xform_name(name))(**given)
            upload = result.get("uploadId", upload)
        results.append((name, plain(result)))
    return results


@pytest.fixture
def reset(moto_url: str) -> Any:
    """Return a function that empties the server."""
    return lambda: requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()


@pytest.mark.parametrize("writer", ["ours", "theirs"])
@pytest.mark.parametrize("reader", ["ours", "theirs"])
def test_story(
    moto_client: ECRClient, boto: Any, reset: Any, manifest: str, writer: str, reader: str
) -> None:
    """Whoever writes and whoever reads, the same calls have the same results, call by call."""
    clients = {"ours": moto_client, "theirs": boto}
    expected = told(boto, boto, manifest)
    reset()
    found = told(clients[writer], clients[reader], manifest)

    assert found == expected


def test_story_has_all_operations() -> None:
    """The story has all operations that moto implements."""
    methods = {name for name, found in vars(ECRResponse).items() if callable(found)}
    named = {name for name in methods if not name.startswith("_")}

    assert {xform_name(name) for name, _ in STORY} == named - {"get_download_url_for_layer"}


@pytest.mark.usefixtures("repository")
def test_not_implemented(moto_client: ECRClient) -> None:
    """The one operation that moto names without implementing it is a general error of ours."""
    with pytest.raises(AmazonECRException) as raised:
        moto_client.get_download_url_for_layer(repository_name="team/app", layer_digest=NO_DIGEST)

    assert type(raised.value) is AmazonECRException
    assert (raised.value.error_code, raised.value.status_code) == ("500", 500)


# --- pages, waiting, batches --------------------------------------------------------------------


def _images(count: int) -> list[ImageIdentifier]:
    return [ImageIdentifier(image_tag=f"v{number}") for number in range(count)]


@pytest.mark.usefixtures("repository")
def test_paginators_give_what_boto3_gives(moto_client: ECRClient, boto: Any, manifest: str) -> None:
    """The items of our paginators are those of boto3's, in the same order."""
    for image in _images(5):
        boto.put_image(repositoryName="team/app", imageManifest=manifest, imageTag=image.image_tag)
        boto.create_repository(repositoryName=f"other/{image.image_tag}")
    pages = boto.get_paginator("list_images").paginate(repositoryName="team/app")
    images = pages.build_full_result()["imageIds"]
    pages = boto.get_paginator("describe_repositories").paginate()
    repositories = pages.build_full_result()["repositories"]
    pages = boto.get_paginator("describe_images").paginate(repositoryName="team/app")
    details = pages.build_full_result()["imageDetails"]
    where = {"repository_name": "team/app"}

    assert plain(list(moto_client.paginate_list_images(**where))) == plain(images)
    assert plain(list(moto_client.paginate_describe_images(**where))) == plain(details)
    assert plain(list(moto_client.paginate_describe_repositories())) == plain(repositories)
    assert (len(images), len(repositories), len(details)) == (5, 6, 1)


def test_the_scan_waiter_ends_where_that_of_boto3_ends(
    moto_client: ECRClient, boto: Any, image: ImageIdentifier
) -> None:
    """A scan that boto3's waiter takes for complete is complete for ours, with the findings."""
    boto.start_image_scan(repositoryName="team/app", imageId={"imageTag": "v1"})
    boto.get_waiter("image_scan_complete").wait(
        repositoryName="team/app", imageId={"imageTag": "v1"}, WaiterConfig={"MaxAttempts": 1}
    )

    slept: list[float] = []
    result = moto_client.wait_until_image_scan_complete(
        repository_name="team/app", image_id=image, sleep=slept.append
    )

    assert slept == []
    assert result.image_scan_findings is not None
    assert [finding.severity for finding in result.image_scan_findings.findings] == ["HIGH"]


@pytest.mark.usefixtures("repository")
def test_an_image_that_boto3_puts_is_waited_for(
    moto_client: ECRClient, boto: Any, manifest: str
) -> None:
    """Waiting for an image goes on over its absence, and ends when boto3 has put it."""
    slept: list[float] = []

    def put_at_the_second_sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 2:
            boto.put_image(repositoryName="team/app", imageManifest=manifest, imageTag="v1")

    result = moto_client.wait_until_image_exists(
        repository_name="team/app", image_ids=[V1], delay=3, sleep=put_at_the_second_sleep
    )

    assert slept == [3, 3]
    assert [detail.image_tags for detail in result.image_details] == [("v1",)]


@pytest.mark.usefixtures("repository")
def test_an_image_that_does_not_come_is_not_waited_for_without_end(
    moto_client: ECRClient,
) -> None:
    """Waiting ends with an error when the time is over."""
    slept: list[float] = []

    with pytest.raises(WaiterTimeoutException):
        moto_client.wait_until_image_exists(
            repository_name="team/app", image_ids=[V1], delay=4, max_wait=10, sleep=slept.append
        )

    assert slept == [4, 4]


def _in_calls_of(size: int, call: Any, name: str, items: list[Any]) -> dict[str, list[Any]]:
    """Return the lists of all answers that boto3 gives to calls of a certain size."""
    joined: dict[str, list[Any]] = {}
    for start in range(0, len(items), size):
        for key, value in call(**{name: items[start : start + size]}).items():
            if isinstance(value, list):
                joined.setdefault(key, []).extend(value)
    return joined


#: Batch operations: the member that is split, how many go into a call, and the items asked for.
BATCHES: dict[str, tuple[str, int, list[Any]]] = {
    "batch_get_image": ("imageIds", 100, [{"imageTag": f"v{n}"} for n in range(230)]),
    "batch_delete_image": ("imageIds", 100, [{"imageTag": f"v{n}"} for n in range(230)]),
    "batch_check_layer_availability": (
        "layerDigests",
        100,
        [f"sha256:{n:064x}" if n % 7 else f"sha256:no{n}" for n in range(230)],
    ),
    "batch_get_repository_scanning_configuration": (
        "repositoryNames",
        25,
        [f"other/v{n}" for n in range(60)],
    ),
}


def _fill(boto: Any, manifest: str) -> None:
    boto.create_repository(repositoryName="team/app")
    for number in range(0, 230, 40):
        other = manifest.replace("7023", str(number))
        boto.put_image(repositoryName="team/app", imageManifest=other, imageTag=f"v{number}")
        boto.create_repository(repositoryName=f"other/v{number}")


@pytest.mark.parametrize("operation", BATCHES)
def test_a_long_batch_gives_what_many_calls_of_boto3_give(
    moto_client: ECRClient, boto: Any, reset: Any, manifest: str, operation: str
) -> None:
    """A batch of any length gives items and failures in the order of boto3's many calls."""
    member, size, items = BATCHES[operation]
    where = {} if member == "repositoryNames" else {"repositoryName": "team/app"}
    call = partial(getattr(boto, operation), **where)
    _fill(boto, manifest)
    theirs = _in_calls_of(size, call, member, items)
    reset()
    _fill(boto, manifest)

    title = "".join(map(str.capitalize, operation.split("_")))
    request = from_dict(OPERATIONS[title].request_class, {**where, member: items})
    members = {name: found for name, found in attrs.asdict(request, recurse=False).items() if found}
    ours = getattr(moto_client, f"{operation}_all")(**members)

    assert plain(ours) == plain(theirs)
    assert len(ours.failures) > size
