"""The proxy breaks connections where a fault says, and otherwise passes on what comes.

The tests of clients show what a fault is to a client; these show what it is on the wire.
"""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterator
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR

#: The server refuses it for want of a signature, but records it; it has its length in bytes.
REQUEST = (
    b"POST / HTTP/1.1\r\nHost: ecr\r\nContent-Length: 2\r\n"
    b"X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.DescribeRegistry\r\n\r\n{}"
)
#: How many seconds a silence is watched.
SILENCE = 0.05


class Speaker:
    """A plain connection to the proxy, which reports how it ended."""

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
        """Read to the end; return what came, and ``FIN`` or ``RST``."""
        data = b""
        try:
            while not self._reset and (received := self.socket.recv(65536)):
                data += received
        except ConnectionResetError:
            self._reset = True
        return data, "RST" if self._reset else "FIN"

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

    def response(self) -> bytes:
        """Read one response, which has a Content-Length."""
        with self.socket.makefile("rb") as stream:
            lines = [*iter(stream.readline, b"\r\n"), b"\r\n"]
            (length,) = (
                int(each[15:]) for each in lines if each.lower()[:15] == b"content-length:"
            )
            return b"".join([*lines, stream.read(length)])


@pytest.fixture
def speak(proxy: Any) -> Iterator[Callable[[], Speaker]]:
    """Yield a function that connects to the proxy."""
    speakers: list[Speaker] = []

    def connected() -> Speaker:
        speakers.append(Speaker(proxy.port))
        return speakers[-1]

    yield connected
    for each in speakers:
        each.socket.close()


@pytest.mark.parametrize(("then", "seen"), [("reset", "RST"), ("close", "FIN"), ("hang", "")])
@pytest.mark.parametrize(
    ("at", "after", "part", "read", "worked"),
    [
        ("accept", 0, slice(0), 0, 0),
        ("request", 1, slice(0), 0, 0),
        ("request", 30, slice(0), 0, 0),
        ("received", 0, slice(0), 1, 0),
        ("answer", 0, slice(0), 1, 1),
        ("answer", 40, slice(40), 1, 1),
        ("answer", -1, slice(-1), 1, 1),
        ("done", 0, slice(None), 1, 1),
    ],
)
def test_endings(
    proxy: Any, ecr: LocalECR, fault: Any, speak: Any,
    at: str, after: int, part: slice, read: int, worked: int, then: str, seen: str,
) -> None:  # fmt: skip
    """A connection ends, or hangs, at the place of the fault, and the work is done or not."""
    whole = speak().send().response()
    ecr.requests.clear()
    proxy.add(fault(at, then, after=after))
    speaker = speak()
    sent = REQUEST[:after] if at == "request" else REQUEST if at != "accept" else b""
    if sent:
        # Nothing happens before the last byte has come.
        assert speaker.send(sent[:-1]).silent()
        speaker.send(sent[-1:])
    if then == "hang":
        proxy.wait_for(lambda: len(proxy.answers) == 1 + worked and not proxy.faults)
        received = speaker.socket.recv(len(whole[part]), socket.MSG_WAITALL) if whole[part] else b""
        assert speaker.silent()
        proxy.stop()
    else:
        received, end = speaker.rest()
        assert end == seen

    assert len(received) == len(whole[part])
    assert (len(proxy.requests) - 1, len(ecr.requests)) == (read, worked)
    assert proxy.attempts == 2


@pytest.mark.parametrize("at", ["accept", "request"])
def test_connections_that_end_when_they_are_used_again(
    proxy: Any, fault: Any, speak: Any, at: str
) -> None:
    """An idle connection ends with the first byte of the next request."""
    speaker = speak()
    speaker.send().response()
    proxy.add(fault(at, "reset"))

    assert speaker.silent()
    assert speaker.send(REQUEST[:1]).rest() == (b"", "RST")
    assert (proxy.connections, proxy.attempts) == (1, 2)


