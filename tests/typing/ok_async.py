"""The asynchronous client as type checkers see it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Coroutine
from typing import Any, TypeVar

from typing_extensions import assert_type

from ecr_client import (
    AsyncAmazonECR,
    AsyncECRClient,
    Credentials,
    Operation,
    Region,
    ResponseMetadata,
    operations,
)
from ecr_client.downloads import AsyncLayerDownload
from ecr_client.local import LocalECR
from ecr_client.models import (
    AmazonWebServiceRequest,
    AmazonWebServiceResult,
    BatchDeleteImageResult,
    DescribeImageScanFindingsRequest,
    DescribeImageScanFindingsResult,
    DescribeImagesResult,
    DescribeRepositoriesResult,
    EnhancedImageScanFinding,
    ImageDetail,
    ImageIdentifier,
    ImageScanFinding,
    ListImagesRequest,
    ListImagesResult,
    Repository,
)
from ecr_client.pagination import AsyncItemIterator, AsyncPageIterator, AsyncPaginator
from ecr_client.testing import AsyncECRStub
from ecr_client.transport import (
    AsyncByteStream,
    AsyncStreamingResponse,
    AsyncTransport,
    Deadline,
    HTTPRequest,
    HTTPResponse,
    InMemory,
)

Request = TypeVar("Request", bound=AmazonWebServiceRequest)
Result = TypeVar("Result", bound=AmazonWebServiceResult)

NAME = "app"
DIGEST = "sha256:0"
IMAGE = ImageIdentifier(image_tag="1.0")


class Bespoke(AsyncECRClient):
    """A user's own client class."""


async def credentials(keys: Credentials) -> None:
    """Credentials are those of the blocking client, or an asynchronous function."""

    async def looked_up() -> Credentials:
        return keys

    AsyncECRClient(credentials=keys)
    AsyncECRClient(credentials=lambda: keys)
    client = AsyncECRClient(credentials=looked_up)
    client.with_options(credentials=looked_up)
    client.with_options(credentials=keys)


async def lifetime() -> None:
    """Entering a client returns it with its own class, also for a subclass."""
    async with AsyncECRClient(region=Region("eu-west-1")) as client, Bespoke() as bespoke:
        assert_type(client, AsyncECRClient)
        assert_type(bespoke, Bespoke)
        assert_type(bespoke.with_options(timeout=5).with_options(), Bespoke)
    await client.aclose()
    await client.shutdown()
    assert_type((client.endpoint, client.region), tuple[str, str])


async def calls(client: AsyncECRClient) -> None:
    """A call has two forms, and its result is awaited."""
    request = ListImagesRequest(repository_name=NAME)
    assert_type(await client.list_images(request), ListImagesResult)
    assert_type(await client.list_images(repository_name=NAME, max_results=5), ListImagesResult)
    later: Coroutine[Any, Any, ListImagesResult] = client.list_images(request)
    assert_type(await later, ListImagesResult)
    assert_type(await client.invoke(operations.LIST_IMAGES, request), ListImagesResult)
    assert_type(client.get_cached_response_metadata(request), ResponseMetadata | None)
    one, two = await asyncio.gather(
        client.list_images(request), client.describe_images(repository_name=NAME)
    )
    assert_type(one, ListImagesResult)
    assert_type(two, DescribeImagesResult)


async def pages(client: AsyncECRClient, token: str | None) -> None:
    """A paginator is not awaited; its items and pages are for ``async for``."""
    paginator = client.paginate_list_images(repository_name=NAME, max_items=10)
    assert_type(paginator, AsyncPaginator[ImageIdentifier, ListImagesResult])
    assert_type(
        client.paginate_list_images(ListImagesRequest(repository_name=NAME), max_items=10),
        AsyncPaginator[ImageIdentifier, ListImagesResult],
    )
    assert_type(paginator.resume_from(token), AsyncPaginator[ImageIdentifier, ListImagesResult])
    assert_type(aiter(paginator), AsyncItemIterator[ImageIdentifier])
    assert_type(aiter(paginator).resume_token, str | None)
    assert_type(paginator.pages(), AsyncPageIterator[ListImagesResult])
    assert_type(await anext(paginator.pages()), ListImagesResult)
    assert_type([image async for image in paginator], list[ImageIdentifier])
    async for repository in client.paginate_describe_repositories():
        assert_type(repository, Repository)
    async for page in client.paginate_describe_repositories().pages():
        assert_type(page, DescribeRepositoriesResult)
    async for detail in client.paginate_describe_images(repository_name=NAME):
        assert_type(detail, ImageDetail)
    async for finding in client.paginate_describe_image_scan_findings(
        repository_name=NAME, image_id=IMAGE
    ):
        assert_type(finding, ImageScanFinding | EnhancedImageScanFinding)


