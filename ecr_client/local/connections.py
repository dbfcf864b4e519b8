"""The open connections of a server, and their limits: time, bytes and file descriptors."""

from __future__ import annotations

import asyncio
import logging
import socket
import struct
import sys
from contextlib import suppress
from typing import TYPE_CHECKING, Any

import attrs
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Sequence

logger: logging.Logger = logging.getLogger("ecr_client.local")

_NO_LINGERING = struct.pack("hh" if sys.platform == "win32" else "ii", 1, 0)
#: How many connections are accepted before the open ones are served.
_AT_ONCE = 64
#: How many seconds a server that stops waits for its clients to close TLS connections.
_LAST_MOMENT = 0.1


def _most_connections() -> int:
    """Return how many connections leave enough file descriptors for blobs."""
    if sys.platform == "win32":
        return 200  # its `select` takes 512 sockets
    import resource

    soft, _ = resource.getrlimit(resource.RLIMIT_NOFILE)
    return 4_096 if soft == resource.RLIM_INFINITY else max(16, min(4_096, (soft - 128) // 2))


@attrs.frozen(kw_only=True)
class ConnectionLimits:
    """The limits of a connection, and the number of connections."""

    #: The size of request line and headers together.
    head_bytes: int = 1 << 16
    #: The time from the connection, or a later request's first byte, to the end of the headers.
    head_seconds: float = 20.0
    #: How long a body, or the reading of a response, may stall.
    pause_seconds: float = 120.0
    #: The number of requests that wait for the response to an earlier one.
    pipelined: int = 16
    connections: int = attrs.field(factory=_most_connections)
    #: How long to wait after a connection could not be accepted.
    retry_seconds: float = 0.5


class Connections:
    """Accepts connections, tracks them while they are open, and closes those beyond their limits.

    An ASGI application cannot do that by itself.

    Args:
        limits: The limits of a connection.
    """

    def __init__(self, limits: ConnectionLimits | None = None) -> None:
        self.limits: ConnectionLimits = limits or ConnectionLimits()
        self._open: dict[tuple[str, int], Connection] = {}
        self._listening: socket.socket | None = None
        self._protocol: Callable[[], asyncio.Protocol] | None = None
        self._tls: ssl.SSLContext | None = None
        self._waits_for_room = False
        self._beginning: set[asyncio.Task[None]] = set()
        self._logged_at: float | None = None

    def close(self, client: Sequence[Any], last_bytes: bytes = b"") -> None:
        """Close the connection of a client after writing some bytes.

        Args:
            client: The address of the client, as in the ASGI scope of its requests.
            last_bytes: The bytes to write first.
        """
        connection = self._open.get((client[0], client[1]))
        if connection is not None:
            connection.transport.write(last_bytes)
            connection.transport.close()

    def abort(self) -> None:
        """Close all connections at once; their requests see that the client has disconnected."""
        for connection in tuple(self._open.values()):
            connection.abort()

    def start(
        self,
        listening: socket.socket,
        protocol: Callable[[], asyncio.Protocol],
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """Accept connections until `stop`, up to the limit.

        asyncio's own loop would retry without end, with a traceback each time, when there are no
        file descriptors left.

        Args:
            listening: The listening socket.
            protocol: Returns the protocol of a new connection.
            tls: The TLS context; None for plain connections.
        """
        listening.setblocking(False)
        self._listening, self._protocol, self._tls = listening, protocol, tls
        self._watch()

    async def stop(self) -> None:
        """Accept no more connections, and close the socket."""
        if self._listening is None:
            return
        asyncio.get_running_loop().remove_reader(self._listening)
        self._listening.close()
        self._listening = None
        if self._beginning:
            _, late = await asyncio.wait(self._beginning, timeout=_LAST_MOMENT)
            for task in late:  # the client does not continue the TLS handshake
                task.cancel()
            if late:
                await asyncio.wait(late)

    def close_stalled(self) -> None:
        """Close the connections that have made no progress for too long."""
        now = asyncio.get_running_loop().time()
        for connection in tuple(self._open.values()):
            connection.check_progress(now)

    def add(self, address: tuple[str, int], connection: Connection) -> None:
        """Add an open connection."""
        self._open[address] = connection

    def remove(self, address: tuple[str, int]) -> None:
        """Remove a closed connection."""
        self._open.pop(address, None)
        if self._waits_for_room:
            self._watch()

    def _watch(self) -> None:
        self._waits_for_room = False
        if self._listening is not None:
            asyncio.get_running_loop().add_reader(self._listening, self._accept, self._listening)

    def _accept(self, listening: socket.socket) -> None:
        """Accept waiting connections, a limited number at once."""
        loop = asyncio.get_running_loop()
        for _ in range(_AT_ONCE):
            number = len(self._open) + len(self._beginning)
            if number >= self.limits.connections:
                self._log_once(f"{number} connections are open; further ones must wait")
                loop.remove_reader(listening)
                self._waits_for_room = True
                return
            try:
                accepted, _ = listening.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                self._log_once(f"cannot accept connections: {error.strerror}")
                loop.remove_reader(listening)
                loop.call_later(self.limits.retry_seconds, self._watch)
                return
            task = loop.create_task(self._begin(accepted))
            self._beginning.add(task)
            task.add_done_callback(self._beginning.discard)

    async def _begin(self, accepted: socket.socket) -> None:
        assert self._protocol is not None
        accepted.setblocking(False)
        try:
            loop = asyncio.get_running_loop()
            await loop.connect_accepted_socket(
                self._protocol,
                accepted,
                ssl=self._tls,
                ssl_handshake_timeout=None if self._tls is None else self.limits.head_seconds,
            )
        except OSError:  # the client has disconnected already
            accepted.close()

    def _log_once(self, message: str) -> None:
        """Log that no connection can be accepted, once a minute."""
        now = asyncio.get_running_loop().time()
        if self._logged_at is None or now - self._logged_at >= 60:
            self._logged_at = now
            logger.warning("%s", message)


class _RefusedError(Exception):
    """A request that the parser must stop at."""


class Connection(HttpToolsProtocol):
    """A connection of uvicorn that enforces the limits.

    Args:
        connections: The open connections.
        options: The arguments of uvicorn's protocol.
    """

    def __init__(self, connections: Connections, **options: Any) -> None:
        super().__init__(**options)
        self._connections = connections
        self._limits = connections.limits
        self._status = b"400 Bad Request"
        # The size of the current request's head, and of the bytes that completed nothing yet.
        self._head = 0
        self._unfinished = 0
        self._in_body = False
        self._head_since: float | None = None
        self._heard_at = 0.0
        self._unsent = 0
        self._sent_at = 0.0
        self._is_tls = False
        self._stopping = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        # asyncio only does so if the socket was created with the protocol's number. Otherwise the
        # body of a response waits for the client to acknowledge the headers: 40 ms a call.
        opened = transport.get_extra_info("socket")
        opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._address = transport.get_extra_info("peername")[:2]
        self._is_tls = transport.get_extra_info("sslcontext") is not None
        self._head_since = self._sent_at = self.loop.time()
        super().connection_made(transport)
        self._connections.add(self._address, self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._connections.remove(self._address)
        super().connection_lost(exc)

    def shutdown(self) -> None:
        super().shutdown()
        self._stopping = True
        self._abort_if_stopping()

    def on_response_complete(self) -> None:
        super().on_response_complete()
        self._abort_if_stopping()

    def data_received(self, data: bytes) -> None:
        self._heard_at = self.loop.time()
        if self._head_since is None and not self._in_body:
            self._head_since = self._heard_at
        self._unfinished += len(data)
        super().data_received(data)
        if self._unfinished > self._limits.head_bytes:
            self._refuse(b"431 Request Header Fields Too Large")

    def on_message_begin(self) -> None:
        self._head = 0
        if self._head_since is None:
            self._head_since = self._heard_at
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        self._count(len(name) + len(value) + 4)
        super().on_header(name, value)

    def on_headers_complete(self) -> None:
        if len(self.pipeline) >= self._limits.pipelined:
            self._status = b"429 Too Many Requests"
            raise _RefusedError
        self._head_since, self._in_body, self._unfinished = None, True, 0
        super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        self._unfinished = 0
        super().on_body(body)

    def on_message_complete(self) -> None:
        self._in_body, self._unfinished = False, 0
        super().on_message_complete()

    def send_400_response(self, msg: str) -> None:
        """Refuse the request that the parser stopped at."""
        self._refuse(self._status)

    def check_progress(self, now: float) -> None:
        """Close the connection if it has made no progress for too long.

        Args:
            now: The time of the event loop.
        """
        unsent = 0
        # Before Python 3.11, a TLS connection that was just lost has no size.
        with suppress(AttributeError):
            unsent = self.transport.get_write_buffer_size()
        if not unsent or unsent < self._unsent:
            self._sent_at = now
        self._unsent = unsent
        waits_for_server = self.flow.read_paused or (
            self.cycle is not None and self.cycle.waiting_for_100_continue
        )
        if waits_for_server:
            self._heard_at = now
            self._head_since = None if self._head_since is None else now
        limits = self._limits
        if now - self._sent_at > limits.pause_seconds:
            self.abort()
            return
        late = self._head_since is not None and now - self._head_since > limits.head_seconds
        if late or (self._in_body and now - self._heard_at > limits.pause_seconds):
            self._refuse(b"408 Request Timeout")

    def abort(self) -> None:
        """Close the connection at once, and drop unsent bytes."""
        opened = self.transport.get_extra_info("socket")
        with suppress(OSError):  # it is closed already
            # Otherwise the system keeps bytes that the client does not read.
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _NO_LINGERING)
        self.transport.abort()

    def _abort_if_stopping(self) -> None:
        # A closed TLS connection waits for the client to close it, too, and a client's connection
        # pool does so only when it looks at the connection again.
        if self._is_tls and self._stopping and self.transport.is_closing():
            self.loop.call_later(_LAST_MOMENT, self.transport.abort)

    def _count(self, size: int) -> None:
        self._head += size
        if self._head > self._limits.head_bytes:
            self._status = b"431 Request Header Fields Too Large"
            raise _RefusedError

    def _refuse(self, status: bytes) -> None:
        """Respond with a status, unless another response has begun, and close the connection."""
        if self.transport.is_closing():
            return
        if self.cycle is not None and not self.cycle.response_complete:
            self.abort()
            return
        self.transport.write(
            b"HTTP/1.1 %s\r\ncontent-type: text/plain; charset=utf-8\r\n"
            b"content-length: %d\r\nconnection: close\r\n\r\n%s" % (status, len(status), status)
        )
        self.transport.close()
        if self._is_tls:  # which waits for the client
            self.loop.call_later(self._limits.head_seconds, self.transport.abort)
