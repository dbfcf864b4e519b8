"""The number of connections that the asynchronous client opens."""

from __future__ import annotations

import asyncio
import hashlib
import json
import threading
from typing import Any

import pytest

from ecr_client import AsyncECRClient

pytest.importorskip("aiohttp")

DIGEST = f"sha256:{hashlib.sha256(b'{}').hexdigest()}"
ONE = {"max_pool_connections": 1}


def test_calls(run: Any, peer: Any) -> None:
    """Concurrent calls share ``max_pool_connections`` connections."""
    service = peer()

    async def test(client: AsyncECRClient) -> None:
        client.set_endpoint(service.url)
        await asyncio.gather(*(client.describe_registry() for _ in range(8)))

    run(test, config=ONE)

    assert len(service.requests) == 8
    assert service.connections == 1


def test_downloads(run: Any, server: Any, peer: Any) -> None:
    """Each open download has its own connection."""
    arrived = threading.Barrier(3)

    def handle(visit: Any) -> None:
        visit.request()
        arrived.wait(20)
        visit.respond(b"{}")

    layers = peer(handle)
    result = {"downloadUrl": f"{layers.url}layer", "layerDigest": DIGEST}
    server.responses = [(200, {}, json.dumps(result).encode())]

    async def read(client: AsyncECRClient) -> bytes:
        async with client.download_layer(repository_name="app", layer_digest=DIGEST) as layer:
            return await layer.read()

    async def test(client: AsyncECRClient) -> list[bytes]:
        return await asyncio.gather(*(read(client) for _ in range(3)))

    assert run(test, config=ONE) == [b"{}"] * 3
