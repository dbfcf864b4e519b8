"""The interface as a parameter type: everything it promises can be used without the client."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, TypeVar

from typing_extensions import assert_type

from ecr_client import AmazonECR, ECRClient, Operation, Region, ResponseMetadata, operations
from ecr_client.models import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    BatchCheckLayerAvailabilityRequest,
    BatchCheckLayerAvailabilityResult,
    BatchDeleteImageRequest,
    BatchDeleteImageResult,
    BatchGetImageRequest,
    BatchGetImageResult,
    CompleteLayerUploadRequest,
    CompleteLayerUploadResult,
    CreateRepositoryRequest,
    CreateRepositoryResult,
    DeleteRepositoryPolicyRequest,
    DeleteRepositoryPolicyResult,
    DeleteRepositoryRequest,
    DeleteRepositoryResult,
    DescribeRepositoriesRequest,
    DescribeRepositoriesResult,
    GetAuthorizationTokenRequest,
    GetAuthorizationTokenResult,
    GetDownloadUrlForLayerRequest,
    GetDownloadUrlForLayerResult,
    GetRepositoryPolicyRequest,
    GetRepositoryPolicyResult,
    ImageIdentifier,
    InitiateLayerUploadRequest,
    InitiateLayerUploadResult,
    ListImagesRequest,
    ListImagesResult,
    PutImageRequest,
    PutImageResult,
    SetRepositoryPolicyRequest,
    SetRepositoryPolicyResult,
    UploadLayerPartRequest,
    UploadLayerPartResult,
)

Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Result = TypeVar("Result", bound=AmazonWebServiceResult)

NAME = "app"
ID = "6f2d9d1c-0000-4000-8000-000000000000"
DIGEST = "sha256:0"
IMAGES = [ImageIdentifier(image_tag="1.0")]


def images(ecr: AmazonECR) -> None:
    """The operations on images and repositories, as the interface names them."""
    assert_type(
        ecr.batch_delete_image(BatchDeleteImageRequest(repository_name=NAME, image_ids=IMAGES)),
        BatchDeleteImageResult,
    )
    assert_type(
        ecr.batch_get_image(BatchGetImageRequest(repository_name=NAME, image_ids=IMAGES)),
        BatchGetImageResult,
    )
    assert_type(
        ecr.create_repository(CreateRepositoryRequest(repository_name=NAME)),
        CreateRepositoryResult,
    )
    assert_type(
        ecr.delete_repository(DeleteRepositoryRequest(repository_name=NAME)),
        DeleteRepositoryResult,
    )
    assert_type(
        ecr.describe_repositories(DescribeRepositoriesRequest()), DescribeRepositoriesResult
    )
    assert_type(ecr.list_images(ListImagesRequest(repository_name=NAME)), ListImagesResult)
    assert_type(
        ecr.put_image(PutImageRequest(repository_name=NAME, image_manifest="{}")), PutImageResult
    )


def layers(ecr: AmazonECR) -> None:
    """The operations on layers."""
    assert_type(
        ecr.batch_check_layer_availability(
            BatchCheckLayerAvailabilityRequest(repository_name=NAME, layer_digests=[DIGEST])
        ),
        BatchCheckLayerAvailabilityResult,
    )
    assert_type(
        ecr.initiate_layer_upload(InitiateLayerUploadRequest(repository_name=NAME)),
        InitiateLayerUploadResult,
    )
    assert_type(
        ecr.upload_layer_part(
            UploadLayerPartRequest(
                repository_name=NAME,
                upload_id=ID,
                part_first_byte=0,
                part_last_byte=0,
                layer_part_blob=b"0",
            )
        ),
        UploadLayerPartResult,
    )
    assert_type(
        ecr.complete_layer_upload(
            CompleteLayerUploadRequest(repository_name=NAME, upload_id=ID, layer_digests=[DIGEST])
        ),
        CompleteLayerUploadResult,
    )
    assert_type(
        ecr.get_download_url_for_layer(
            GetDownloadUrlForLayerRequest(repository_name=NAME, layer_digest=DIGEST)
        ),
        GetDownloadUrlForLayerResult,
    )


def access(ecr: AmazonECR) -> None:
    """The operations on policies, and the token."""
    assert_type(
        ecr.get_authorization_token(GetAuthorizationTokenRequest()), GetAuthorizationTokenResult
    )
    assert_type(
        ecr.get_repository_policy(GetRepositoryPolicyRequest(repository_name=NAME)),
        GetRepositoryPolicyResult,
    )
    assert_type(
        ecr.set_repository_policy(
            SetRepositoryPolicyRequest(repository_name=NAME, policy_text="{}")
        ),
        SetRepositoryPolicyResult,
    )
    assert_type(
        ecr.delete_repository_policy(DeleteRepositoryPolicyRequest(repository_name=NAME)),
        DeleteRepositoryPolicyResult,
    )


def the_rest(ecr: AmazonECR, request: AmazonWebServiceRequest) -> None:
    """The members that are not operations, and the constant, have their types."""
    ecr.set_endpoint("ecr.eu-west-1.amazonaws.com")
    ecr.set_region(Region("eu-west-1"))
    ecr.set_region("eu-west-1")
    assert_type(ecr.get_cached_response_metadata(request), ResponseMetadata | None)
    ecr.shutdown()
    assert_type(ecr.ENDPOINT_PREFIX, str)


def invoke(ecr: AmazonECR) -> None:
    """An operation object has the types of its request and its result."""
    assert_type(operations.LIST_IMAGES, Operation[ListImagesRequest, ListImagesResult])
    assert_type(
        ecr.invoke(operations.LIST_IMAGES, ListImagesRequest(repository_name=NAME)),
        ListImagesResult,
    )
    assert_type(operations.LIST_IMAGES.request_class, type[ListImagesRequest])
    assert_type(operations.LIST_IMAGES.result_class, type[ListImagesResult])
    assert_type(operations.LIST_IMAGES.name, str)
    assert_type(operations.OPERATIONS, Mapping[str, Operation[Any, Any]])


class Double(AmazonECR):
    """A test double, in which one method responds for all operations."""

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Return an empty result."""
        return operation.result_class()


class Observed(ECRClient):
    """A client that observes every call."""

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make the call."""
        print(operation.name)
        return super().invoke(operation, request)


def implementations() -> list[AmazonECR]:
    """The client and a double implement the interface."""
    return [ECRClient(), Double(), Observed()]
