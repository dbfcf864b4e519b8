"""A server whose time the tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from ecr_client import Credentials, ECRClient
from ecr_client.local import LocalECR


@pytest.fixture(scope="session")
def _running(clocks: Any) -> Iterator[tuple[LocalECR, Any]]:
    clock = clocks()
    # The time of the signatures is the real one.
    with LocalECR(clock=clock, auth=False) as ecr:
        yield ecr, clock


@pytest.fixture
def ecr(_running: tuple[LocalECR, Any]) -> LocalECR:
    """Return a server without any repositories or settings, at noon."""
    ecr, clock = _running
    ecr.reset()
    clock.reset()
    return ecr


@pytest.fixture
def clock(ecr: LocalECR, _running: tuple[LocalECR, Any]) -> Any:
    """Return the server's clock."""
    return _running[1]


@pytest.fixture
def connect(ecr: LocalECR) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients of other accounts and regions."""
    made: list[ECRClient] = []

    def connect(*, account: str | None = None, region: str | None = None) -> ECRClient:
        keys = Credentials(account or ecr.account, "secret")
        made.append(ecr.client(region=region, credentials=keys))
        return made[-1]

    yield connect
    for client in made:
        client.shutdown()


@pytest.fixture
def client(connect: Callable[..., ECRClient]) -> ECRClient:
    """Return a client of the server's own account, which has the repository ``app``."""
    client = connect()
    client.create_repository(repository_name="app")
    return client


@pytest.fixture
def call(ecr: LocalECR) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that sends members as they are, and returns status and body.

    The client would refuse some of them before they are sent.
    """

    def call(operation: str, **members: Any) -> tuple[int, dict[str, Any]]:
        target = f"AmazonEC2ContainerRegistry_V20150921.{operation}"
        headers = {"X-Amz-Target": target, "Content-Type": "application/x-amz-json-1.1"}
        response = requests.post(ecr.endpoint, json=members, headers=headers, timeout=60)
        return response.status_code, response.json()

    return call


@pytest.fixture
def push(client: ECRClient, pushers: Any) -> Any:
    """Return what pushes images as that client."""
    return pushers(client)
