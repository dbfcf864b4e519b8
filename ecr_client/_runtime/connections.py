"""Connections that keep to the time-outs of their call, whatever they are doing."""

from __future__ import annotations

import io
from http.client import HTTPResponse, IncompleteRead
from typing import TYPE_CHECKING, Any

from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection

from ecr_client._runtime.deadline import current

if TYPE_CHECKING:
    import socket

    from ecr_client._runtime.deadline import Limits

#: How many bytes are sent at once; each piece has the whole of ``read_timeout`` to get away.
PIECE = 256 * 1024


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


class _Response(HTTPResponse):
    """Reads within the deadline of the call, if it has one, and notices headers that break off."""

    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        limits = current.get()
        if limits is not None and limits.deadline is not None:
            self.fp.close()
            self.fp = io.BufferedReader(_TimedReader(sock, limits))

    def begin(self) -> None:
        super().begin()
        # For http.client, the end of the connection is the end of the headers, too. The length of
        # the body is lost with the headers, and there is no body.
        if self.length is None and not self.chunked and not self.fp.peek(1):
            raise IncompleteRead(b"")


class _Timed(HTTPConnection):
    """Sends within the time-outs; those of urllib3 hold for the whole of a request."""

    response_class = _Response
    _connecting = False

    def connect(self) -> None:
        self._connecting = True
        try:
            super().connect()
        finally:
            self._connecting = False

    def send(self, data: Any) -> None:
        limits = current.get()
        # While it connects, be it through a proxy, the time-out is that for connecting.
        if limits is None or self.sock is None or self._connecting:
            super().send(data)
            return
        rest = memoryview(data)
        while rest:
            limits.apply(self.sock)
            super().send(rest[:PIECE])
            rest = rest[PIECE:]


class _TimedHTTPSConnection(_Timed, HTTPSConnection):
    pass


class TimedHTTPConnectionPool(HTTPConnectionPool):
    ConnectionCls = _Timed


class TimedHTTPSConnectionPool(HTTPSConnectionPool):
    ConnectionCls = _TimedHTTPSConnection


POOLS = {"http": TimedHTTPConnectionPool, "https": TimedHTTPSConnectionPool}
