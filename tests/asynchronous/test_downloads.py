"""Downloads whose task is not alone: another one reads, or closes the download or the client."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ecr_client import AsyncECRClient
from ecr_client.downloads import AsyncLayerDownload
from ecr_client.exceptions import ClientShutdownException

pytest.importorskip("aiohttp")

CONTENT = bytes(range(200))
DIGEST = f"sha256:{hashlib.sha256(CONTENT).hexdigest()}"


@pytest.fixture
def go_on() -> threading.Event:
    """Return the event upon which the storage sends the second half of the layer."""
    return threading.Event()


@pytest.fixture
def begun(run: Any, server: Any, peer: Any, go_on: threading.Event) -> Callable[..., None]:
    """Return a function that runs a test with a download of which half has arrived."""

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 200\r\n\r\n" + CONTENT[:100])
        go_on.wait(20)
        visit.send(CONTENT[100:])

    storage = peer(handle)
    result = {"downloadUrl": f"{storage.url}layer", "layerDigest": DIGEST}
    server.responses = [(200, {}, json.dumps(result).encode())]

    def begun(test: Callable[[AsyncECRClient, AsyncLayerDownload], Awaitable[None]]) -> None:
        async def main(client: AsyncECRClient) -> None:
            async with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
                sessions = list(client.transport._sessions.values())  # type: ignore[attr-defined]
                assert await layer.read(10) == CONTENT[:10]
                await test(client, layer)
            assert not any(each.connector and each.connector._acquired for each in sessions)

        run(main)
        go_on.set()
        assert storage.connections == 1

    return begun


async def reading(layer: AsyncLayerDownload) -> asyncio.Future[bytes]:
    """Return a task that reads the rest, and waits for the second half."""
    task = asyncio.ensure_future(layer.read())
    while layer.position < 100:
        await asyncio.sleep(0)
    return task


def test_two_tasks(begun: Any, go_on: threading.Event) -> None:
    """Another task cannot read meanwhile, which would mix up the bytes; the first one goes on."""

    async def test(_: AsyncECRClient, layer: AsyncLayerDownload) -> None:
        task = await reading(layer)
        for attempt in (layer.read(1), layer.readinto(bytearray(1)), anext(layer.iter_bytes())):
            with pytest.raises(RuntimeError, match="is being read in another task or thread"):
                await attempt
        go_on.set()

        assert await task == CONTENT[10:]
        assert await layer.read() == b""

    begun(test)


def test_closing_the_download(begun: Any) -> None:
    """A download that is closed while a task reads it is not resumed."""

    async def test(_: AsyncECRClient, layer: AsyncLayerDownload) -> None:
        task = await reading(layer)
        await layer.aclose()
        with pytest.raises(ValueError, match=r"the download of layer sha256:\w+ is closed"):
            await task

    begun(test)


@pytest.mark.parametrize("waits", [True, False])
def test_closing_the_client(begun: Any, *, waits: bool) -> None:
    """When the client is closed, a read that waits fails, and so does the next one."""

    async def test(client: AsyncECRClient, layer: AsyncLayerDownload) -> None:
        task = await reading(layer) if waits else None
        await client.aclose()
        with pytest.raises(ClientShutdownException, match="DownloadLayer: the client was"):
            await asyncio.wait_for(task or layer.read(), 5)

    begun(test)
