"""Both ways to call an operation, and what comes back, as the type checkers see it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from typing_extensions import assert_type

from ecr_client import AmazonECR, ECRClient, ResponseMetadata
from ecr_client.models import (
    AuthorizationData,
    BatchDeleteImageResult,
    CreateRepositoryRequest,
    CreateRepositoryResult,
    DescribeImagesFilter,
    DescribeImagesRequest,
    DescribeImagesResult,
    DescribeRepositoriesRequest,
    EncryptionConfiguration,
    EncryptionType,
    FindingSeverity,
    GetAuthorizationTokenResult,
    ImageDetail,
    ImageFailure,
    ImageFailureCode,
    ImageIdentifier,
    ImageScanFindings,
    ImageScanningConfiguration,
    ImageStatus,
    ImageTagMutability,
    InitiateLayerUploadResult,
    PutImageResult,
    Repository,
    ScanStatus,
    Tag,
    TagStatus,
    UploadLayerPartRequest,
    UploadLayerPartResult,
)


def request_object_or_keywords(client: ECRClient) -> None:
    """A request object and its members as keywords give the same result."""
    request = CreateRepositoryRequest(repository_name="app")
    assert_type(client.create_repository(request), CreateRepositoryResult)
    assert_type(client.create_repository(repository_name="app"), CreateRepositoryResult)
    assert_type(
        client.create_repository(
            repository_name="app",
            tags=[Tag(key="team", value="a")],
            image_tag_mutability=ImageTagMutability.IMMUTABLE,
            image_scanning_configuration=ImageScanningConfiguration(scan_on_push=True),
            encryption_configuration=EncryptionConfiguration(encryption_type=EncryptionType.KMS),
        ),
        CreateRepositoryResult,
    )


def interface(client: AmazonECR) -> None:
    """The interface is typed like the client, so that code may depend on it instead."""
    assert_type(client.create_repository(repository_name="app"), CreateRepositoryResult)
    assert_type(client.ENDPOINT_PREFIX, str)
    assert_type(ECRClient.ENDPOINT_PREFIX, str)


def no_required_members(client: ECRClient) -> None:
    """Operations without required members can be called without arguments."""
    assert_type(client.get_authorization_token(), GetAuthorizationTokenResult)
    client.describe_repositories()
    client.describe_repositories(DescribeRepositoriesRequest())


def optional_members_may_be_none(client: ECRClient, token: str | None) -> None:
    """None stands for a member that is left out."""
    client.describe_images(repository_name="app", next_token=token, filter=None)
    DescribeImagesRequest(repository_name="app", next_token=token, image_ids=None)


def containers(client: ECRClient) -> None:
    """A tuple is a list as well, and any text stands for a member of an enum."""
    client.batch_get_image(repository_name="app", image_ids=[ImageIdentifier(image_tag="a")])
    client.batch_get_image(repository_name="app", image_ids=(ImageIdentifier(image_tag="a"),))
    DescribeImagesFilter(tag_status=TagStatus.TAGGED)
    DescribeImagesFilter(tag_status="TAGGED")
    DescribeImagesFilter(tag_status="A_NEW_ONE")


def blobs(client: ECRClient, data: bytes, buffer: bytearray, view: memoryview) -> None:
    """Any bytes-like object is a blob."""
    for blob in (data, buffer, view):
        result = client.upload_layer_part(
            repository_name="app",
            upload_id="1",
            part_first_byte=0,
            part_last_byte=len(blob) - 1,
            layer_part_blob=blob,
        )
        assert_type(result, UploadLayerPartResult)
    request = UploadLayerPartRequest(
        repository_name="app",
        upload_id="1",
        part_first_byte=0,
        part_last_byte=1,
        layer_part_blob=buffer,
    )
    assert_type(request.layer_part_blob, bytes | bytearray | memoryview)


def metadata(result: PutImageResult) -> None:
    """Every result has the metadata of its answer."""
    assert_type(result.response_metadata, ResponseMetadata)
    assert_type(result.response_metadata.request_id, str | None)
    assert_type(result.response_metadata.http_status_code, int | None)
    assert_type(result.response_metadata.http_headers, Mapping[str, str])
    assert_type(result.response_metadata.retry_attempts, int)


def scalars(upload: InitiateLayerUploadResult, repository: Repository) -> None:
    """An absent scalar is None, a present one has the type of the model."""
    assert_type(upload.upload_id, str | None)
    assert_type(upload.part_size, int | None)
    assert_type(repository.created_at, datetime | None)
    assert_type(repository.encryption_configuration, EncryptionConfiguration | None)


def nested_members(result: DescribeImagesResult, created: CreateRepositoryResult) -> None:
    """Members of members have their types; an absent list is empty, so it needs no check."""
    assert_type(result.image_details, Sequence[ImageDetail])
    for detail in result.image_details:
        assert_type(detail, ImageDetail)
        assert_type(detail.image_tags, Sequence[str])
        if detail.image_scan_status is not None:
            assert_type(detail.image_scan_status.status, ScanStatus | str | None)
        if detail.image_scan_findings_summary is not None:
            counts = detail.image_scan_findings_summary.finding_severity_counts
            assert_type(counts, Mapping[FindingSeverity | str, int])
            assert_type(counts.get("HIGH", 0), int)
            assert_type(counts.get(FindingSeverity.HIGH), int | None)
    assert_type(created.repository, Repository | None)
    if created.repository is not None:
        assert_type(created.repository.repository_uri, str | None)


def open_enums(detail: ImageDetail, findings: ImageScanFindings) -> None:
    """A member of an enum's type may be a plain text, too, and compares with either."""
    assert_type(detail.image_status, ImageStatus | str | None)
    assert_type(detail.image_status == ImageStatus.ACTIVE, bool)
    assert_type(detail.image_status == "ACTIVE", bool)
    assert_type(ImageStatus("ACTIVE"), ImageStatus)
    texts: list[str] = [ImageStatus.ACTIVE, ImageStatus.ACTIVE.value]
    if isinstance(detail.image_status, ImageStatus):
        assert_type(detail.image_status, ImageStatus)
    assert_type(texts[0].lower(), str)
    for severity, count in findings.finding_severity_counts.items():
        assert_type(severity, FindingSeverity | str)
        assert_type(count, int)


def partial_failures(result: BatchDeleteImageResult) -> None:
    """A result with failures raises them on demand and is itself otherwise."""
    assert_type(result.raise_for_failures(), BatchDeleteImageResult)
    assert_type(result.raise_for_failures().image_ids, Sequence[ImageIdentifier])
    for failure in result.failures:
        assert_type(failure, ImageFailure)
        assert_type(failure.failure_code, ImageFailureCode | str | None)


def authorization(client: ECRClient) -> None:
    """The tokens are a list of records."""
    data = client.get_authorization_token().authorization_data
    assert_type(data, Sequence[AuthorizationData])
    assert_type(data[0].authorization_token, str | None)
    assert_type(data[0].expires_at, datetime | None)
