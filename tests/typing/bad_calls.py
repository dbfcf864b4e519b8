"""Calls that a type checker has to refuse, with the error on each line."""

from __future__ import annotations

import time

from ecr_client import ECRClient, operations
from ecr_client.models import (
    CreateRepositoryRequest,
    DescribeImagesRequest,
    ImageIdentifier,
    ListImagesRequest,
    Tag,
    UploadLayerPartRequest,
)

IMAGE = ImageIdentifier(image_tag="1.0")


def missing_members(client: ECRClient) -> None:
    """A required member cannot be left out, neither of a call nor of a structure."""
    client.create_repository()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.put_image(repository_name="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.batch_get_image(repository_name="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    CreateRepositoryRequest()  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    Tag(key="team")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    UploadLayerPartRequest(repository_name="app", upload_id="1")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def misspelt_keywords(client: ECRClient) -> None:
    """A keyword that is not a member is an error."""
    client.create_repository(repositoryName="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.describe_images(repository_name="app", image_id=[IMAGE])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.get_authorization_token(registry_id="123456789012")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    CreateRepositoryRequest(repository_name="app", repository_nam="app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ImageIdentifier(tag="1.0")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def wrong_types(client: ECRClient) -> None:
    """A member of the wrong type is an error, at any depth."""
    client.create_repository(repository_name=b"app")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository(repository_name="app", tags=[("team", "a")])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    client.create_repository(repository_name="app", tags=Tag(key="team", value="a"))  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.batch_get_image(repository_name="app", image_ids=["1.0"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    client.describe_images(repository_name="app", max_results="100")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.delete_repository(repository_name="app", force="yes")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    DescribeImagesRequest(repository_name=None)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    DescribeImagesRequest(repository_name="app", max_results=1.5)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    UploadLayerPartRequest(
        repository_name="app",
        upload_id="1",
        part_first_byte=0,
        part_last_byte=1,
        layer_part_blob="text",  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    )


def no_request(client: ECRClient) -> None:
    """Neither None nor another operation's request is accepted."""
    client.create_repository(None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.get_authorization_token(None)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository(ListImagesRequest(repository_name="app"))  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository({"repository_name": "app"})  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository("app")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository(CreateRepositoryRequest)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.create_repository(request=CreateRepositoryRequest(repository_name="app"))  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def request_and_keywords(client: ECRClient) -> None:
    """A request object cannot be combined with keywords."""
    request = ListImagesRequest(repository_name="app")
    client.list_images(request, repository_name="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.list_images(request, max_results=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.paginate_list_images(request, max_results=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.wait_until_image_exists(DescribeImagesRequest(repository_name="app"), image_ids=[IMAGE])  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]


def positional_members(client: ECRClient) -> None:
    """Members cannot be positional arguments."""
    client.list_images("app")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    CreateRepositoryRequest("app")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    ImageIdentifier("sha256:0")  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]


def paginators_waiters_batches(client: ECRClient) -> None:
    """Paginators, waiters and batch helpers are as strict as operations."""
    client.paginate_list_images()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.paginate_describe_repositories(repository_name="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.paginate_list_images(repository_name="app").results()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    client.wait_until_image_exists(repository_name="app", delay="5")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.wait_until_image_exists(repository_name="app", sleep=time.monotonic)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.batch_get_image_all(repository_name="app")  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.batch_get_image_all(repository_name="app", image_ids=["1.0"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]


def misspelt_operations(client: ECRClient) -> None:
    """An operation that does not exist is an error."""
    client.describe_image(repository_name="app")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    client.paginate_put_image(repository_name="app")  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


def invoked_operations(client: ECRClient) -> None:
    """An operation object accepts only its own request."""
    request = ListImagesRequest(repository_name="app")
    client.invoke(operations.PUT_IMAGE, request)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    client.invoke("ListImages", request)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.invoke(operations.LIST_IMAGE, request)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
