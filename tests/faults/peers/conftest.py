"""Peers whose every byte a test says, over plain connections and over TLS."""

from __future__ import annotations

import contextlib
import socket
import ssl
import struct
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import trustme

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy

#: Long enough for a slow machine, and never waited for unless something is wrong.
PATIENCE = 20


class Visit:
    """One connection of a client, as the peer sees it.

    Attributes:
        socket: The connection.
        number: Its number, from 1.
        over: Whether the test is over.
    """

    def __init__(self, connection: socket.socket, number: int, over: threading.Event) -> None:
        self.socket = connection
        self.number = number
        self.over = over

    def start_tls(self, context: ssl.SSLContext) -> None:
        self.socket = context.wrap_socket(self.socket, server_side=True)

    def request(self, *pauses: float) -> None:
        """Read a whole request, with pauses before its first megabytes."""
        data = b""
        for number, pause in enumerate(pauses, 1):
            self.over.wait(pause)
            while len(data) < number * 1_000_000:
                data += self._receive()
        while b"\r\n\r\n" not in data:
            data += self._receive()
        head, _, body = data.partition(b"\r\n\r\n")
        (length,) = (
            int(line.partition(b":")[2])
            for line in head.split(b"\r\n")
            if line.lower().startswith(b"content-length:")
        )
        size = len(body)
        while size < length:
            size += len(self._receive())

    def answer(self) -> None:
        """Answer a request with what results of DescribeRepositories and UploadLayerPart need."""
        body = b'{"repositoryName": "app", "uploadId": "0", "lastByteReceived": 0}'
        self.socket.sendall(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body)

    def drip(self, data: bytes, *, before: bytes = b"", every: float = 0.02) -> None:
        """Send something, and then something else again and again until the test is over."""
        self.socket.sendall(before)
        while not self.over.wait(every):
            self.socket.sendall(data)

    def reset(self) -> None:
        """End the connection with RST."""
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.socket.close()

    def _receive(self) -> bytes:
        received = self.socket.recv(65536)
        if not received:
            raise ConnectionError("the client is gone")
        return received


class Peer:
    """A server whose every connection is handled by a function of the test's.

    Args:
        handle: Is called with each `Visit`; the connection is closed when it returns.
        context: Of TLS, which then comes before the function.
    """

    def __init__(
        self, handle: Callable[[Visit], object], context: ssl.SSLContext | None = None
    ) -> None:
        self.connections = 0
        self._handle, self._context = handle, context
        self._over = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self._sockets: list[socket.socket] = []
        self._threads = [threading.Thread(target=self._accept, daemon=True)]
        self._threads[0].start()

    def close(self) -> None:
        self._over.set()
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
                self.connections += 1
                visit = Visit(connection, self.connections, self._over)
                self._sockets.append(connection)
                thread = threading.Thread(target=self._serve, args=(visit,), daemon=True)
                self._threads.append(thread)
                thread.start()

    def _serve(self, visit: Visit) -> None:
        with contextlib.suppress(OSError):
            if self._context is not None:
                visit.start_tls(self._context)
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
def peer() -> Iterator[Callable[..., Peer]]:
    """Return a function that starts a server."""
    started: list[Peer] = []

    def start(*args: Any, **options: Any) -> Peer:
        started.append(Peer(*args, **options))
        return started[-1]

    yield start
    for each in started:
        each.close()


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds that clients would have waited before they retried a call."""
    return []


@pytest.fixture
def visitor(
    credentials: Credentials, trusted: str, waits: list[float]
) -> Iterator[Callable[..., ECRClient]]:
    """Return a function that makes clients of a peer, with the options of `ClientConfiguration`."""
    with contextlib.ExitStack() as made:

        def make(server: Peer, scheme: str = "http", **options: Any) -> ECRClient:
            policy = RetryPolicy(sleep=waits.append, random=lambda: 1.0)
            config = ClientConfiguration(
                **{"read_timeout": 3 * PATIENCE, "verify": trusted, "retry": policy, **options}
            )
            client = ECRClient(
                region="eu-west-1",
                endpoint=f"{scheme}://127.0.0.1:{server.port}",
                credentials=credentials,
                config=config,
            )
            return made.enter_context(client)

        yield make


@pytest.fixture
def in_time() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that returns what another returns or raises, unless that takes for ever."""

    def run(function: Callable[[], Any]) -> Any:
        found: list[Any] = []

        def call() -> None:
            try:
                found.append(function())
            except Exception as error:
                found.append(error)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(PATIENCE)

        assert found, f"not ended within {PATIENCE} s"
        return found[0]

    return run
