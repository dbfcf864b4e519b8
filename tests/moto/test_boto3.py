"""The same moto server seen through boto3 and through us: what one makes, the other reads."""

from __future__ import annotations

import hashlib
import json
from functools import partial
from typing import Any

import attrs
import pytest
import requests
from botocore import xform_name
from botocore.exceptions import ClientError

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonECRException, WaiterTimeoutException
from ecr_client.models import (
    EncryptionConfiguration,
    ImageIdentifier,
    ImageScanningConfiguration,
    Tag,
)

NO_DIGEST = f"sha256:{'0' * 64}"
V1 = ImageIdentifier(image_tag="v1")
SELECTION = {"tagStatus": "untagged", "countType": "imageCountMoreThan", "countNumber": 1}
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}
)


STATEMENT = {"Sid": "one", "Effect": "Allow", "Principal": {"AWS": "arn:aws:iam::1:root"}}
ACTION = {"Action": "ecr:ReplicateImage"}
REPOSITORY_POLICY = json.dumps({"Version": "2012-10-17", "Statement": [{**STATEMENT, **ACTION}]})
REGISTRY_POLICY = json.dumps(
    {"Version": "2012-10-17", "Statement": [{**STATEMENT, **ACTION, "Resource": "*"}]}
)
#: Members that tell the time of the very call.
NOW = {"response_metadata", "last_evaluated_at", "vulnerability_source_updated_at"}


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
            if item not in (None, [], {}) and name not in NOW
        }
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, str) else value


#: Reading operations, and what both clients are asked. The state is made by `_filled`.
READS: list[tuple[str, dict[str, Any]]] = [
    ("batch_check_layer_availability", {"layerDigests": [NO_DIGEST, "LAYER"]}),
    ("batch_get_image", {"imageIds": [{"imageTag": "v1"}, {"imageTag": "absent"}]}),
    ("batch_get_repository_scanning_configuration", {"repositoryNames": ["team/app", "no/such"]}),
    ("describe_image_scan_findings", {"imageId": {"imageTag": "v1"}}),
    ("describe_images", {}),
    ("describe_registry", {}),
    ("describe_repositories", {}),
    ("get_authorization_token", {}),
    ("get_lifecycle_policy", {}),
    ("get_registry_policy", {}),
    ("get_registry_scanning_configuration", {}),
    ("get_repository_policy", {}),
    ("list_images", {}),
    ("list_tags_for_resource", {"resourceArn": "ARN"}),
]
WITHOUT_REPOSITORY = {
    *("batch_get_repository_scanning_configuration", "describe_registry", "describe_repositories"),
    *("get_authorization_token", "get_registry_scanning_configuration", "list_tags_for_resource"),
    "get_registry_policy",
}


def _filled(boto: Any, manifest: str, layer: bytes) -> dict[str, str]:
    """Make a repository with everything in it, through boto3, and return what to ask for."""
    made = boto.create_repository(
        repositoryName="team/app",
        tags=[{"Key": "team", "Value": "a"}],
        imageTagMutability="IMMUTABLE",
        imageScanningConfiguration={"scanOnPush": True},
        encryptionConfiguration={"encryptionType": "KMS"},
    )["repository"]
    for tag in ("v1", "v2"):
        boto.put_image(repositoryName="team/app", imageManifest=manifest, imageTag=tag)
    upload = boto.initiate_layer_upload(repositoryName="team/app")["uploadId"]
    where = {"repositoryName": "team/app", "uploadId": upload}
    boto.upload_layer_part(
        **where, partFirstByte=0, partLastByte=len(layer) - 1, layerPartBlob=layer
    )
    digest = boto.complete_layer_upload(**where, layerDigests=[NO_DIGEST])["layerDigest"]
    boto.put_lifecycle_policy(repositoryName="team/app", lifecyclePolicyText=LIFECYCLE)
    boto.set_repository_policy(repositoryName="team/app", policyText=REPOSITORY_POLICY)
    boto.put_registry_policy(policyText=REGISTRY_POLICY)
    boto.start_image_scan(repositoryName="team/app", imageId={"imageTag": "v1"})
    return {"ARN": made["repositoryArn"], "LAYER": digest}


def _ours(value: Any) -> Any:
    """Return botocore's parameters as ours; the only structures in them are image ids."""
    if isinstance(value, dict):
        return ImageIdentifier(**{xform_name(name): item for name, item in value.items()})
    return [_ours(item) for item in value] if isinstance(value, list) else value


