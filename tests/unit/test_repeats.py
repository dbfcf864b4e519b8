"""Calls whose answer was lost after the work was done, against the local ECR."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Any

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient, models
from ecr_client._runtime.repeats import _SETTLED
from ecr_client.exceptions import (
    AmazonECRException,
    RepositoryAlreadyExistsException,
    TransportException,
)
from ecr_client.models import ImageIdentifier
from ecr_client.operations import OPERATIONS

if TYPE_CHECKING:
    from ecr_client.local import LocalECR

#: What a repeat of each operation does after an attempt that may have worked. ``read`` and ``set``
#: are safe, ``orphan`` leaves an upload that nobody uses, ``settled`` ends with the lost result,
#: ``raised`` with the error that the repeat met.
REPEATS = {
    "read": (
        "BatchCheckLayerAvailability BatchGetImage BatchGetRepositoryScanningConfiguration "
        "DescribeImageReplicationStatus DescribeImageScanFindings DescribeImageSigningStatus "
        "DescribeImages DescribePullThroughCacheRules DescribeRegistry "
        "DescribeReplicationBackfillResults DescribeRepositories "
        "DescribeRepositoryCreationTemplates GetAccountSetting GetAuthorizationToken "
        "GetDownloadUrlForLayer GetLifecyclePolicy GetLifecyclePolicyPreview GetRegistryPolicy "
        "GetRegistryScanningConfiguration GetRepositoryPolicy GetSigningConfiguration "
        "ListImageReferrers ListImages ListPullTimeUpdateExclusions ListReplicationBackfills "
        "ListTagsForResource ValidatePullThroughCacheRule"
    ),
    "set": (
        "PutAccountSetting PutImageScanningConfiguration PutImageTagMutability PutLifecyclePolicy "
        "PutRegistryPolicy PutRegistryScanningConfiguration PutReplicationConfiguration "
        "PutSigningConfiguration SetRepositoryPolicy TagResource UntagResource "
        "UpdateImageStorageClass UpdatePullThroughCacheRule UpdateRepositoryCreationTemplate"
    ),
    "orphan": "InitiateLayerUpload",
    "settled": (
        "BatchDeleteImage CompleteLayerUpload CreatePullThroughCacheRule CreateRepository "
        "CreateRepositoryCreationTemplate DeleteLifecyclePolicy DeletePullThroughCacheRule "
        "DeleteRegistryPolicy DeleteRepository DeleteRepositoryCreationTemplate "
        "DeleteRepositoryPolicy DeleteSigningConfiguration DeregisterPullTimeUpdateExclusion "
        "PutImage RegisterPullTimeUpdateExclusion StartImageScan StartLifecyclePolicyPreview "
        "UploadLayerPart"
    ),
    "raised": "StartReplicationBackfill StopReplicationBackfill",
}
#: What the local ECR cannot show is tested with a scripted server.
ELSEWHERE = {"DeleteSigningConfiguration", "StartLifecyclePolicyPreview"}

BLOB = b"not empty"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER = {"mediaType": "application/octet-stream", "digest": DIGEST, "size": len(BLOB)}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": LAYER, "layers": []}
)
IMAGE = ImageIdentifier(image_digest=f"sha256:{hashlib.sha256(MANIFEST.encode()).hexdigest()}")
PRINCIPAL = "arn:aws:iam::123456789012:role/scanner"
ALLOW = {"Sid": "a", "Effect": "Allow", "Principal": "*", "Action": "ecr:ReplicateImage"}
POLICY = {"Version": "2012-10-17", "Statement": [ALLOW]}
REGISTRY_POLICY = {
    "Version": "2012-10-17",
    "Statement": [
        {
            **ALLOW,
            "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
            "Resource": "arn:aws:ecr:us-east-1:123456789012:repository/*",
        }
    ],
}
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 5}
LIFECYCLE = {
    "rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}],
}
Members = dict[str, Any]
Prepare = Callable[[ECRClient], Members]


@attrs.frozen
class Case:
    """A call of an operation that is settled.

    Attributes:
        prepare: Does what has to be done before, and returns the members of the call.
        error: What the operation answers when its work is done already.
        asks: The operation by which the client finds out whether the work is its own.
    """

    prepare: Prepare
    error: str
    asks: str | None = None


def nothing(**members: Any) -> Prepare:
    return lambda _: members


def repository(client: ECRClient) -> Members:
    client.create_repository(repository_name="app")
    return {"repository_name": "app"}


def empty_upload(client: ECRClient) -> Members:
    upload_id = client.initiate_layer_upload(**repository(client)).upload_id
    return {"repository_name": "app", "upload_id": upload_id}


def part(client: ECRClient) -> Members:
    range_ = {"part_first_byte": 0, "part_last_byte": len(BLOB) - 1}
    return {**empty_upload(client), **range_, "layer_part_blob": BLOB}


def upload(client: ECRClient) -> Members:
    members = part(client)
    client.upload_layer_part(**members)
    names = ("repository_name", "upload_id")
    return {**{name: members[name] for name in names}, "layer_digests": [DIGEST]}


def manifest(client: ECRClient) -> Members:
    client.complete_layer_upload(**upload(client))
    kind = {"image_manifest": MANIFEST, "image_manifest_media_type": MANIFEST_TYPE}
    return {"repository_name": "app", **kind, "image_tag": "1.0"}


def untagged_manifest(client: ECRClient) -> Members:
    members = manifest(client)
    del members["image_tag"]
    return members


def image(client: ECRClient) -> Members:
    client.put_image(**manifest(client))
    return {"repository_name": "app", "image_id": IMAGE}


def with_policies(client: ECRClient) -> Members:
    members = repository(client)
    client.set_repository_policy(**members, policy_text=json.dumps(POLICY))
    client.put_lifecycle_policy(**members, lifecycle_policy_text=json.dumps(LIFECYCLE))
    return members


def registry_policy(client: ECRClient) -> Members:
    client.put_registry_policy(policy_text=json.dumps(REGISTRY_POLICY))
    return {}


def rule(client: ECRClient) -> Members:
    client.create_pull_through_cache_rule(**RULE)
    return {"ecr_repository_prefix": "cache"}


def template(client: ECRClient) -> Members:
    client.create_repository_creation_template(**TEMPLATE)
    return {"prefix": "team"}


def exclusion(client: ECRClient) -> Members:
    client.register_pull_time_update_exclusion(principal_arn=PRINCIPAL)
    return {"principal_arn": PRINCIPAL}


REPOSITORY: Members = {
    "repository_name": "app",
    "image_tag_mutability": "IMMUTABLE",
    "image_scanning_configuration": models.ImageScanningConfiguration(),
    "encryption_configuration": models.EncryptionConfiguration(encryption_type="AES256"),
}
RULE: Members = {
    "ecr_repository_prefix": "cache",
    "upstream_registry_url": "public.ecr.aws",
    "upstream_registry": "ecr-public",
}
TEMPLATE: Members = {
    "prefix": "team",
    "applied_for": ["PULL_THROUGH_CACHE", "REPLICATION"],
    "description": "of the team",
    "resource_tags": [models.Tag(key="a", value="b")],
}
CASES = {
    "CompleteLayerUpload": Case(upload, "UploadNotFoundException", "BatchCheckLayerAvailability"),
    "CreatePullThroughCacheRule": Case(
        nothing(**RULE),
        "PullThroughCacheRuleAlreadyExistsException",
        "DescribePullThroughCacheRules",
    ),
    "CreateRepository": Case(
        nothing(**REPOSITORY), "RepositoryAlreadyExistsException", "DescribeRepositories"
    ),
    "CreateRepositoryCreationTemplate": Case(
        nothing(**TEMPLATE),
        "TemplateAlreadyExistsException",
        "DescribeRepositoryCreationTemplates",
    ),
    "DeleteLifecyclePolicy": Case(with_policies, "LifecyclePolicyNotFoundException"),
    "DeletePullThroughCacheRule": Case(rule, "PullThroughCacheRuleNotFoundException"),
    "DeleteRegistryPolicy": Case(registry_policy, "RegistryPolicyNotFoundException"),
    "DeleteRepository": Case(repository, "RepositoryNotFoundException"),
    "DeleteRepositoryCreationTemplate": Case(template, "TemplateNotFoundException"),
    "DeleteRepositoryPolicy": Case(with_policies, "RepositoryPolicyNotFoundException"),
    "DeregisterPullTimeUpdateExclusion": Case(exclusion, "ExclusionNotFoundException"),
    "PutImage": Case(manifest, "ImageAlreadyExistsException", "BatchGetImage"),
    "RegisterPullTimeUpdateExclusion": Case(
        nothing(principal_arn=PRINCIPAL), "ExclusionAlreadyExistsException"
    ),
    "StartImageScan": Case(image, "LimitExceededException", "DescribeImageScanFindings"),
    "UploadLayerPart": Case(part, "InvalidLayerPartException"),
}
ALL = pytest.mark.parametrize("name", CASES)
ASKING = pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.asks])


@pytest.fixture
def client(ecr: LocalECR, fake: Any) -> Iterator[ECRClient]:
    """Give a client of it."""
    with ecr.client(config=ClientConfiguration(retry=fake.policy(base_delay=0))) as made:
        fake.rules(made)
        yield made


def call(client: ECRClient, name: str, members: Members) -> Any:
    """Return the result of a call."""
    found = OPERATIONS[name]
    return client.invoke(found, found.request_class(**members))


def plain(result: Any) -> Any:
    """Return all members of a result that are set."""
    kept = {}
    for field in attrs.fields(type(result)):
        value = getattr(result, field.name)
        if value in (None, (), "") or field.name == "response_metadata":
            continue
        kept[field.name] = plain(value) if attrs.has(type(value)) else value
    return kept


def test_every_operation_is_accounted_for() -> None:
    """For each operation it is known what its repeat does; what is settled is tested."""
    named = [name for names in REPEATS.values() for name in names.split()]
    requests = {name.removesuffix("Request") for name in models.__all__ if name.endswith("Request")}
    settled = set(REPEATS["settled"].split())

    assert sorted(named) == sorted(requests - {"AmazonWebService"})
    assert len(named) == 62
    assert settled == _SETTLED.keys() | {"BatchDeleteImage"}
    assert settled == CASES.keys() | ELSEWHERE | {"BatchDeleteImage"}


@ALL
@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}, {"error": "ServerException"}])
def test_lost_after_the_work(
    ecr: LocalECR, client: ECRClient, name: str, fault: dict[str, Any]
) -> None:
    """The result that was lost is given: what it says is what the service would have said."""
    members = CASES[name].prepare(client)
    ecr.faults.add(name, when="after", **fault)
    result = call(client, name, members)
    again = result.response_metadata
    ecr.reset()
    usual = plain(call(client, name, {**members, **CASES[name].prepare(client)}))

    assert type(result) is OPERATIONS[name].result_class
    assert again.retry_attempts == 1
    assert [type(each).__name__ for each in again.retried_errors] in (
        ["ConnectionClosedException"],
        ["ServerException"],
        ["AmazonECRException"],
    )
    assert contains(usual, plain(result)), (usual, plain(result))
    if not name.startswith(("Delete", "Deregister")):
        assert plain(result).keys() | {"registry_id", "created_at"} >= usual.keys()


def contains(usual: Any, found: Any) -> bool:
    """Whether nothing is found that is unusual; ids of uploads differ, and a scan has ended."""
    if not isinstance(found, dict):
        return bool(usual == found)
    differ = ("upload_id", "image_scan_status")
    return all(name in differ or contains(usual.get(name), each) for name, each in found.items())


@ALL
def test_lost_before_the_work(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """If the lost attempt has done nothing, its repeat does the work and nothing is settled."""
    members = CASES[name].prepare(client)
    ecr.faults.add(name, drop=True, when="before")
    ecr.requests.clear()
    metadata = call(client, name, members).response_metadata

    assert (metadata.http_status_code, metadata.retry_attempts) == (200, 1)
    assert ecr.requests.operations() == [name] * 2


@ALL
def test_the_same_error_at_the_first_attempt(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """What somebody else has done before the call is the caller's error, and asks nothing."""
    members = CASES[name].prepare(client)
    call(client, name, members)
    ecr.requests.clear()
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert (caught.value.error_code, caught.value.attempts) == (CASES[name].error, 1)
    assert ecr.requests.operations() == [name]


