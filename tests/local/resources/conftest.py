"""A server whose clock the tests set."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import Credentials
from ecr_client.local import LocalECR


@pytest.fixture(scope="session")
def _running(clocks: Any) -> Iterator[tuple[LocalECR, Any]]:
    clock = clocks()
    # Signatures are made at the real time.
    with LocalECR(clock=clock, auth=False) as ecr:
        yield ecr, clock


@pytest.fixture
def ecr(_running: tuple[LocalECR, Any]) -> LocalECR:
    """Return a server at noon, without any repositories or settings."""
    ecr, clock = _running
    ecr.reset()
    clock.reset()
    return ecr


@pytest.fixture
def clock(ecr: LocalECR, _running: tuple[LocalECR, Any]) -> Any:
    """Return the server's clock."""
    return _running[1]


@pytest.fixture
def connect(ecr: LocalECR, plain: Any) -> Iterator[Callable[..., Any]]:
    """Yield a function that makes clients of other accounts and regions."""
    made: list[Any] = []

    def connect(*, account: str | None = None, region: str | None = None) -> Any:
        keys = Credentials(account or ecr.account, "secret")
        made.append(plain(ecr.client(region=region, credentials=keys)))
        return made[-1]

    yield connect
    for client in made:
        client.shutdown()


@pytest.fixture
def client(connect: Callable[..., Any]) -> Any:
    """Return a client of the server's own account, with the repository ``app``."""
    client = connect()
    client.create_repository()
    return client


@pytest.fixture
def call(ecr: LocalECR, post: Any) -> Callable[..., tuple[int, dict[str, Any]]]:
    """Return a function that sends unvalidated members, and returns the status and the body."""

    def call(operation: str, account: str = "", **members: Any) -> tuple[int, dict[str, Any]]:
        scope = f"{account or ecr.account}/20261120/us-east-1/ecr/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
        response = post(ecr.endpoint, operation, members, **headers)
        return response.status_code, response.json()

    return call


@pytest.fixture
def push(client: Any, pushers: Any) -> Any:
    """Return a Pusher for that client."""
    return pushers(client)
