"""Repeats that meet what somebody else has done, and what the local ECR cannot show."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import pytest

from ecr_client import ClientConfiguration, ECRClient, Hooks, models
from ecr_client.exceptions import (
    AmazonECRException,
    ImageAlreadyExistsException,
    InvalidLayerPartException,
    LifecyclePolicyPreviewInProgressException,
    LimitExceededException,
    RepositoryAlreadyExistsException,
    UploadNotFoundException,
)

if TYPE_CHECKING:
    from ecr_client.local import LocalECR

Calling = Callable[..., ECRClient]
Members = dict[str, Any]
DOWN = (500, {}, b"{}")
DIGEST = "sha256:" + "0" * 64
MINUTE = 60.0
CREATIONS: dict[str, tuple[Members, Members]] = {
    # Operation: what is asked for, and what somebody else wants instead.
    "create_repository": (
        {"repository_name": "app", "image_tag_mutability": "IMMUTABLE"},
        {"image_tag_mutability": "MUTABLE"},
    ),
    "create_pull_through_cache_rule": (
        {"ecr_repository_prefix": "cache", "upstream_registry_url": "public.ecr.aws"},
        {"upstream_registry_url": "registry.k8s.io"},
    ),
    "create_repository_creation_template": (
        {"prefix": "team", "applied_for": ["REPLICATION"], "description": "ours"},
        {"description": "theirs"},
    ),
}
ALL = pytest.mark.parametrize("name", CREATIONS)


@pytest.fixture
def making(ecr: LocalECR, fake: Any) -> Iterator[Callable[..., ECRClient]]:
    """Give what makes clients of the local ECR in the fake time."""
    made = []

    def make(hooks: Hooks | None = None, **policy: Any) -> ECRClient:
        made.append(
            ecr.client(config=ClientConfiguration(retry=fake.policy(**policy), hooks=hooks))
        )
        fake.rules(made[-1])
        return made[-1]

    yield make
    for each in made:
        each.shutdown()


def operation_of(method: str) -> str:
    return "".join(word.capitalize() for word in method.split("_"))


def error(code: str, **members: Any) -> tuple[int, dict[str, str], bytes]:
    """Return an answer with an error, and with the time at which the fake time begins."""
    date = format_datetime(datetime(2026, 1, 1, tzinfo=timezone.utc), usegmt=True)
    return 400, {"Date": date}, json.dumps({"__type": code, **members}).encode()


def found(**members: Any) -> tuple[int, dict[str, str], bytes]:
    return 200, {}, json.dumps(members).encode()


# --- what was made --------------------------------------------------------------------------------


@ALL
def test_made_otherwise(ecr: LocalECR, making: Callable[..., ECRClient], name: str) -> None:
    """What somebody else has made meanwhile, with other settings, is not what was asked for."""
    asked, otherwise = CREATIONS[name]
    rival = making()

    def interfere(_: object) -> None:
        getattr(rival, name)(**{**asked, **otherwise})

    client = making(Hooks(retry=interfere))
    ecr.faults.add(operation_of(name), drop=True, when="before")
    with pytest.raises(AmazonECRException) as caught:
        getattr(client, name)(**asked)

    assert caught.value.error_code.endswith("AlreadyExistsException")
    assert caught.value.attempts == 2


@ALL
def test_made_long_before(
    ecr: LocalECR, making: Callable[..., ECRClient], fake: Any, name: str
) -> None:
    """What was there before the call is not the call's, even if it is just what it asks for."""
    client, (asked, _) = making(), CREATIONS[name]
    getattr(client, name)(**asked)
    fake.passed += MINUTE
    ecr.faults.add(operation_of(name), drop=True, when="before")
    with pytest.raises(AmazonECRException) as caught:
        getattr(client, name)(**asked)

    assert caught.value.error_code.endswith("AlreadyExistsException")


