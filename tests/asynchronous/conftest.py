"""Fixtures for the tests of the asynchronous client."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from ecr_client import AsyncECRClient, ClientConfiguration, Credentials, RetryPolicy


@pytest.fixture
def run(server: Any, credentials: Credentials) -> Callable[..., Any]:
    """Return a function that runs a test with a client of the scripted server."""

    def run(test: Callable[[AsyncECRClient], Awaitable[Any]], **options: Any) -> Any:
        policy = RetryPolicy(max_attempts=3, base_delay=0.001)
        config = ClientConfiguration(**{"retry": policy, **options.pop("config", {})})

        async def main() -> Any:
            arguments = {"credentials": credentials, "config": config, **options}
            async with AsyncECRClient(
                region="eu-west-1", endpoint=server.url, **arguments
            ) as client:
                return await test(client)

        async def limited() -> Any:
            return await asyncio.wait_for(main(), 60)

        return asyncio.run(limited())

    return run