async def waiters_and_batches(client: AsyncECRClient) -> None:
    """A waiter takes an asynchronous `sleep`; a batch helper has the types of its operation."""

    async def nap(seconds: float) -> None:
        await asyncio.sleep(seconds)

    assert_type(
        await client.wait_until_image_exists(repository_name=NAME, sleep=nap), DescribeImagesResult
    )
    assert_type(
        await client.wait_until_image_scan_complete(
            DescribeImageScanFindingsRequest(repository_name=NAME, image_id=IMAGE),
            delay=1,
            max_wait=2.5,
        ),
        DescribeImageScanFindingsResult,
    )
    deleted = await client.batch_delete_image_all(repository_name=NAME, image_ids=[IMAGE] * 250)
    assert_type(deleted, BatchDeleteImageResult)
    assert_type(deleted.raise_for_failures(), BatchDeleteImageResult)


async def downloads(client: AsyncECRClient) -> None:
    """A download is a context manager with three ways to read."""
    assert_type(
        client.download_layer(repository_name=NAME, layer_digest=DIGEST), AsyncLayerDownload
    )
    async with client.download_layer(
        repository_name=NAME, layer_digest=DIGEST, registry_id=None, start=5
    ) as layer:
        assert_type(layer, AsyncLayerDownload)
        assert_type(layer.iter_bytes(chunk_size=65536), AsyncIterator[bytes])
        assert_type(await layer.read(), bytes)
        assert_type(await layer.read(100), bytes)
        assert_type(await layer.readinto(bytearray(100)), int)
        assert_type((layer.digest, layer.size, layer.position), tuple[str, int | None, int])
        async for chunk in layer.iter_bytes():
            assert_type(chunk, bytes)
        await layer.aclose()


class Double(AsyncAmazonECR):
    """A test double, in which one method responds for all operations."""

    async def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Return an empty result."""
        return operation.result_class()


class Observed(AsyncECRClient):
    """A client that observes every call."""

    async def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        """Make the call."""
        print(operation.name)
        return await super().invoke(operation, request)


async def implementations() -> list[AsyncAmazonECR]:
    """The client and a double implement the interface, whose calls have the same types."""
    found: list[AsyncAmazonECR] = [AsyncECRClient(), Double(), Observed()]
    for each in found:
        assert_type(await each.list_images(repository_name=NAME), ListImagesResult)
        each.set_region("eu-west-1")
        await each.shutdown()
    return found


class Cached(AsyncTransport):
    """A user's caching transport."""

    def __init__(self, below: AsyncTransport) -> None:
        self.below = below
        self.responses: dict[str, HTTPResponse] = {}

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        """Return a cached response, or the one of the transport below."""
        found = self.responses.get(request.url)
        if found is None:
            return await self.below.send(request, deadline)
        stream = InMemory(found.body)
        return AsyncStreamingResponse(request, found.status, found.headers, stream)

    async def close(self) -> None:
        """Close the transport below."""
        await self.below.close()


class Zeros:
    """A body that is generated while it is read."""

    def __init__(self, size: int) -> None:
        self.size = size

    async def read1(self, size: int, deadline: Deadline, /) -> bytes:
        """Return the next bytes."""
        size = min(size, self.size)
        self.size -= size
        return bytes(size)

    def close(self) -> None:
        """Do nothing."""


async def transports(client: AsyncECRClient) -> None:
    """The transport of a client can be read and replaced."""
    assert_type(client.transport, AsyncTransport)
    client.transport = Cached(client.transport)
    stream: AsyncByteStream = Zeros(5)
    request = HTTPRequest("GET", "https://host/", {})
    async with AsyncStreamingResponse(request, 200, {}, stream) as response:
        assert_type(await response.read1(5), bytes)
        assert_type(await response.read(1024, Deadline(None)), HTTPResponse)


def tests(client: AsyncECRClient, ecr: LocalECR) -> None:
    """Use the helpers for tests."""
    assert_type(ecr.async_client(region="eu-west-1"), AsyncECRClient)
    with AsyncECRStub(client, in_order=False) as stub:
        assert_type(stub, AsyncECRStub)
        stub.expect("DescribeImages", result=DescribeImagesResult())
        stub.expect_download(b"content")
        assert_type(stub.requests, tuple[AmazonWebServiceRequest, ...])


async def asynchronous_tests(client: AsyncECRClient) -> None:
    """A stub is a context manager of both kinds."""
    async with AsyncECRStub(client) as stub:
        assert_type(stub, AsyncECRStub)
