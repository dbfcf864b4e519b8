"""Proxies, and transports that send to peers without a client."""

from __future__ import annotations

import select
import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ClientConfiguration
from ecr_client._settings import Settings
from ecr_client._transport.adapter import IdleConnections
from ecr_client._transport.requests_transport import RequestsTransport
from ecr_client.transport import Deadline, HTTPRequest, HTTPResponse

PATIENCE = 20
LONGER = 3 * PATIENCE


def tunnel(visit: Any) -> None:
    """Act as an HTTP proxy that connects to where the client wants."""
    host, _, port = visit.request().path.partition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as target:
        visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ends = {visit.socket: target, target: visit.socket}
        while True:
            # Bytes that OpenSSL has already read do not show at the socket.
            ready = [each for each in ends if getattr(each, "pending", int)()]
            try:
                ready = ready or select.select(list(ends), [], [], PATIENCE)[0]
            except ValueError:  # The test is over, and the socket closed.
                return
            for source in ready:
                data = source.recv(65536)
                if not data:
                    return
                ends[source].sendall(data)


@pytest.fixture(params=[False, True], ids=["http", "https"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Return whether the peers of a test speak TLS."""
    return bool(request.param)


@pytest.fixture
def proxy(peer: Callable[..., Any]) -> Any:
    """Return an HTTP proxy."""
    return peer(tunnel)


@pytest.fixture
def tls_proxy(peer: Callable[..., Any]) -> Callable[..., Any]:
    """Return a function that starts an HTTP proxy that speaks TLS itself."""
    return lambda context=True: peer(tunnel, tls=context)


class OwnTransport(RequestsTransport):
    """A transport with a few shortcuts for tests."""

    def get(self, url: str, headers: Any = None, deadline: Deadline | None = None) -> Any:
        """Return a response that has not been read."""
        request = HTTPRequest("GET", url, headers or {}, purpose="Test")
        return self.send(request, deadline or Deadline(None))

    def read(self, url: str, method: str = "GET", body: bytes = b"") -> HTTPResponse:
        """Return a response that has been read."""
        request = HTTPRequest(method, url, {}, body, purpose="Test")
        with self.send(request, Deadline(None)) as response:
            return response.read(1_000_000, Deadline(None))

    def idle(self) -> list[Any]:
        """Return the idle connections."""
        pools = self.pools()
        return [connection for pool in pools for connection, _ in list(pool.pool._idle)]

    def pools(self) -> list[Any]:
        """Return the pools."""
        session = self._session
        pools = list(session.get_adapter("https://")._pools.values()) if session else []
        assert all(isinstance(each.pool, IdleConnections) for each in pools)
        return pools


@pytest.fixture
def connect(trusted: str) -> Iterator[Callable[..., OwnTransport]]:
    """Yield a function that makes transports, with the options of `ClientConfiguration`."""
    made: list[OwnTransport] = []

    def make(environ: dict[str, str] | None = None, **options: Any) -> OwnTransport:
        given = {"verify": trusted, "connect_timeout": LONGER, "read_timeout": LONGER, **options}
        settings = Settings() if environ is None else Settings(environ=environ)
        made.append(OwnTransport(ClientConfiguration(**given), settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


class ManualClock:
    """A clock that advances only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> ManualClock:
    """Return a clock that stands still."""
    return ManualClock()
