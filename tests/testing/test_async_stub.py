"""The asynchronous stub where it differs; ``test_stub.py`` has what both stubs have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any

import pytest

from ecr_client import AsyncECRClient, Credentials, ECRClient
from ecr_client.exceptions import ClientShutdownException, NoCredentialsException
from ecr_client.testing import AsyncECRStub, ECRStub, StubAssertionError
from ecr_client.transport import AsyncTransport

Test = Callable[[AsyncECRClient, AsyncECRStub], Coroutine[Any, Any, None]]


async def no_credentials() -> Credentials:
    raise NoCredentialsException("a stub must not ask for credentials")


def stubbed(test: Test) -> None:
    """Run a test with a client that has neither credentials nor a reachable endpoint."""

    async def run() -> None:
        endpoint = "http://127.0.0.1:1"
        async with (
            AsyncECRClient(endpoint=endpoint, credentials=no_credentials) as client,
            AsyncECRStub(client) as stub,
        ):
            await test(client, stub)

    asyncio.run(run())


async def swallowed(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    with pytest.raises(StubAssertionError):
        await client.list_images(repository_name="app")


async def missing(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    stub.expect("ListImages")


async def failing(client: AsyncECRClient, stub: AsyncECRStub) -> None:
    stub.expect("ListImages")
    raise LookupError("of the test")


@pytest.mark.parametrize(
    ("test", "error", "message"),
    [
        (swallowed, StubAssertionError, "call 1 was not expected: ListImages with"),
        (missing, StubAssertionError, "1 expected call was not made"),
        (failing, LookupError, "of the test"),
    ],
)
def test_failures(test: Test, error: type[Exception], message: str) -> None:
    """An unexpected or missing call fails the test, unless it has already failed."""
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
    """A client that is closed within stubs closes its connections, and stays closed."""

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
def test_wrong_clients(kind: Any, client: Any, expected: str) -> None:
    """Anything but a client of the right kind is refused at once."""
    with pytest.raises(TypeError, match=f"^client must be {expected}$"):
        kind(client)