def test_bytes_pass_unchanged(proxy: Any, ecr: LocalECR, speak: Any) -> None:
    """Without a fault, a connection carries one request after the other, and all are counted."""
    speaker = speak()
    responses = [speaker.send().response() for _ in range(2)]
    last, end = speak().send(REQUEST.replace(b"Host", b"Connection: close\r\nHost")).rest()

    assert [*responses, last] == proxy.answers
    assert end == "FIN"
    assert (proxy.connections, proxy.attempts) == (2, 3)
    assert proxy.requests[:2] == [REQUEST] * 2
    assert ecr.requests.operations() == ["DescribeRegistry"] * 3


def test_much_arrives_before_a_reset(proxy: Any, fault: Any, speak: Any) -> None:
    """All that is sent before a connection ends arrives, even if it takes long to be read."""
    proxy.add(fault("received", "reset", instead=bytes(10_000_000)))
    received, end = speak().send().rest()

    assert (len(received), end) == (10_000_000, "RST")


def test_slow_responses(proxy: Any, fault: Any, speak: Any) -> None:
    """A response comes in pieces, with or without its head, and nobody waits for the next one."""
    proxy.add(fault("done", "keep", piece=3, delay=1000))
    proxy.add(fault("done", "keep", piece=1, delay=1000, whole_head=True))
    pieces = speak().send()
    first = pieces.socket.recv(100)
    body = speak().send()
    with body.socket.makefile("rb") as stream:
        for _ in iter(stream.readline, b"\r\n"):
            pass
        beginning = stream.read(1)

    assert (first, beginning) == (b"HTT", b"{")
    assert pieces.silent()
    assert body.silent()


@pytest.mark.parametrize(("at", "done"), [("received", 0), ("answer", 1)])
def test_canned_responses(proxy: Any, ecr: LocalECR, fault: Any, at: str, done: int) -> None:
    """A response that is made up comes before or after the work, and the connection is kept."""
    page, url = b"<html>Bad Gateway</html>", f"http://127.0.0.1:{proxy.port}/"
    proxy.add(fault.answer(502, {"Content-Type": "text/html"}, page, at=at))
    proxy.add(fault.answer(429, {"Retry-After": "7"}, at=at))
    with requests.Session() as session:
        responses = [session.post(url, data=b"{}", timeout=30) for _ in range(3)]
        session.head(f"{url}v2/", timeout=30)

    assert [each.status_code for each in responses[:2]] == [502, 429]
    assert (responses[0].content, responses[0].headers["Content-Type"]) == (page, "text/html")
    assert (responses[1].content, responses[1].headers["Retry-After"]) == (b"", "7")
    assert len(ecr.requests) == 2 * done + 2
    assert (proxy.connections, proxy.attempts) == (1, 4)


def test_nobody_gets_through(proxy: Any, speak: Any) -> None:
    """In a black hole no connection is made, and none is refused, until the proxy is back."""
    proxy.blackhole()
    for _ in range(3):
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", proxy.port), timeout=SILENCE)
    proxy.restart()

    assert speak().send().response()


def test_stop_and_restart(proxy: Any, fault: Any, speak: Any) -> None:
    """A stop ends all connections and refuses new ones; after a restart the port is the same."""
    proxy.add(fault("received", "hang"))
    hanging, idle, port = speak().send(), speak(), proxy.port
    proxy.wait_for(lambda: proxy.requests)
    proxy.stop()
    with pytest.raises(ConnectionRefusedError):
        speak()
    proxy.restart()

    assert [each.rest()[0] for each in (hanging, idle)] == [b"", b""]
    assert (proxy.port, proxy.open) == (port, 0)
    assert speak().send().response()


def test_idle_connections_close(proxy: Any, fault: Any, speak: Any) -> None:
    """On command, the connections that wait for a request are closed at once, and no others."""
    proxy.add(fault("received", "hang"))
    hanging = speak().send()
    proxy.wait_for(lambda: proxy.requests)
    idle = [speak() for _ in range(3)]
    for each in idle:
        each.send().response()

    assert proxy.close_idle() == 3
    assert [each.rest() for each in idle] == [(b"", "FIN")] * 3
    assert hanging.silent()
    assert (proxy.close_idle(), proxy.open) == (0, 1)


def test_waiting_in_vain(proxy: Any) -> None:
    """Waiting for what does not happen fails, and does not go on for ever."""
    with pytest.raises(AssertionError):
        proxy.wait_for(lambda: proxy.requests, timeout=0.001)
