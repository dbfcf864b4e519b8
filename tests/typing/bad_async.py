"""Uses of the asynchronous client that a type checker has to refuse."""

from __future__ import annotations

import time
from typing import TypeVar

from ecr_client import AsyncAmazonECR, AsyncECRClient, Credentials, ECRClient, Operation, operations
from ecr_client.models import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    DescribeImagesRequest,
    ImageIdentifier,
    ListImagesRequest,
)
from ecr_client.testing import AsyncECRStub, ECRStub
from ecr_client.transport import AsyncTransport, Deadline, HTTPRequest, StreamingResponse, Transport

Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Result = TypeVar("Result", bound=AmazonWebServiceResult)

NAME = "app"
DIGEST = "sha256:0"
IMAGE = ImageIdentifier(image_tag="1.0")


async def arguments(client: AsyncECRClient) -> None:
    """Arguments are checked like those of the blocking client."""
    request = ListImagesRequest(repository_name=NAME)
    await client.create_repository()  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await client.create_repository(repositoryName=NAME)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await client.create_repository(repository_name=b"app")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await client.create_repository(request)  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await client.list_images(request, max_results=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    await client.list_images("app")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    await client.describe_image(repository_name=NAME)  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]
    await client.invoke(operations.PUT_IMAGE, request)  # type: ignore[misc]  # pyright: ignore[reportArgumentType]
    await client.batch_get_image_all(repository_name=NAME, image_ids=["1.0"])  # type: ignore[list-item]  # pyright: ignore[reportArgumentType]
    client.paginate_list_images(request, max_results=5)  # type: ignore[call-overload]  # pyright: ignore[reportCallIssue]
    client.download_layer(NAME, DIGEST)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(5)  # type: ignore[call-arg]  # pyright: ignore[reportCallIssue]
    client.with_options(timeout="5")  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


async def forgotten(client: AsyncECRClient) -> None:
    """A result has to be awaited, and pages need ``async for``."""
    client.list_images(repository_name=NAME)  # type: ignore[unused-coroutine]  # pyright: ignore[reportUnusedCoroutine]
    client.list_images(repository_name=NAME).image_ids  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018
    client.wait_until_image_exists(repository_name=NAME).image_details  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]  # noqa: B018
    for _ in client.paginate_list_images(repository_name=NAME):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    await client.paginate_list_images(repository_name=NAME)  # type: ignore[misc]  # pyright: ignore[reportGeneralTypeIssues]
    with client:  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass
    with client.download_layer(repository_name=NAME, layer_digest=DIGEST):  # type: ignore[attr-defined]  # pyright: ignore[reportGeneralTypeIssues]
        pass


async def blocking(client: AsyncECRClient) -> None:
    """A waiter's `sleep` has to be a coroutine function, and there is no blocking ``close``."""
    await client.wait_until_image_exists(repository_name=NAME, sleep=time.sleep)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    await client.wait_until_image_exists(DescribeImagesRequest(repository_name=NAME), delay="5")  # type: ignore[call-overload]  # pyright: ignore[reportArgumentType]
    client.close()  # type: ignore[attr-defined]  # pyright: ignore[reportAttributeAccessIssue]


async def looked_up() -> Credentials:
    """Return credentials."""
    return Credentials("a", "b")


async def region() -> str:
    """Return something other than credentials."""
    return "eu-west-1"


def credentials(client: AsyncECRClient, other: ECRClient) -> None:
    """Only the asynchronous client accepts an asynchronous function, which returns credentials."""
    ECRClient(credentials=looked_up)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    other.with_options(credentials=looked_up)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    AsyncECRClient(credentials=region)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    client.with_options(credentials=region)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]


class Double(AsyncAmazonECR):
    """A double whose calls block."""

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Return an empty result."""
        return operation.result_class()


class Blocking(AsyncTransport):
    """A transport that blocks."""

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:  # type: ignore[override]  # pyright: ignore[reportIncompatibleMethodOverride]
        """Send nothing."""
        raise NotImplementedError


def kinds(client: AsyncECRClient, other: ECRClient) -> None:
    """Neither client accepts objects for the other one."""
    client.transport = Transport()  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    other.transport = AsyncTransport()  # type: ignore[assignment]  # pyright: ignore[reportAttributeAccessIssue]
    AsyncECRStub(other)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ECRStub(client)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
