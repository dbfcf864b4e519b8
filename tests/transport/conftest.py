"""Peers whose every byte a test says, and transports that send to them without a client."""

from __future__ import annotations

import contextlib
import select
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest
import trustme

from ecr_client import ClientConfiguration
from ecr_client._settings import Settings
from ecr_client._transport.adapter import IdleConnections
from ecr_client._transport.requests_transport import RequestsTransport
from ecr_client.transport import Deadline, HTTPRequest, HTTPResponse

#: Long enough for a slow machine, and never waited for unless something is wrong.
PATIENCE = 20
LONGER = 3 * PATIENCE


class Received(NamedTuple):
    """A request as the peer saw it; the names of its headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


class Visit:
    """One connection of a client, as the peer sees it.

    Attributes:
        socket: The connection.
        address: The client's.
        number: Its number, from 1.
        over: Whether the test is over.
        ended: Whether the client has closed the connection.
    """

    def __init__(self, peer: Peer, connection: socket.socket, number: int) -> None:
        self.socket = connection
        self.address = connection.getpeername()
        self.number = number
        self.over = peer.over
        self.ended = threading.Event()
        self._peer = peer

    def request(self) -> Received:
        """Read a whole request.

        Raises:
            ConnectionError: The client has closed the connection.
        """
        data = b""
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        first, *lines = head.decode("latin-1").split("\r\n")
        method, target, _ = first.split(" ")
        headers = {
            name.lower(): text.strip() for name, _, text in (line.partition(":") for line in lines)
        }
        while len(body) < int(headers.get("content-length", 0)):
            body += self._receive()
        received = Received(method, target, headers, body)
        self._peer.requests.append(received)
        return received

    def send(self, data: bytes) -> None:
        self.socket.sendall(data)

    def respond(self, body: bytes = b"{}", *lines: bytes, status: bytes = b"200 OK") -> None:
        """Send a response that has a length."""
        head = [b"HTTP/1.1 " + status, b"Content-Length: %d" % len(body), *lines]
        self.send(b"\r\n".join([*head, b"", body]))

    def wait_for_the_end(self) -> None:
        """Read until the client has closed the connection."""
        with contextlib.suppress(ConnectionError):
            while True:
                self._receive()

    def _receive(self) -> bytes:
        try:
            received = self.socket.recv(65536)
        except OSError:
            received = b""
        if not received:
            self.ended.set()
            raise ConnectionError("the client is gone")
        return received


def serve(visit: Visit) -> None:
    """Respond to all requests of a connection."""
    while True:
        visit.request()
        visit.respond()


def tunnel(visit: Visit) -> None:
    """Be an HTTP proxy that connects to where the client wants to."""
    host, _, port = visit.request().target.partition(":")
    with socket.create_connection((host, int(port)), PATIENCE) as target:
        visit.send(b"HTTP/1.1 200 Connection established\r\n\r\n")
        ends = {visit.socket: target, target: visit.socket}
        while True:
            # What OpenSSL has read already is not to be seen at the socket.
            ready = [each for each in ends if getattr(each, "pending", int)()]
            for source in ready or select.select(list(ends), [], [], PATIENCE)[0]:
                data = source.recv(65536)
                if not data:
                    return
                ends[source].sendall(data)


class Peer:
    """A server whose every connection is handled by a function.

    Args:
        handle: Is called with each `Visit`; the connection is closed when it returns.
        context: Of TLS, if it speaks that.

    Attributes:
        url: Where it is.
        over: Whether the test is over.
        requests: All that were read.
        visits: All connections.
    """

    def __init__(
        self, handle: Callable[[Visit], object] = serve, context: ssl.SSLContext | None = None
    ) -> None:
        self.over = threading.Event()
        self.requests: list[Received] = []
        self.visits: list[Visit] = []
        self._handle, self._context = handle, context
        self._listener = socket.create_server(("127.0.0.1", 0), backlog=100)
        self.port: int = self._listener.getsockname()[1]
        self.url = f"{'https' if context else 'http'}://127.0.0.1:{self.port}/"
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self.over.set()
        # Closing alone would not wake the threads.
        for each in (self._listener, *self._sockets):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)
            each.close()
        for thread in self._threads:
            thread.join(PATIENCE)

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection = self._listener.accept()[0]
                connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._sockets.append(connection)
                visit = Visit(self, connection, len(self.visits) + 1)
                self.visits.append(visit)
                thread = threading.Thread(target=self._serve, args=(visit,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, visit: Visit) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                visit.socket = self._context.wrap_socket(visit.socket, server_side=True)
            self._handle(visit)
        visit.socket.close()


@pytest.fixture(scope="session")
def authority() -> trustme.CA:
    """Return an authority whose certificates nobody trusts who does not name it."""
    return trustme.CA()


@pytest.fixture(scope="session")
def trusted(authority: trustme.CA, tmp_path_factory: Any) -> str:
    """Return the path of a bundle with that authority."""
    path = tmp_path_factory.mktemp("tls") / "authority.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture(scope="session")
def context(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server with a certificate for its address."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    return made


@pytest.fixture
def peer(context: ssl.SSLContext) -> Iterator[Callable[..., Peer]]:
    """Return a function that starts a server, with TLS if ``tls`` is true."""
    started: list[Peer] = []

    def start(handle: Callable[[Visit], object] = serve, *, tls: Any = False) -> Peer:
        own = tls if isinstance(tls, ssl.SSLContext) else context
        started.append(Peer(handle, own if tls else None))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture(params=[False, True], ids=["http", "https"])
def tls(request: pytest.FixtureRequest) -> bool:
    """Return whether the peers of a test speak TLS."""
    return bool(request.param)


@pytest.fixture
def proxy(peer: Callable[..., Peer]) -> Peer:
    """Return an HTTP proxy."""
    return peer(tunnel)


@pytest.fixture
def tls_proxy(peer: Callable[..., Peer]) -> Peer:
    """Return an HTTP proxy that speaks TLS itself."""
    return peer(tunnel, tls=True)


@pytest.fixture
def tls_proxy_of(peer: Callable[..., Peer]) -> Callable[[ssl.SSLContext], Peer]:
    """Return a function that starts an HTTP proxy with a TLS of its own."""
    return lambda context: peer(tunnel, tls=context)


class OwnTransport(RequestsTransport):
    """A transport with a few shortcuts for tests."""

    def get(
        self, url: str, headers: dict[str, str] | None = None, deadline: Deadline | None = None
    ) -> Any:
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
    """Return a function that makes transports, with the options of `ClientConfiguration`."""
    made: list[OwnTransport] = []

    def make(environ: dict[str, str] | None = None, **options: Any) -> OwnTransport:
        given = {"verify": trusted, "connect_timeout": LONGER, "read_timeout": LONGER, **options}
        settings = Settings() if environ is None else Settings(environ=environ)
        made.append(OwnTransport(ClientConfiguration(**given), settings))
        return made[-1]

    yield make
    for each in made:
        each.close()


class FakeTime:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> FakeTime:
    """Return a clock that stands still."""
    return FakeTime()