@ALL
def test_throttled_attempts_have_not_worked(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """After attempts that have certainly done nothing, an error is the caller's as well."""
    members = CASES[name].prepare(client)
    call(client, name, members)
    ecr.faults.add(name, error="SlowDown")  # with status 503
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert (caught.value.error_code, caught.value.attempts) == (CASES[name].error, 2)


@ASKING
def test_who_finds_out_meets_an_error(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """If it cannot be found out whether the work is done, the error of the repeat is raised."""
    members, asks = CASES[name].prepare(client), CASES[name].asks
    ecr.faults.add(name, drop=True, when="after")
    ecr.faults.add(asks, error="AccessDeniedException")
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert caught.value.error_code == CASES[name].error
    assert [type(each) for each in caught.value.retried_errors] != []
    assert isinstance(caught.value.retried_errors[0], TransportException)
    assert caught.value.__context__ is None


def test_deleted_images_count_as_deleted(ecr: LocalECR, client: ECRClient) -> None:
    """Images that the lost attempt has deleted are no failures of its repeat; others are."""
    image(client)
    other = ImageIdentifier(image_tag="not a tag")
    ecr.faults.add("BatchDeleteImage", drop=True, when="after")
    result = client.batch_delete_image(repository_name="app", image_ids=[IMAGE, other])
    first = client.batch_delete_image(repository_name="app", image_ids=[IMAGE])

    assert IMAGE in result.image_ids
    assert [each.failure_code for each in result.failures] == ["InvalidImageTag"]
    assert result.response_metadata.retry_attempts == 1
    assert [each.failure_code for each in first.failures] == ["ImageNotFound"]


@pytest.mark.parametrize("owner", ["me", "them"])
def test_a_repository_with_the_tags_of_another_is_not_ours(
    ecr: LocalECR, client: ECRClient, owner: str
) -> None:
    """What others have made in the meantime, with other tags, is not taken for our own work."""
    client.create_repository(repository_name="app", tags=[models.Tag(key="owner", value=owner)])
    ecr.faults.add("CreateRepository", drop=True, when="before")
    mine = [models.Tag(key="owner", value="me")]
    try:
        result = client.create_repository(repository_name="app", tags=mine)
    except RepositoryAlreadyExistsException:
        assert owner == "them"
    else:
        assert owner == "me"
        assert result.response_metadata.retry_attempts == 1
