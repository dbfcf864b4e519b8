"""Connections that keep to the time-outs of their call, and to the bounds of honest answers."""

from __future__ import annotations

import io
import socket
from http import HTTPStatus
from http.client import HTTPException, HTTPResponse, IncompleteRead, parse_headers
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import ClosedPoolError, ConnectTimeoutError, NewConnectionError
from urllib3.util.connection import allowed_gai_family

from ecr_client._runtime.deadline import current

if TYPE_CHECKING:
    from ecr_client._runtime.deadline import Limits

#: How many bytes are sent at once; each piece has the whole of ``read_timeout`` to get away.
PIECE = 256 * 1024
#: How many bytes of lines may follow one another: status and headers, or what ends a body. It is
#: 64 times what is usual, where http.client alone takes 6 MiB, and urllib3 any number of them.
MOST_LINES = 256 * 1024
#: More answers that say "wait for the answer" than any server sends.
MOST_INTERIM = 16


class BadFraming(HTTPException):
    """Lines without end, chunks of less than nothing, or no answer after all its announcements."""


class _TimedReader(io.RawIOBase):
    """Reads from a socket until a deadline, however slowly the bytes trickle in."""

    def __init__(self, sock: socket.socket, limits: Limits) -> None:
        self._sock = sock
        self._raw = sock.makefile("rb", buffering=0)
        self._limits = limits

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._limits.apply(self._sock)
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _BoundedReader(io.BufferedReader):
    """Reads no more lines, and no longer ones, than an honest answer has between its data."""

    _lines = 0

    def readline(self, size: int | None = -1, /) -> bytes:
        left = MOST_LINES - self._lines + 1
        line = super().readline(left if size is None or size < 0 else min(size, left))
        self._lines += len(line)
        if self._lines > MOST_LINES:
            raise BadFraming("too many lines")
        return line

    def read(self, size: int | None = -1, /) -> bytes:
        self._lines = 0
        return super().read(size)


class _Response(HTTPResponse):
    """Reads within the deadline of the call, if it has one, and notices headers that break off."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        limits = current.get()
        raw: Any
        if limits is None or limits.deadline is None:
            raw = self.fp.detach()
        else:
            self.fp.close()
            raw = _TimedReader(sock, limits)
        self.fp = _BoundedReader(raw)

    def _read_status(self) -> tuple[str, int, str]:
        """Pass over all interim answers, of which http.client knows only the first kind.

        Another one would be taken for the answer, and the real one for that to the next request.
        """
        for _ in range(MOST_INTERIM):
            version, status, reason = super()._read_status()  # type: ignore[misc]
            if not 100 <= status < 200 or status == HTTPStatus.SWITCHING_PROTOCOLS:
                return version, status, reason
            parse_headers(self.fp)
        raise BadFraming("too many interim answers")

    def _safe_read(self, amt: int) -> bytes:
        # What urllib3 takes for the length of a chunk; -1 would be all that there is.
        if amt < 0:
            raise BadFraming("negative chunk")
        return super()._safe_read(amt)  # type: ignore[misc,no-any-return]

    def begin(self) -> None:
        super().begin()
        if self.status == HTTPStatus.SWITCHING_PROTOCOLS:
            self.will_close = True  # What follows is no HTTP.
        # For http.client, the end of the connection is the end of the headers, too. The length of
        # the body is lost with the headers, and there is no body.
        if self.length is None and not self.chunked and not self.fp.peek(1):
            raise IncompleteRead(b"")


class _Timed(HTTPConnection):
    """Sends within the time-outs; those of urllib3 hold for the whole of a request.

    Headers go with the beginning of the body: in a packet of their own, they would cost a system
    call more.
    """

    response_class = _Response
    _connecting = False
    _ending_headers = False
    _headers = b""

    def connect(self) -> None:
        limits = current.get()
        if limits is not None:
            limits.sent = False
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def _new_conn(self) -> socket.socket:
        """Connect; urllib3 gives each address of the host, and TLS, the whole of the time-out."""
        limits = current.get()
        if limits is None or limits.deadline is None:
            return super()._new_conn()
        host, timeout, deadline = self._dns_host, self.timeout, limits.deadline
        addresses = _addresses(host, self.port)
        try:
            while True:
                self._dns_host, self.timeout = addresses.pop(0), deadline.at_most(timeout)
                try:
                    made = super()._new_conn()
                except (ConnectTimeoutError, NewConnectionError):
                    if not addresses or deadline.left() <= 0:
                        raise
                else:
                    made.settimeout(deadline.at_most(timeout))
                    return made
        finally:
            self._dns_host, self.timeout = host, timeout

    def endheaders(self, *args: Any, **kwargs: Any) -> None:
        self._ending_headers = True
        super().endheaders(*args, **kwargs)

    def getresponse(self) -> Any:
        if self._headers:
            self.send(b"")
        return super().getresponse()

    def send(self, data: Any) -> None:
        if self._connecting:
            super().send(data)  # to a proxy, within the time for connecting
            return
        if self._ending_headers:
            self._ending_headers, self._headers = False, data
            return
        if self._headers:
            headers, self._headers = self._headers, b""
            beginning = memoryview(data)[:PIECE]
            self._send(headers + beginning)
            data = memoryview(data)[PIECE:]
        if data:
            self._send(data)

    def _send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        limits, sock = current.get(), self.sock
        if limits is None or sock is None:
            super().send(data)
            return
        limits.sent = True
        rest = memoryview(data)
        while rest:
            limits.apply(sock)
            super().send(rest[:PIECE])
            rest = rest[PIECE:]


def _addresses(host: str, port: int) -> list[str]:
    """Return the addresses of a host; if there are not several, the host, which need no more."""
    try:
        found = socket.getaddrinfo(host, port, allowed_gai_family(), socket.SOCK_STREAM)
    except (OSError, UnicodeError):
        found = []  # Connecting says why.
    return [str(each[4][0]) for each in found] if len(found) > 1 else [host]


class _TimedHTTPSConnection(_Timed, HTTPSConnection):
    pass


# pyright does not take urllib3's own classes for the protocols that urllib3 declares either.
class TimedHTTPConnectionPool(HTTPConnectionPool):
    """Still gives connections after it was closed, which are then closed when they are returned."""

    ConnectionCls = _Timed  # pyright: ignore[reportAssignmentType]

    def _get_conn(self, timeout: float | None = None) -> Any:
        try:
            return super()._get_conn(timeout)
        except ClosedPoolError:  # by a call that failed, in the moment in which this one began
            return self._new_conn()


class TimedHTTPSConnectionPool(TimedHTTPConnectionPool, HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPSConnection  # pyright: ignore[reportAssignmentType]


POOLS = {"http": TimedHTTPConnectionPool, "https": TimedHTTPSConnectionPool}
