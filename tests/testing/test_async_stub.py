"""The stub of the asynchronous client: only what differs from the other one."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ecr_client import AsyncECRClient, Credentials, ECRClient
from ecr_client.exceptions import (
    ClientShutdownException,
    ImageNotFoundException,
    NoCredentialsException,
    RepositoryNotFoundException,
)
from ecr_client.models import (
    BatchGetImageRequest,
    DescribeImagesRequest,
    ImageDetail,
    ImageIdentifier,
    ListImagesRequest,
)
from ecr_client.testing import AsyncECRStub, ECRStub, StubAssertionError, example
from ecr_client.transport import AsyncTransport

LAYER = bytes(range(100))
DIGEST = f"sha256:{hashlib.sha256(LAYER).hexdigest()}"
IMAGES = [ImageIdentifier(image_tag=f"{number}.0") for number in range(150)]
Test = Callable[[AsyncECRClient, AsyncECRStub], Coroutine[Any, Any, None]]


async def no_credentials() -> Credentials:
    raise NoCredentialsException("a stub must not ask for credentials")


def stubbed(test: Test, **options: Any) -> AsyncECRStub:
    """Run a test with a client that can do nothing: no keys, and nobody listens at its endpoint."""

    async def run() -> AsyncECRStub:
        endpoint = "http://127.0.0.1:1"
        async with (
            AsyncECRClient(endpoint=endpoint, credentials=no_credentials) as client,
            AsyncECRStub(client, **options) as stub,
        ):
            await test(client, stub)
        return stub

    return asyncio.run(run())


def test_calls() -> None:
    """Calls, pages, waiters and batches use one expectation each, and metadata is remembered."""

    async def test(client: AsyncECRClient, stub: AsyncECRStub) -> None:
        request = ListImagesRequest(repository_name="app")
        waited_for = DescribeImagesRequest(repository_name="app", image_ids=IMAGES[:1])
        detail = example(ImageDetail, image_tags=["1.0"])
        stub.expect("ListImages", request=request, image_ids=IMAGES[:1], next_token="more")
        stub.expect("ListImages", image_ids=IMAGES[1:2])
        stub.expect("DescribeImages", error=ImageNotFoundException)
        stub.expect("DescribeImages", image_details=[detail])
        batch = BatchGetImageRequest(repository_name="app", image_ids=IMAGES[:100])
        stub.expect("BatchGetImage", request=batch)
        stub.expect("BatchGetImage")
        stub.expect("ListImages", error=RepositoryNotFoundException("gone"))
        naps: list[float] = []

        async def nap(seconds: float) -> None:
            naps.append(seconds)

        assert [each async for each in client.paginate_list_images(request)] == IMAGES[:2]
        waited = await client.wait_until_image_exists(waited_for, sleep=nap)
        assert waited.image_details == (detail,)
        assert naps == [5.0]
        await client.batch_get_image_all(repository_name="app", image_ids=IMAGES)
        with pytest.raises(RepositoryNotFoundException, match="gone") as raised:
            await client.list_images(request)
        assert raised.value.request_id
        assert stub.requests[-1] == request
        cached = client.get_cached_response_metadata(waited_for)
        assert cached is waited.response_metadata

    assert len(stubbed(test).requests) == 7


def test_downloads() -> None:
    """A layer is read as a whole, in pieces, and from a start."""

    async def test(client: AsyncECRClient, stub: AsyncECRStub) -> None:
        for _ in range(3):
            stub.expect_download(LAYER)
        async with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            whole = await layer.read()
        async with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            pieces = [piece async for piece in layer.iter_bytes(30)]
        async with client.download_layer(
            repository_name="app", layer_digest=DIGEST, start=99
        ) as layer:
            rest = await layer.read()

        assert whole == b"".join(pieces) == LAYER
        assert rest == LAYER[99:]

    stubbed(test)


def test_tasks() -> None:
    """Tasks share a stub; each call gets the expectation that it meets."""

    async def test(client: AsyncECRClient, stub: AsyncECRStub) -> None:
        names = [f"app-{number}" for number in range(50)]
        for name in names:
            request = ListImagesRequest(repository_name=name)
            stub.expect("ListImages", request=request, next_token=name)
        calls = [client.list_images(repository_name=name) for name in reversed(names)]
        found = await asyncio.gather(*calls)

        assert [each.next_token for each in found] == names[::-1]

    stubbed(test, in_order=False)


async def swallowed(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    with pytest.raises(StubAssertionError):
        await client.list_images(repository_name="app")


async def missing(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    stub.expect("ListImages")


async def failing(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    stub.expect("ListImages")
    raise LookupError("of the test")


async def not_downloaded(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    stub.expect("GetDownloadUrlForLayer", download_url="https://layers.invalid/other")
    await client.download_layer(repository_name="app", layer_digest=DIGEST).read()


@pytest.mark.parametrize(
    ("test", "error", "message"),
    [
        (swallowed, StubAssertionError, "call 1 was not expected: ListImages with"),
        (missing, StubAssertionError, "1 expected call was not made"),
        (not_downloaded, StubAssertionError, "a download was not expected"),
        (failing, LookupError, "of the test"),
    ],
)
def test_failures(test: Test, error: type[Exception], message: str) -> None:
    """What was not expected, or did not come, fails the test unless it has failed already."""
    with pytest.raises(error, match=message):
        stubbed(test)


def test_without_a_loop() -> None:
    """A stub can be entered where there is no event loop, as in a fixture."""
    client = AsyncECRClient(region="eu-west-1")
    before = client.transport
    with AsyncECRStub(client) as stub:
        stub.expect("ListImages", next_token="more")
        found = asyncio.run(client.with_options(timeout=5).list_images(repository_name="app"))
        assert client.transport is not before

    assert found.next_token == "more"
    assert client.transport is before


def test_shutdown_within_a_stub() -> None:
    """The connections of a client that is closed within stubs are closed, and it stays closed."""

    class Closing(AsyncTransport):
        closed = 0

        async def close(self) -> None:
            self.closed += 1

    below = Closing()

    async def test(client: AsyncECRClient, stub: AsyncECRStub) -> None:
        client.transport = below
        async with AsyncECRStub(client), AsyncECRStub(client):
            await client.aclose()
            with pytest.raises(ClientShutdownException):
                await client.list_images(repository_name="app")

    stubbed(test)

    assert below.closed == 1


@pytest.mark.parametrize(
    ("kind", "client", "expected"),
    [
        (ECRStub, "client", "an ECRClient, got str"),
        (AsyncECRStub, "client", "an AsyncECRClient, got str"),
        (AsyncECRStub, ECRClient(region="eu-west-1"), "an AsyncECRClient, got ECRClient"),
        (ECRStub, AsyncECRClient(region="eu-west-1"), "an ECRClient, got AsyncECRClient"),
    ],
)
def test_the_other_client(kind: Any, client: Any, expected: str) -> None:
    """Whatever is not a client of its kind is refused at once."""
    with pytest.raises(TypeError, match=f"^client must be {expected}$"):
        kind(client)