@ALL
def test_made_by_an_early_attempt(
    ecr: LocalECR, making: Callable[..., ECRClient], fake: Any, name: str
) -> None:
    """What the first attempt has made is the call's, however long its repeats take."""
    client, (asked, _) = making(base_delay=MINUTE, max_delay=MINUTE), CREATIONS[name]
    ecr.faults.add(operation_of(name), status=500, when="after")
    ecr.faults.add(operation_of(name), error="ThrottlingException")
    result = getattr(client, name)(**asked)

    assert result.response_metadata.retry_attempts == 2
    assert fake.waits == [MINUTE, MINUTE]


@ALL
def test_the_clock_of_the_machine_does_not_matter(
    ecr: LocalECR, making: Callable[..., ECRClient], fake: Any, name: str
) -> None:
    """Who made it is judged by the clock of the service, also where the machine's is wrong."""
    client, (asked, _) = making(), CREATIONS[name]
    fake.rules(client, skew=-200)  # which the service still accepts
    ecr.faults.add(operation_of(name), drop=True, when="after")

    assert getattr(client, name)(**asked).response_metadata.retry_attempts == 1


@pytest.mark.parametrize(
    "answer",
    [
        {"repositories": []},
        {"repositories": [{"repositoryName": "app"}]},
        {"repositories": [{"createdAt": 1767225600}, {"createdAt": 1767225600}]},
        {"repositories": [{"createdAt": 1767225597}]},
    ],
)
def test_what_proves_nothing(server: Any, calling: Calling, answer: Members) -> None:
    """Without exactly one thing that was made during the call, the error is raised."""
    server.answers = [DOWN, error("RepositoryAlreadyExistsException"), found(**answer)]
    client = calling(base_delay=0)
    with pytest.raises(RepositoryAlreadyExistsException):
        client.create_repository(repository_name="app")

    assert len(server.requests) == 3


@pytest.mark.parametrize("seconds", [-2, 0, 1])
def test_dates_count_whole_seconds(server: Any, calling: Calling, seconds: int) -> None:
    """A date that was rounded does not hide that the call made it."""
    made = {"repositoryName": "app", "createdAt": 1767225600 + seconds}
    server.answers = [
        DOWN,
        error("RepositoryAlreadyExistsException"),
        found(repositories=[made]),
    ]
    result = calling(base_delay=0).create_repository(repository_name="app")

    assert result.repository is not None
    assert result.repository.repository_name == "app"


def test_an_answer_without_a_date_proves_nothing(server: Any, calling: Calling) -> None:
    """Without the time of the service, nobody knows who made it."""
    status, _, body = error("RepositoryAlreadyExistsException")
    server.answers = [
        DOWN,
        (status, {}, body),
        found(repositories=[{"createdAt": 1767225600}]),
    ]
    with pytest.raises(RepositoryAlreadyExistsException):
        calling(base_delay=0).create_repository(repository_name="app")


@pytest.mark.parametrize(("key", "settled"), [(None, True), ("arn:asked", True), ("b", False)])
def test_what_was_left_open_may_be_anything(
    server: Any, calling: Calling, key: str | None, settled: bool
) -> None:
    """The service may fill in what was not asked for, also within a structure."""
    there = {"encryptionType": "KMS", "kmsKey": "arn:asked"}
    made = {"createdAt": 1767225600, "encryptionConfiguration": there}
    server.answers = [
        DOWN,
        error("RepositoryAlreadyExistsException"),
        found(repositories=[made]),
    ]
    asked = models.EncryptionConfiguration(encryption_type="KMS", kms_key=key)
    client = calling(base_delay=0)
    try:
        client.create_repository(repository_name="app", encryption_configuration=asked)
    except RepositoryAlreadyExistsException:
        assert not settled
    else:
        assert settled


# --- what was uploaded ----------------------------------------------------------------------------


