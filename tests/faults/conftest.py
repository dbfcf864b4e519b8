"""A TCP proxy in front of the local ECR that breaks connections on demand; it requires Linux.

The cells of the matrix show that it does what a fault says: they check what the server did.
"""

from __future__ import annotations

import contextlib
import fcntl
import re
import select
import socket
import struct
import termios
import threading
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from typing import Any, Literal

import attrs
import pytest

from ecr_client import ECRClient, RetryPolicy
from ecr_client.local import LocalECR

HOST = "127.0.0.1"
PIECE = 256 * 1024
_LENGTH = re.compile(rb"\r\ncontent-length: *(\d+)")
_CHUNKED = re.compile(rb"\r\ntransfer-encoding: *chunked")
_LAST = re.compile(rb"\r\nconnection: *close")

#: ``accept``: a new connection was accepted, or a kept one begins its next request. If a reset
#:     comes so soon, the client may see it as a connection error.
#: ``request``: a number of bytes of the request were read, and nothing was forwarded.
#: ``received``: the whole request was read, and nothing was forwarded.
#: ``response``: the server has responded, and a number of bytes of that were passed on.
#: ``done``: the whole response was passed on.
Moment = Literal["accept", "request", "received", "response", "done"]

#: ``reset``: the connection ends with RST. ``close``: with FIN; what still comes is discarded.
#: ``hang``: it stays open in silence until the proxy closes. ``keep``: it waits for a request.
Ending = Literal["reset", "close", "hang", "keep"]


@attrs.frozen
class Fault:
    """What goes wrong with one request: the moment at which its connection ends, and how.

    Args:
        at: The moment.
        then: The end.
        after: The number of bytes before the moments ``request`` and ``response``. For a response,
            a negative number counts from its end; a shorter message counts as a whole.
        instead: What is sent at that moment, in place of the rest of the response.
        piece: How many bytes are sent at once; 0 for all.
        delay: How many seconds are between two pieces.
        whole_head: Whether the status line and the headers are sent at once nevertheless.
    """

    at: Moment
    then: Ending
    after: int = 0
    instead: bytes = b""
    piece: int = 0
    delay: float = 0.0
    whole_head: bool = False

    @classmethod
    def response(
        cls,
        status: int,
        headers: Mapping[str, str] | None = None,
        body: bytes = b"",
        *,
        at: Moment = "received",
        then: Ending = "keep",
    ) -> Fault:
        """Return a response as a fault, before (``received``) or after (``response``) the work."""
        lines = [f"{name}: {text}\r\n" for name, text in (headers or {}).items()]
        head = f"HTTP/1.1 {status} Canned\r\nContent-Length: {len(body)}\r\n{''.join(lines)}\r\n"
        return cls(at, then, instead=head.encode("latin-1") + body)


NO_FAULT = Fault("done", "keep")


def is_whole(message: bytearray) -> bool:
    """Return whether a request or a response is complete, as far as its own bytes show that."""
    end = message.find(b"\r\n\r\n")
    head = bytes(message[: max(end, 0)]).lower()
    if end < 0:
        return False
    if _CHUNKED.search(head):
        return message.endswith(b"0\r\n\r\n")
    length = _LENGTH.search(head)
    if length is None:  # A response without one lasts until its connection ends.
        return not head.startswith(b"http/")
    return len(message) - end - 4 >= int(length[1])


def read_message(source: socket.socket, *, limit: int | None = None) -> tuple[bytes, bool]:
    """Return one message, or the first bytes of it, and whether all of that came."""
    message, whole = bytearray(), limit == 0
    while not whole:
        received = source.recv(PIECE if limit is None else min(PIECE, limit - len(message)))
        if not received:
            break
        message += received
        whole = len(message) == limit or is_whole(message)
    return bytes(message), whole