@pytest.mark.parametrize(("operation", "members"), READS, ids=[name for name, _ in READS])
def test_we_read_what_boto3_reads(
    moto_client: ECRClient,
    boto: Any,
    manifest: str,
    layer: bytes,
    operation: str,
    members: dict[str, Any],
) -> None:
    """What boto3 has made is read by us with the very values that boto3 reads."""
    known = _filled(boto, manifest, layer)
    text = json.dumps(members)
    for name, found in known.items():
        text = text.replace(f'"{name}"', json.dumps(found))
    asked = json.loads(text)
    if operation not in WITHOUT_REPOSITORY:
        asked["repositoryName"] = "team/app"

    theirs = getattr(boto, operation)(**asked)
    ours = getattr(moto_client, operation)(
        **{xform_name(name): _ours(value) for name, value in asked.items()}
    )

    assert plain(ours) == plain(theirs)
    assert len(plain(ours)) >= 1


def test_boto3_reads_what_we_have_made(moto_client: ECRClient, boto: Any, manifest: str) -> None:
    """A repository and an image of ours are to boto3 what they are to us."""
    made = moto_client.create_repository(
        repository_name="team/app",
        tags=[Tag(key="team", value="Größe 😀")],
        image_tag_mutability="IMMUTABLE",
        image_scanning_configuration=ImageScanningConfiguration(scan_on_push=True),
        encryption_configuration=EncryptionConfiguration(encryption_type="AES256"),
    ).repository
    put = moto_client.put_image(
        repository_name="team/app", image_manifest=manifest, image_tag="v1"
    ).image

    (repository,) = boto.describe_repositories()["repositories"]
    (image,) = boto.batch_get_image(repositoryName="team/app", imageIds=[{"imageTag": "v1"}])[
        "images"
    ]
    tags = boto.list_tags_for_resource(resourceArn=repository["repositoryArn"])["tags"]

    assert plain(repository) == plain(made)
    assert plain(image) == plain(put)
    assert tags == [{"Key": "team", "Value": "Größe 😀"}]


@pytest.mark.usefixtures("repository")
def test_boto3_finds_the_layer_that_we_have_uploaded(
    moto_client: ECRClient, boto: Any, layer: bytes
) -> None:
    """The bytes of a layer of ours arrive as they are."""
    upload = moto_client.initiate_layer_upload(repository_name="team/app").upload_id or ""
    moto_client.upload_layer_part(
        repository_name="team/app",
        upload_id=upload,
        part_first_byte=0,
        part_last_byte=len(layer) - 1,
        layer_part_blob=bytearray(layer),
    )
    moto_client.complete_layer_upload(
        repository_name="team/app", upload_id=upload, layer_digests=[NO_DIGEST]
    )
    digest = f"sha256:{hashlib.sha256(layer).hexdigest()}"
    found = boto.batch_check_layer_availability(repositoryName="team/app", layerDigests=[digest])

    assert [each["layerSize"] for each in found["layers"]] == [len(layer)]


@pytest.mark.parametrize(
    ("operation", "members"),
    [
        ("create_repository", {"repositoryName": "team/app"}),
        ("delete_registry_policy", {}),
        ("describe_images", {"repositoryName": "team/app", "imageIds": [{"imageTag": "absent"}]}),
        ("list_images", {"repositoryName": "no/such"}),
        ("put_image", {"repositoryName": "team/app", "imageManifest": "{}"}),
    ],
)
@pytest.mark.usefixtures("repository")
def test_an_error_says_what_boto3_says(
    moto_client: ECRClient, boto: Any, operation: str, members: dict[str, Any]
) -> None:
    """The same mistake has the same code, message and operation in both clients."""
    with pytest.raises(ClientError) as theirs:
        getattr(boto, operation)(**members)
    with pytest.raises(AmazonECRException) as ours:
        getattr(moto_client, operation)(
            **{xform_name(name): _ours(value) for name, value in members.items()}
        )

    assert ours.value.response["Error"] == theirs.value.response["Error"]
    assert ours.value.operation_name == theirs.value.operation_name
    assert type(ours.value).__name__ == type(theirs.value).__name__


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
    moto_client: ECRClient, boto: Any, moto_url: str, manifest: str, operation: str
) -> None:
    """A batch of any length gives items and failures in the order of boto3's many calls."""
    member, size, items = BATCHES[operation]
    where = {} if member == "repositoryNames" else {"repositoryName": "team/app"}
    call = partial(getattr(boto, operation), **where)
    _fill(boto, manifest)
    theirs = _in_calls_of(size, call, member, items)
    requests.post(f"{moto_url}/moto-api/reset", timeout=30).raise_for_status()
    _fill(boto, manifest)

    members = {xform_name(name): _ours(value) for name, value in {**where, member: items}.items()}
    ours = getattr(moto_client, f"{operation}_all")(**members)

    assert plain(ours) == plain(theirs)
    assert len(ours.failures) > size