def test_an_upload_that_is_not_there(ecr: LocalECR, making: Callable[..., ECRClient]) -> None:
    """An unknown upload is an error as long as there is no layer with the digest."""
    client = making()
    client.create_repository(repository_name="app")
    ecr.faults.add("CompleteLayerUpload", drop=True)
    with pytest.raises(UploadNotFoundException):
        client.complete_layer_upload(
            repository_name="app",
            upload_id="6b7d4cc0-0000-0000-0000-000000000000",
            layer_digests=[DIGEST],
        )

    assert ecr.requests.operations()[-1] == "BatchCheckLayerAvailability"


@pytest.mark.parametrize("digests", [["sha512:" + "0" * 128], [DIGEST, "sha256:" + "1" * 64]])
def test_digests_that_name_no_layer(server: Any, calling: Calling, digests: list[str]) -> None:
    """Without exactly one SHA-256 digest, nobody knows which layer it was."""
    server.answers = [DOWN, error("UploadNotFoundException")]
    with pytest.raises(UploadNotFoundException):
        calling(base_delay=0).complete_layer_upload(
            repository_name="app", upload_id="u", layer_digests=digests
        )

    assert len(server.requests) == 2


def test_another_upload_was_faster(server: Any, calling: Calling) -> None:
    """A layer that exists already is as good as one's own."""
    layer = {"layerDigest": DIGEST, "layerAvailability": "AVAILABLE"}
    server.answers = [DOWN, error("LayerAlreadyExistsException"), found(layers=[layer])]
    result = calling(base_delay=0).complete_layer_upload(
        repository_name="app", upload_id="u", layer_digests=[DIGEST]
    )

    assert (result.layer_digest, result.upload_id) == (DIGEST, "u")


@pytest.mark.parametrize("last", [None, -1, 8, 10])
def test_a_part_that_has_not_arrived(server: Any, calling: Calling, last: int | None) -> None:
    """A part is there only if the last byte of the upload is its own."""
    members = {} if last is None else {"lastValidByteReceived": last}
    server.answers = [DOWN, error("InvalidLayerPartException", **members)]
    with pytest.raises(InvalidLayerPartException):
        calling(base_delay=0).upload_layer_part(
            repository_name="app",
            upload_id="u",
            part_first_byte=0,
            part_last_byte=9,
            layer_part_blob=b"0123456789",
        )


@pytest.mark.parametrize(
    ("members", "asked"),
    [
        ({"image_tag": "1"}, {"imageTag": "1"}),
        ({"image_tag": "1", "image_digest": DIGEST}, {"imageTag": "1"}),
        ({"image_digest": DIGEST}, {"imageDigest": DIGEST}),
        (
            {},
            {
                "imageDigest": "sha256:"
                "44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
            },
        ),
    ],
)
def test_how_an_image_is_looked_for(
    server: Any, calling: Calling, members: Members, asked: Members
) -> None:
    """An image is looked for by its tag, else its digest, which is computed if it is not given."""
    there = {"imageId": asked, "imageManifest": "{}"}
    server.answers = [DOWN, error("ImageAlreadyExistsException"), found(images=[there])]
    result = calling(base_delay=0).put_image(
        repository_name="app", image_manifest="{}", image_manifest_media_type="a/b", **members
    )
    question = json.loads(server.requests[-1].body)

    assert question["imageIds"] == [asked]
    assert question["acceptedMediaTypes"] == ["a/b"]
    assert result.image is not None
    assert result.image.image_manifest == "{}"


@pytest.mark.parametrize("images", [[], [{"imageManifest": "[]"}], [{"imageManifest": "{}"}] * 2])
def test_another_image(server: Any, calling: Calling, images: list[Members]) -> None:
    """Another manifest, or none, is not the image that was pushed."""
    server.answers = [DOWN, error("ImageAlreadyExistsException"), found(images=images)]
    with pytest.raises(ImageAlreadyExistsException):
        calling(base_delay=0).put_image(repository_name="app", image_manifest="{}", image_tag="1")