class Connection(threading.Thread):
    """A client's connection, which serves one request after the other."""

    def __init__(self, proxy: Proxy, client: socket.socket) -> None:
        super().__init__(daemon=True)
        client.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._proxy = proxy
        self._client = client
        self._server = client
        self._lock = threading.Lock()  # for closing sockets, and for these two
        self._dropped = threading.Event()

    def run(self) -> None:
        try:
            fault = self._proxy.take(accepted=True)
            goes_on = self._serve(fault) if fault else True
            # The first byte of a request is waited for before its fault is taken.
            while goes_on and self._client.recv(1, socket.MSG_PEEK):
                goes_on = self._serve(self._proxy.take() or NO_FAULT)
        except OSError:
            pass  # The client is gone, or the connection was dropped.
        finally:
            with self._lock:
                self._client.close()
            self._proxy.ended()

    def drop(self) -> None:
        """Abort whatever is going on; the thread then ends."""
        self._dropped.set()
        for each in (self._client, self._server):
            with self._lock, contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _serve(self, fault: Fault) -> bool:
        """Serve a request, and return whether another one may follow."""
        response, then = b"", fault.then
        if fault.at != "accept":
            part = fault.at == "request"
            request, whole = read_message(self._client, limit=fault.after if part else None)
            if not whole:
                return False
            if fault.at in ("response", "done"):
                response, last = self._forward(request)
                self._proxy.note(response)
                then = "close" if last and then == "keep" else then
        passed = response if fault.at == "done" else response[: fault.after]
        self._send(passed + fault.instead, fault, then)
        return self._end(then)

    def _forward(self, request: bytes) -> tuple[bytes, bool]:
        """Return as much of the response as came, and whether it is the last one."""
        response, whole = b"", False
        with contextlib.suppress(OSError):
            server = socket.create_connection(self._proxy.target, timeout=30)
            with self._lock:
                self._server = server
            try:
                if not self._dropped.is_set():
                    server.sendall(request)
                    response, whole = read_message(server)
            finally:
                with self._lock:
                    server.close()
        return response, not whole or bool(_LAST.search(response.partition(b"\r\n\r\n")[0].lower()))

    def _send(self, data: bytes, fault: Fault, then: Ending) -> None:
        step = fault.piece or len(data) or 1
        head = data.find(b"\r\n\r\n") + 4 if fault.whole_head else 0
        pieces = [data[i : i + step] for i in range(head, len(data), step)] or [b""]
        pieces[0] = data[:head] + pieces[0]
        *first, last = pieces
        for piece in first:
            self._client.sendall(piece)
            self._dropped.wait(fault.delay)
        # The end is sent with the last byte, so that a client that reads that sees both at once.
        self._client.sendall(last, socket.MSG_MORE if then == "close" else 0)

    def _end(self, then: Ending) -> bool:
        if then == "reset":
            # A reset discards what has not arrived yet.
            while any(fcntl.ioctl(self._client, termios.TIOCOUTQ, bytes(4))):
                if self._dropped.wait(0.001):
                    break
            self._client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        elif then == "close":
            self._client.shutdown(socket.SHUT_WR)
            # Closing a socket with unread bytes would reset the connection.
            while self._client.recv(PIECE):
                pass
        elif then == "hang":
            self._dropped.wait()
        return then == "keep"


