"""Closing the asynchronous client of a fixture in the event loop that a test used it in.

pytest itself has no event loops. They come from plugins, each of which has its own kind of
asynchronous fixtures, or from `asyncio.run` in the test. So the fixture is a plain one, which
cannot await when it ends; and by then the loop is usually closed.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_client.transport import AsyncTransport

if TYPE_CHECKING:
    from collections.abc import AsyncGenerator, Iterator

    from ecr_client.async_client import AsyncECRClient
    from ecr_client.transport import AsyncStreamingResponse, Deadline, HTTPRequest


@contextmanager
def closed_with_its_loop(client: AsyncECRClient) -> Iterator[AsyncECRClient]:
    """Return a context manager that yields a client, which is closed in the loop of its first use.

    Args:
        client: A client that has not been used yet.
    """
    client.transport = _Watching(client)
    yield client
    loop = client._shared.loop
    # A loop that several tests share is still open after the one that used the client.
    if loop is not None and not loop.is_closed():
        loop.run_until_complete(client.aclose())


class _Watching(AsyncTransport):
    """The transport of a client, which closes the client before its event loop is closed."""

    def __init__(self, client: AsyncECRClient) -> None:
        self._client = client
        self._below = client.transport
        self._watch: AsyncGenerator[None, None] | None = None

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        if self._watch is None:
            self._watch = self._until_the_end()
            await anext(self._watch)
        return await self._below.send(request, deadline)

    async def close(self) -> None:
        await self._below.close()

    async def _until_the_end(self) -> AsyncGenerator[None, None]:
        # `asyncio.run`, and what plugins use instead, close all asynchronous generators in the end.
        try:
            yield
        finally:
            await self._client.aclose()
