"""Retried calls whose earlier attempt may have done the work: reconciled by content, or raised."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from email.utils import format_datetime
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient, Hooks, models
from ecr_client._engine.reconcile import _PROOFS
from ecr_client.exceptions import (
    AmazonECRException,
    ImageAlreadyExistsException,
    RepositoryAlreadyExistsException,
)
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

if TYPE_CHECKING:
    from ecr_client.local import LocalECR

#: What a retry of each operation does after an attempt that may have succeeded. ``read`` and
#: ``set`` are safe, ``orphan`` leaves an upload that nobody uses, ``reconciled`` returns the lost
#: result if the content proves it, ``raised`` raises the error that the retry met, and ``failures``
#: returns it among the failures of the result.
RETRIES = {
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
    "reconciled": "CompleteLayerUpload PutImage UploadLayerPart",
    "raised": (
        "CreatePullThroughCacheRule CreateRepository CreateRepositoryCreationTemplate "
        "DeleteLifecyclePolicy DeletePullThroughCacheRule DeleteRegistryPolicy DeleteRepository "
        "DeleteRepositoryCreationTemplate DeleteRepositoryPolicy DeleteSigningConfiguration "
        "DeregisterPullTimeUpdateExclusion RegisterPullTimeUpdateExclusion StartImageScan "
        "StartLifecyclePolicyPreview StartReplicationBackfill StopReplicationBackfill"
    ),
    "failures": "BatchDeleteImage",
}

BLOB = b"not empty"
DIGEST = f"sha256:{hashlib.sha256(BLOB).hexdigest()}"
MANIFEST_TYPE = "application/vnd.oci.image.manifest.v1+json"
LAYER = {"mediaType": "application/octet-stream", "digest": DIGEST, "size": len(BLOB)}
MANIFEST = json.dumps(
    {"schemaVersion": 2, "mediaType": MANIFEST_TYPE, "config": LAYER, "layers": []}
)
Members = dict[str, Any]
#: An image with the manifest ``{}``, as a response has it.
STORED: Members = json.loads(encode_result(example(models.Image)))
Prepare = Callable[[ECRClient], Members]


Calling = Callable[..., ECRClient]
DOWN = (500, {}, b"{}")
PERHAPS = "an earlier attempt may have succeeded"


class Case(NamedTuple):
    """A call whose work can be done only once.

    ``prepare`` does what the call requires, and returns its members. ``error`` is the response if
    the work is done already, and ``lookup`` the operation by which the client finds out whether
    the content is its own.
    """

    prepare: Prepare
    error: str
    lookup: str | None = None


def repository(client: ECRClient) -> Members:
    client.create_repository(repository_name="app")
    return {"repository_name": "app"}


def part(client: ECRClient) -> Members:
    members = repository(client)
    upload_id = client.initiate_layer_upload(**members).upload_id
    range_ = {"part_first_byte": 0, "part_last_byte": len(BLOB) - 1}
    return {**members, "upload_id": upload_id, **range_, "layer_part_blob": BLOB}


def upload(client: ECRClient) -> Members:
    members = part(client)
    client.upload_layer_part(**members)
    names = ("repository_name", "upload_id")
    return {**{name: members[name] for name in names}, "layer_digests": [DIGEST]}


def manifest(client: ECRClient) -> Members:
    client.complete_layer_upload(**upload(client))
    kind = {"image_manifest": MANIFEST, "image_manifest_media_type": MANIFEST_TYPE}
    return {"repository_name": "app", **kind, "image_tag": "1.0"}


REPOSITORY: Members = {
    "repository_name": "app",
    "image_tag_mutability": "IMMUTABLE",
    "image_scanning_configuration": models.ImageScanningConfiguration(),
    "encryption_configuration": models.EncryptionConfiguration(encryption_type="AES256"),
}
CASES = {
    "CompleteLayerUpload": Case(upload, "UploadNotFoundException", "BatchCheckLayerAvailability"),
    "CreateRepository": Case(lambda _: REPOSITORY, "RepositoryAlreadyExistsException"),
    "DeleteRepository": Case(repository, "RepositoryNotFoundException"),
    "PutImage": Case(manifest, "ImageAlreadyExistsException", "BatchGetImage"),
    "UploadLayerPart": Case(part, "InvalidLayerPartException"),
}


@pytest.fixture
def client(ecr: LocalECR, fake: Any) -> Iterator[ECRClient]:
    """Yield a client of the local ECR, which waits in the fake time."""
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
    """Each operation is in the table above, and those that are reconciled have a proof."""
    named = [name for names in RETRIES.values() for name in names.split()]
    reconciled = {f"{name}Request" for name in RETRIES["reconciled"].split()}

    assert sorted(named) == sorted(OPERATIONS)
    assert len(named) == 62
    assert {name for name, _ in _PROOFS} == reconciled
    assert set(CASES) < {*RETRIES["raised"].split(), *RETRIES["reconciled"].split()}


@pytest.mark.parametrize("name", RETRIES["reconciled"].split())
@pytest.mark.parametrize("fault", [{"drop": True}, {"status": 500}], ids=["drop", "error"])
def test_existing_content(ecr: LocalECR, client: ECRClient, name: str, fault: Any) -> None:
    """The lost result is returned, with the members that the service would have returned."""
    members = CASES[name].prepare(client)
    ecr.faults.add(name, when="after", **fault)
    result = call(client, name, members)
    again = result.response_metadata
    ecr.reset()
    usual = plain(call(client, name, {**members, **CASES[name].prepare(client)}))
    found = plain(result)

    assert type(result) is OPERATIONS[name].result_class
    assert again.retry_attempts == len(again.retried_errors) == 1
    assert found.keys() <= usual.keys() <= found.keys() | {"registry_id"}
    assert [each for each in found if found[each] != usual[each]] in ([], ["upload_id"])


@pytest.mark.parametrize("name", sorted(CASES.keys() - RETRIES["reconciled"].split()))
def test_uncertain_work(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """The error of the retry is raised, and says that an earlier attempt may have succeeded."""
    members = CASES[name].prepare(client)
    ecr.faults.add(name, when="after", drop=True)
    ecr.requests.clear()
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert (caught.value.error_code, caught.value.attempts) == (CASES[name].error, 2)
    assert caught.value.earlier_attempt_may_have_succeeded
    assert str(caught.value).endswith(f"; {PERHAPS})")
    assert ecr.requests.operations() == [name] * 2


@pytest.mark.parametrize("name", CASES)
@pytest.mark.parametrize("throttled", [False, True])
def test_work_done_before(ecr: LocalECR, client: ECRClient, name: str, throttled: bool) -> None:
    """Work that was done before the call is a plain error, at once or after throttling."""
    members = CASES[name].prepare(client)
    call(client, name, members)
    if throttled:
        ecr.faults.add(name, error="SlowDown")  # with status 503
    ecr.requests.clear()
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert (caught.value.error_code, caught.value.attempts) == (CASES[name].error, 1 + throttled)
    assert not caught.value.earlier_attempt_may_have_succeeded
    assert PERHAPS not in str(caught.value)
    assert ecr.requests.operations() == [name] * (1 + throttled)


@pytest.mark.parametrize("name", [name for name, case in CASES.items() if case.lookup])
def test_a_lookup_that_fails(ecr: LocalECR, client: ECRClient, name: str) -> None:
    """If the lookup of the content fails, the error of the retry is raised."""
    members, lookup = CASES[name].prepare(client), CASES[name].lookup
    ecr.faults.add(name, drop=True, when="after")
    ecr.faults.add(lookup, error="AccessDeniedException")
    ecr.requests.clear()
    with pytest.raises(AmazonECRException) as caught:
        call(client, name, members)

    assert caught.value.error_code == CASES[name].error
    assert caught.value.earlier_attempt_may_have_succeeded
    assert len(caught.value.retried_errors) == 1
    assert ecr.requests.operations() == [name, name, lookup]


def test_a_tag_that_was_moved(ecr: LocalECR, fake: Any) -> None:
    """A tag that somebody else moves before the lookup no longer proves anything."""
    with ecr.client() as rival:
        fake.rules(rival)
        members = manifest(rival)

        def move_tag(event: Any) -> None:
            if event.operation == "PutImage" and event.attempt == 2:
                rival.put_image(**{**members, "image_manifest": f"{MANIFEST} "})

        hooks, policy = Hooks(response=move_tag), fake.policy(base_delay=0)
        config = ClientConfiguration(retry=policy, hooks=hooks)
        with ecr.client(config=config) as client:
            fake.rules(client)
            ecr.faults.add("PutImage", drop=True, when="after")
            with pytest.raises(ImageAlreadyExistsException) as caught:
                client.put_image(**members)

    assert caught.value.earlier_attempt_may_have_succeeded
    assert ecr.requests.operations()[-1] == "BatchGetImage"


def error(code: str, status: int = 400, **members: Any) -> tuple[int, dict[str, str], bytes]:
    """Return an error response."""
    return status, {}, json.dumps({"__type": code, "message": "no", **members}).encode()


def found(**members: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(members).encode()


def operations(server: Any) -> list[str]:
    return [request.headers["x-amz-target"].rpartition(".")[2] for request in server.requests]


def test_no_invented_success(server: Any, calling: Calling, fake: Any) -> None:
    """A repository that was created just now may be somebody else's, and is not looked up."""
    date = format_datetime(fake.utc() + timedelta(seconds=1), usegmt=True)
    created = {"repositoryName": "app", "createdAt": fake.utc().timestamp()}
    status, _, body = error("RepositoryAlreadyExistsException")
    server.responses = [DOWN, (status, {"Date": date}, body), found(repositories=[created])]
    with pytest.raises(RepositoryAlreadyExistsException) as caught:
        calling(base_delay=0).create_repository(repository_name="app")

    assert caught.value.earlier_attempt_may_have_succeeded
    assert operations(server) == ["CreateRepository"] * 2
    assert str(caught.value) == (
        "no (Service: AmazonECR; Operation: CreateRepository; Status Code: 400; "
        f"Error Code: RepositoryAlreadyExistsException; Attempts: 2; {PERHAPS})"
    )


