"""Paginators, waiters and batch helpers, as type checkers see them."""

from __future__ import annotations

import time

from typing_extensions import assert_type

from ecr_client import ECRClient
from ecr_client.models import (
    BatchCheckLayerAvailabilityRequest,
    BatchCheckLayerAvailabilityResult,
    BatchDeleteImageResult,
    BatchGetImageResult,
    BatchGetRepositoryScanningConfigurationResult,
    DescribeImageScanFindingsRequest,
    DescribeImageScanFindingsResult,
    DescribeImagesResult,
    DescribeRepositoriesResult,
    EnhancedImageScanFinding,
    GetLifecyclePolicyPreviewResult,
    ImageDetail,
    ImageIdentifier,
    ImageReferrer,
    ImageScanFinding,
    LifecyclePolicyPreviewResult,
    ListImagesRequest,
    ListImagesResult,
    PullThroughCacheRule,
    ReplicationBackfillResult,
    ReplicationBackfillSummary,
    Repository,
    RepositoryCreationTemplate,
    SubjectIdentifier,
)
from ecr_client.pagination import ItemIterator, PageIterator, Paginator

IMAGE = ImageIdentifier(image_tag="1.0")


def items_and_pages(client: ECRClient) -> None:
    """A paginator yields items, and its pages are results."""
    paginator = client.paginate_list_images(repository_name="app")
    assert_type(paginator, Paginator[ImageIdentifier, ListImagesResult])
    assert_type(iter(paginator), ItemIterator[ImageIdentifier])
    assert_type(paginator.pages(), PageIterator[ListImagesResult])
    assert_type(list(paginator), list[ImageIdentifier])
    assert_type([image.image_tag for image in paginator], list[str | None])
    assert_type(next(paginator.pages()).next_token, str | None)


def resuming(client: ECRClient, token: str | None) -> None:
    """A limit is a keyword of both forms, and a resumed paginator has the same types."""
    client.paginate_list_images(ListImagesRequest(repository_name="app"), max_items=10)
    paginator = client.paginate_list_images(repository_name="app", max_items=10)
    assert_type(paginator.resume_from(token), Paginator[ImageIdentifier, ListImagesResult])
    assert_type(iter(paginator).resume_token, str | None)
    assert_type(paginator.pages().resume_token, str | None)


def request_objects(client: ECRClient) -> None:
    """A paginator also takes a request object."""
    request = ListImagesRequest(repository_name="app")
    assert_type(client.paginate_list_images(request), Paginator[ImageIdentifier, ListImagesResult])


def every_paginator(client: ECRClient) -> None:
    """Each paginator has the items of its operation."""
    subject = SubjectIdentifier(image_digest="sha256:0")
    for repository in client.paginate_describe_repositories():
        assert_type(repository, Repository)
    for page in client.paginate_describe_repositories().pages():
        assert_type(page, DescribeRepositoriesResult)
    for detail in client.paginate_describe_images(repository_name="app"):
        assert_type(detail, ImageDetail)
    for finding in client.paginate_describe_image_scan_findings(
        repository_name="app", image_id=IMAGE
    ):
        assert_type(finding, ImageScanFinding | EnhancedImageScanFinding)
    for rule in client.paginate_describe_pull_through_cache_rules():
        assert_type(rule, PullThroughCacheRule)
    for template in client.paginate_describe_repository_creation_templates():
        assert_type(template, RepositoryCreationTemplate)
    for preview in client.paginate_get_lifecycle_policy_preview(repository_name="app"):
        assert_type(preview, LifecyclePolicyPreviewResult)
    for referrer in client.paginate_list_image_referrers(repository_name="app", subject_id=subject):
        assert_type(referrer, ImageReferrer)
    for arn in client.paginate_list_pull_time_update_exclusions():
        assert_type(arn, str)
    for backfill in client.paginate_list_replication_backfills():
        assert_type(backfill, ReplicationBackfillSummary)
    for outcome in client.paginate_describe_replication_backfill_results(
        replication_backfill_id="1"
    ):
        assert_type(outcome, ReplicationBackfillResult)


def waiters(client: ECRClient) -> None:
    """A waiter returns the last response, and takes its times and its `sleep` as keywords."""
    assert_type(
        client.wait_until_image_exists(repository_name="app", image_ids=[IMAGE]),
        DescribeImagesResult,
    )
    assert_type(
        client.wait_until_image_scan_complete(
            DescribeImageScanFindingsRequest(repository_name="app", image_id=IMAGE),
            delay=1,
            max_wait=2.5,
            sleep=time.sleep,
        ),
        DescribeImageScanFindingsResult,
    )
    naps: list[float] = []
    assert_type(
        client.wait_until_lifecycle_policy_preview_complete(
            repository_name="app", sleep=naps.append
        ),
        GetLifecyclePolicyPreviewResult,
    )


def batches(client: ECRClient) -> None:
    """A batch helper has the types of its operation."""
    digests = ["sha256:0"] * 250
    assert_type(
        client.batch_check_layer_availability_all(repository_name="app", layer_digests=digests),
        BatchCheckLayerAvailabilityResult,
    )
    assert_type(
        client.batch_check_layer_availability_all(
            BatchCheckLayerAvailabilityRequest(repository_name="app", layer_digests=digests)
        ),
        BatchCheckLayerAvailabilityResult,
    )
    images = [IMAGE] * 250
    deleted = client.batch_delete_image_all(repository_name="app", image_ids=images)
    assert_type(deleted, BatchDeleteImageResult)
    assert_type(deleted.raise_for_failures(), BatchDeleteImageResult)
    assert_type(
        client.batch_get_image_all(repository_name="app", image_ids=images), BatchGetImageResult
    )
    assert_type(
        client.batch_get_repository_scanning_configuration_all(repository_names=["app"]),
        BatchGetRepositoryScanningConfigurationResult,
    )