class Proxy:
    """A proxy that forwards requests to a server, unless a fault is pending.

    Each request is read as a whole and forwarded over a connection of its own, and its response is
    read as a whole before the first byte of it is passed on. No byte is changed.

    Args:
        target: The server's host and port; may be changed at any time.
        address: Where to listen; port 0 takes a free one.

    Attributes:
        port: The port on the loopback, the same after a restart.
        connections: The number of accepted connections; ``open``, of those that are still open.
        attempts: The number of requests that began, or of connections that met a fault at once.
        responses: The responses of the server.
        faults: The faults that are pending, one for each request.
    """

    def __init__(self, target: tuple[str, int], address: tuple[str, int] = (HOST, 0)) -> None:
        self.target = target
        self.connections = self.open = self.attempts = 0
        self.responses: list[bytes] = []
        self.faults: deque[Fault] = deque()
        self._changed = threading.Condition()
        self._threads: list[Connection] = []
        self._listener: socket.socket | None = None
        self._accepting: threading.Thread | None = None
        self._fillers: list[socket.socket] = []
        self._reserved = socket.socket()  # keeps the port while nothing listens
        self._reserved.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self._reserved.bind(address)
        self.address: tuple[str, int] = self._reserved.getsockname()
        self.port = self.address[1]
        self.restart()

    def add(self, fault: Fault, count: int = 1) -> None:
        """Let a fault meet the next ``count`` requests, after those of earlier faults."""
        self.faults.extend([fault] * count)

    def wait_for(self, reached: Callable[[], object], timeout: float = 30) -> None:
        """Wait until a condition on the counters and the connections holds."""
        with self._changed:
            assert self._changed.wait_for(reached, timeout), f"not reached within {timeout:g} s"

    def restart(self) -> None:
        """Close all connections, and listen again on the same port."""
        self.stop()
        listener = self._listener = socket.create_server(self.address)
        self._accepting = threading.Thread(target=self._accept, args=(listener,), daemon=True)
        self._accepting.start()

    def stop(self) -> None:
        """Close all connections and refuse new ones, until `restart`."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            if self._accepting is not None:
                self._accepting.join()
            self._listener.close()
        for filler in self._fillers:
            filler.close()
        self._listener, self._accepting, self._fillers = None, None, []
        for each in self._threads:
            each.drop()
        for each in self._threads:
            each.join()

    def blackhole(self) -> None:
        """Close all connections, and let attempts to connect hang until `restart`."""
        self.stop()
        # A backlog of 0 takes one connection; Linux ignores whatever comes after that.
        listener = self._listener = socket.create_server(self.address, backlog=0)
        waiting, limit = 0, 0
        while waiting <= limit:
            filler = socket.socket()
            self._fillers.append(filler)
            filler.setblocking(False)
            filler.connect_ex(self.address)
            select.select([], [filler], [], 0.1)
            # For a listening socket, these two members describe its backlog.
            info = listener.getsockopt(socket.IPPROTO_TCP, socket.TCP_INFO, 32)
            waiting, limit = struct.unpack_from("=II", info, 24)

    def __enter__(self) -> Proxy:
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()
        self._reserved.close()

    def take(self, *, accepted: bool = False) -> Fault | None:
        """Return the next fault; for a connection just accepted, only if it is for that moment."""
        with self._changed:
            fault = self.faults[0] if self.faults else NO_FAULT
            if accepted and fault.at != "accept":
                return None
            if self.faults:
                self.faults.popleft()
            self.attempts += 1
            self._changed.notify_all()
            return fault

    def note(self, response: bytes) -> None:
        """Remember a response that was read."""
        with self._changed:
            self.responses.append(response)
            self._changed.notify_all()

    def ended(self) -> None:
        """Remember that a connection was closed."""
        with self._changed:
            self.open -= 1
            self._changed.notify_all()

    def _accept(self, listener: socket.socket) -> None:
        with contextlib.suppress(OSError):  # `stop` shuts it down.
            while True:
                connection = Connection(self, listener.accept()[0])
                with self._changed:
                    self.connections += 1
                    self.open += 1
                    self._threads.append(connection)
                    self._changed.notify_all()
                connection.start()


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture
def ecr(_server: LocalECR) -> LocalECR:
    """Return an empty local ECR, which can be reached without the proxy."""
    _server.reset()
    return _server


@pytest.fixture
def fault() -> type[Fault]:
    """Return the class of faults, which a test cannot import."""
    return Fault


@pytest.fixture
def proxy(ecr: LocalECR) -> Iterator[Proxy]:
    """Yield a proxy in front of the server."""
    with Proxy((HOST, int(ecr.endpoint.rpartition(":")[2]))) as running:
        yield running


@pytest.fixture
def connect(proxy: Proxy, ecr: LocalECR, client_class: Any) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients of each kind through the proxy."""
    with contextlib.ExitStack() as made:
        where = {"region": ecr.region, "endpoint": f"http://{HOST}:{proxy.port}"}
        where["credentials"] = ecr.credentials[ecr.account]
        yield lambda **options: made.enter_context(client_class(**{**where, **options}))


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds that clients would have waited before they retried a call."""
    return []


@pytest.fixture
def policy(waits: list[float]) -> RetryPolicy:
    """Return the default policy, which does not wait but records how long it would have."""
    return RetryPolicy(sleep=waits.append, random=lambda: 1.0)