@pytest.mark.parametrize(
    ("responses", "suffix"),
    [
        (
            [DOWN, error("ThrottlingException"), error("RepositoryNotFoundException")],
            f"; {PERHAPS})",
        ),
        ([DOWN, DOWN, error("Fault", 503)], "; Attempts: 3)"),
    ],
    ids=["refused", "failed"],
)
def test_one_of_several_attempts(
    server: Any, calling: Calling, responses: Any, suffix: str
) -> None:
    """One attempt that may have succeeded is enough, even if it is the last one."""
    server.responses = responses
    with pytest.raises(AmazonECRException) as caught:
        calling(base_delay=0).delete_repository(repository_name="app")

    assert caught.value.earlier_attempt_may_have_succeeded
    assert str(caught.value).endswith(suffix)
    assert caught.value.attempts == 3


@pytest.mark.parametrize("times", [1, 2])
def test_unreadable_lookups(server: Any, calling: Calling, times: int) -> None:
    """An unreadable lookup is made once more, as it only reads; then the error is raised."""
    unreadable = [(200, {}, b"<garbage>")] * times
    exists, image = error("ImageAlreadyExistsException"), found(images=[STORED])
    server.responses = [DOWN, exists, *unreadable, image]
    put = partial(calling(base_delay=0).put_image, repository_name="app", image_manifest="{}")
    if times == 1:
        assert put(image_tag="1").image is not None
    else:
        with pytest.raises(ImageAlreadyExistsException):
            put(image_tag="1")

    assert len(server.requests) == 4


def test_a_reconciled_call_is_a_success(server: Any, calling: Calling) -> None:
    """The cost of the retry is released, and the metadata reports what happened."""
    client = calling(base_delay=0)
    server.responses = [DOWN, error("InvalidLayerPartException", lastValidByteReceived=0)]
    bounds = {"part_first_byte": 0, "part_last_byte": 0}
    members = {"repository_name": "app", "upload_id": "u", "layer_part_blob": b"x"}
    request = models.UploadLayerPartRequest(**members, **bounds)
    result = client.upload_layer_part(request)
    metadata = client.get_cached_response_metadata(request)

    assert client._shared.pipeline is not None
    assert client._shared.pipeline.quota.left == 500
    assert metadata is result.response_metadata
    assert (metadata.http_status_code, len(metadata.retried_errors)) == (400, 1)
