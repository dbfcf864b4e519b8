"""What the tests of the proxy share: a plain connection to it."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pytest

#: The server refuses it for want of a signature, but remembers it; it has its length in bytes.
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: ecr\r\nContent-Length: 2\r\n"
    b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRegistry\r\n\r\n{}"
)
#: How many seconds a silence is watched.
SILENCE = 0.05


class Ending(NamedTuple):
    """How a connection is told to end, and how a client sees it."""

    then: str
    seen: str


class Speaker:
    """A plain connection to the proxy, which says how it ended."""

    def __init__(self, port: int) -> None:
        self.socket = socket.socket()
        self.socket.settimeout(30)
        self._reset = False
        try:
            self.socket.connect(("127.0.0.1", port))
        except ConnectionResetError:
            # So soon that connecting itself fails, although the proxy has accepted.
            self._reset = True
        except OSError:
            self.socket.close()
            raise

    def send(self, data: bytes = REQUEST) -> Speaker:
        self.socket.sendall(data)
        return self

    def rest(self) -> tuple[bytes, str]:
        """Read to the end, and give what came and what kind of end it was: ``FIN`` or ``RST``."""
        data = b""
        if self._reset:
            return data, "RST"
        try:
            while received := self.socket.recv(65536):
                data += received
        except ConnectionResetError:
            return data, "RST"
        return data, "FIN"

    def silent(self) -> bool:
        """Return whether the connection is open, and nothing comes."""
        self.socket.settimeout(SILENCE)
        try:
            self.socket.recv(1)
        except TimeoutError:
            return True
        finally:
            self.socket.settimeout(30)
        return False

    def answer(self) -> bytes:
        """Read one response, which has a Content-Length."""
        with self.socket.makefile("rb") as stream:
            lines = []
            while (line := stream.readline()).strip():
                lines.append(line)
            (length,) = (
                int(each[15:]) for each in lines if each.lower()[:15] == b"content-length:"
            )
            return b"".join([*lines, line, stream.read(length)])


@pytest.fixture
def speak(proxy: Any) -> Iterator[Callable[[], Speaker]]:
    """Return a function that connects to the proxy."""
    speakers: list[Speaker] = []

    def connected() -> Speaker:
        speakers.append(Speaker(proxy.port))
        return speakers[-1]

    yield connected
    for each in speakers:
        each.socket.close()


@pytest.fixture(params=[("reset", "RST"), ("close", "FIN")], ids=["reset", "close"])
def ending(request: pytest.FixtureRequest) -> Ending:
    """Return the two ways to end a connection, and how each looks from the other side."""
    return Ending(*request.param)


@pytest.fixture
def sent() -> bytes:
    """Return the request that a speaker sends."""
    return REQUEST