def test_a_spoilt_answer_is_asked_for_again(server: Any, calling: Calling) -> None:
    """Who finds out what was done asks once more if the answer to that cannot be read."""
    there = found(images=[{"imageManifest": "{}"}])
    server.answers = [DOWN, error("ImageAlreadyExistsException"), (200, {}, b"<garbage>"), there]
    put = calling(base_delay=0).put_image
    assert put(repository_name="app", image_manifest="{}", image_tag="1").image is not None

    assert len(server.requests) == 4


# --- what was started and deleted -----------------------------------------------------------------


@pytest.mark.parametrize(
    ("status", "findings", "settled"),
    [
        ("IN_PROGRESS", {}, True),
        ("PENDING", {"imageScanFindings": {}}, True),
        ("COMPLETE", {"imageScanFindings": {"imageScanCompletedAt": 1767225600}}, True),
        ("COMPLETE", {"imageScanFindings": {"imageScanCompletedAt": 1767225000}}, False),
        ("FAILED", {}, False),
    ],
)
def test_scans(
    server: Any, calling: Calling, status: str, findings: Members, settled: bool
) -> None:
    """A scan that runs, or has ended during the call, is the one that was started."""
    answer = found(repositoryName="app", imageScanStatus={"status": status}, **findings)
    server.answers = [DOWN, error("LimitExceededException"), answer]
    image = models.ImageIdentifier(image_tag="1")
    try:
        result = calling(base_delay=0).start_image_scan(repository_name="app", image_id=image)
    except LimitExceededException:
        assert not settled
    else:
        assert settled
        assert result.image_scan_status is not None
        assert result.image_scan_status.status == status


@pytest.mark.parametrize(
    ("asked", "settled"), [(None, True), ("{}" + " " * 98, True), ("[]" + " " * 98, False)]
)
def test_previews(server: Any, calling: Calling, asked: str | None, settled: bool) -> None:
    """A preview that runs is the one that was started if its policy is the same."""
    running = found(lifecyclePolicyText="{}" + " " * 98, status="IN_PROGRESS", repositoryName="app")
    server.answers = [DOWN, error("LifecyclePolicyPreviewInProgressException"), running]
    client = calling(base_delay=0)
    try:
        result = client.start_lifecycle_policy_preview(
            repository_name="app", lifecycle_policy_text=asked
        )
    except LifecyclePolicyPreviewInProgressException:
        assert not settled
    else:
        assert settled
        assert result.status == "IN_PROGRESS"
        assert result.lifecycle_policy_text in (asked, "{}" + " " * 98)


def test_the_signing_configuration(server: Any, calling: Calling) -> None:
    """A signing configuration that is gone after a lost attempt is deleted."""
    server.answers = [DOWN, error("SigningConfigurationNotFoundException")]
    result = calling(base_delay=0).delete_signing_configuration()

    assert isinstance(result, models.DeleteSigningConfigurationResult)
    assert result.response_metadata.retry_attempts == 1


def test_a_backfill_is_not_settled(server: Any, calling: Calling) -> None:
    """What the repeat of a backfill fails with is raised, and it tells of the attempt before."""
    server.answers = [DOWN, error("SomethingException")]
    with pytest.raises(AmazonECRException) as caught:
        calling(base_delay=0).stop_replication_backfill(replication_backfill_id="b-1")

    assert [each.status_code for each in caught.value.retried_errors] == [500]  # type: ignore[attr-defined]


# --- the budget -----------------------------------------------------------------------------------


def test_a_settled_call_is_a_success(server: Any, calling: Calling) -> None:
    """What the repeat has cost comes back, and the metadata tell what happened."""
    client = calling(base_delay=0)
    server.answers = [DOWN, error("RegistryPolicyNotFoundException")]
    request = models.DeleteRegistryPolicyRequest()
    result = client.delete_registry_policy(request)
    metadata = client.get_cached_response_metadata(request)

    assert client._shared.pipeline is not None
    assert client._shared.pipeline.quota.left == 500
    assert metadata is result.response_metadata
    assert (metadata.http_status_code, len(metadata.retried_errors)) == (400, 1)
