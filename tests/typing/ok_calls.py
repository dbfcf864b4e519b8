"""Both ways to call an operation, and the results, as type checkers see them."""

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
    SubjectIdentifier,
    Tag,
    TagStatus,
    UploadLayerPartRequest,
    UploadLayerPartResult,
)
from ecr_client.testing import example


def request_object_or_keywords(client: ECRClient) -> None:
    """A request object and keywords give the same type of result."""
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
    """The interface has the same types as the client, so that code may depend on it instead."""
    assert_type(client.create_repository(repository_name="app"), CreateRepositoryResult)
    assert_type(client.ENDPOINT_PREFIX, str)
    assert_type(ECRClient.ENDPOINT_PREFIX, str)


def no_required_members(client: ECRClient) -> None:
    """Operations without required members can be called without arguments."""
    assert_type(client.get_authorization_token(), GetAuthorizationTokenResult)
    client.describe_repositories()
    client.describe_repositories(DescribeRepositoriesRequest())


def optional_members_may_be_none(client: ECRClient, token: str | None) -> None:
    """None is the same as leaving out a member."""
    client.describe_images(repository_name="app", next_token=token, filter=None)
    DescribeImagesRequest(repository_name="app", next_token=token, image_ids=None)


def containers(client: ECRClient) -> None:
    """A list may be a tuple, and an enum may be any string."""
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
    """Every result has the metadata of its response."""
    assert_type(result.response_metadata, ResponseMetadata)
    assert_type(result.response_metadata.request_id, str | None)
    assert_type(result.response_metadata.http_status_code, int | None)
    assert_type(result.response_metadata.http_headers, Mapping[str, str])
    assert_type(result.response_metadata.retry_attempts, int)


def scalars(upload: InitiateLayerUploadResult, repository: Repository, image: ImageDetail) -> None:
    """Members that are always sent have the type of the model, and others may be None."""
    assert_type(upload.upload_id, str)
    assert_type(upload.part_size, int)
    assert_type(repository.repository_arn, str)
    assert_type(repository.created_at, datetime)
    assert_type(repository.encryption_configuration, EncryptionConfiguration | None)
    assert_type(image.image_pushed_at, datetime)
    assert_type(image.image_size_in_bytes, int | None)


def from_call_to_call(client: ECRClient, data: bytes) -> None:
    """The result of one call can be passed to the next without a check."""
    for repository in client.paginate_describe_repositories():
        name, registry = repository.repository_name, repository.registry_id
        client.list_tags_for_resource(resource_arn=repository.repository_arn)
        client.get_lifecycle_policy(repository_name=name, registry_id=registry)
        for image in client.paginate_describe_images(repository_name=name, registry_id=registry):
            subject = SubjectIdentifier(image_digest=image.image_digest)
            client.list_image_referrers(repository_name=image.repository_name, subject_id=subject)
        for listed in client.paginate_list_images(repository_name=name):
            client.batch_get_image(repository_name=name, image_ids=[listed])
    upload = client.initiate_layer_upload(repository_name="app")
    part = client.upload_layer_part(
        repository_name="app",
        upload_id=upload.upload_id,
        part_first_byte=0,
        part_last_byte=min(len(data), upload.part_size) - 1,
        layer_part_blob=data,
    )
    client.complete_layer_upload(
        repository_name=part.repository_name, upload_id=part.upload_id, layer_digests=["sha256:ab"]
    )
    stored = client.batch_get_image(repository_name="app", image_ids=[ImageIdentifier()]).images[0]
    put = client.put_image(repository_name="app", image_manifest=stored.image_manifest).image
    client.start_image_scan(repository_name=put.repository_name, image_id=put.image_id)
    for rule in client.paginate_describe_pull_through_cache_rules():
        client.validate_pull_through_cache_rule(ecr_repository_prefix=rule.ecr_repository_prefix)
    for template in client.paginate_describe_repository_creation_templates():
        client.delete_repository_creation_template(prefix=template.prefix)
    policy = client.get_repository_policy(repository_name="app")
    client.set_repository_policy(repository_name="app", policy_text=policy.policy_text)


def examples() -> None:
    """An example has the type of its class."""
    assert_type(example(Repository, repository_name="app"), Repository)


def nested_members(result: DescribeImagesResult, created: CreateRepositoryResult) -> None:
    """Nested members have their types; an absent list is empty, so it needs no check."""
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
    assert_type(created.repository, Repository)
    assert_type(created.repository.repository_uri, str)


def open_enums(detail: ImageDetail, findings: ImageScanFindings) -> None:
    """A member with an enum's type may also be a plain string, and compares with either."""
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
    """A result can raise its failures, or else returns itself."""
    assert_type(result.raise_for_failures(), BatchDeleteImageResult)
    assert_type(result.raise_for_failures().image_ids, Sequence[ImageIdentifier])
    for failure in result.failures:
        assert_type(failure, ImageFailure)
        assert_type(failure.failure_code, ImageFailureCode | str | None)


def authorization(client: ECRClient) -> None:
    """The tokens are a list of records."""
    data = client.get_authorization_token().authorization_data
    assert_type(data, Sequence[AuthorizationData])
    assert_type(data[0].authorization_token, str)
    assert_type(data[0].expires_at, datetime)
