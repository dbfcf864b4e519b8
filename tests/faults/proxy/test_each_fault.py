"""Each fault of the proxy is what it says, as a plain socket sees it."""

from __future__ import annotations

import socket
import time
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR

SILENCE = 0.05
GARBAGE = b"\x00\xff<garbage>"


# --- ends -----------------------------------------------------------------------------------------


def test_on_accept(proxy: Any, fault: Any, speak: Any, ending: Any) -> None:
    """A connection ends when it was accepted, before anything was sent."""
    proxy.add(fault("accept", ending.then))

    assert speak().rest() == (b"", ending.seen)
    assert (proxy.connections, proxy.attempts, proxy.requests) == (1, 1, [])
    assert speak().send().answer()


@pytest.mark.parametrize("at", ["accept", "request"])
def test_when_a_request_begins(
    proxy: Any, sent: bytes, fault: Any, speak: Any, ending: Any, at: str
) -> None:
    """A connection that was kept open ends when the next request begins, before it is read."""
    speaker = speak()
    speaker.send().answer()
    proxy.add(fault(at, ending.then))

    assert speaker.silent()
    assert speaker.send(sent[:1]).rest() == (b"", ending.seen)
    assert (proxy.connections, proxy.attempts, proxy.requests) == (1, 2, [sent])


@pytest.mark.parametrize("after", [1, 30, 100])
def test_in_a_request(
    proxy: Any, sent: bytes, ecr: LocalECR, fault: Any, speak: Any, ending: Any, after: int
) -> None:
    """A connection ends after so many bytes of a request and not before; the work is not done."""
    proxy.add(fault("request", ending.then, after=after))
    speaker = speak()
    if after > 1:
        assert speaker.send(sent[: after - 1]).silent()

    assert speaker.send(sent[after - 1 : after]).rest() == (b"", ending.seen)
    assert (proxy.attempts, proxy.requests, len(ecr.requests)) == (1, [], 0)


def test_in_a_request_that_goes_on(proxy: Any, fault: Any, speak: Any, ending: Any) -> None:
    """What was sent beyond the place does not change how the connection ends."""
    proxy.add(fault("request", ending.then, after=10))

    assert speak().send().rest() == (b"", ending.seen)


def test_after_a_request(
    proxy: Any, sent: bytes, ecr: LocalECR, fault: Any, speak: Any, ending: Any
) -> None:
    """A connection ends after the last byte of a request, and the work is not done."""
    proxy.add(fault("received", ending.then))
    speaker = speak().send(sent[:-1])

    assert speaker.silent()
    assert speaker.send(sent[-1:]).rest() == (b"", ending.seen)
    assert (proxy.requests, len(ecr.requests)) == ([sent], 0)


@pytest.mark.parametrize("after", [0, 1, 40, -1])
def test_in_an_answer(
    proxy: Any, ecr: LocalECR, fault: Any, speak: Any, ending: Any, after: int
) -> None:
    """A connection ends after so many bytes of the response, and the work is done."""
    whole = speak().send().answer()
    ecr.requests.clear()
    proxy.add(fault("answer", ending.then, after=after))
    received, end = speak().send().rest()

    assert (len(received), end) == (len(whole[:after]), ending.seen)
    assert received[:9] == b"HTTP/1.1 "[: len(received)]
    assert [request.status for request in ecr.requests] == [400]


def test_after_an_answer(proxy: Any, fault: Any, speak: Any, ending: Any) -> None:
    """A connection ends after the whole response."""
    length = len(speak().send().answer())
    proxy.add(fault("done", ending.then))
    received, end = speak().send().rest()

    assert (len(received), end) == (length, ending.seen)


def test_much_arrives_before_a_reset(proxy: Any, fault: Any, speak: Any, ending: Any) -> None:
    """All that is sent before a connection ends arrives, even if it takes long to be read."""
    proxy.add(fault("received", ending.then, instead=bytes(10_000_000)))
    received, end = speak().send().rest()

    assert (len(received), end) == (10_000_000, ending.seen)


def test_the_end_comes_with_the_last_byte(proxy: Any, fault: Any, speak: Any) -> None:
    """Who has read a last response need not wait to see that the connection was closed."""
    proxy.add(fault("done", "close"))
    speaker = speak().send()
    speaker.answer()
    speaker.socket.setblocking(False)

    assert speaker.socket.recv(1) == b""


# --- silence --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("at", "read", "done"),
    [("accept", 0, 0), ("request", 0, 0), ("received", 1, 0), ("answer", 1, 1), ("done", 1, 1)],
)
def test_a_connection_hangs(
    proxy: Any, ecr: LocalECR, fault: Any, speak: Any, at: str, read: int, done: int
) -> None:
    """A connection stays open in silence, with the work done or not, until the proxy closes."""
    proxy.add(fault(at, "hang"))
    speaker = speak().send()
    proxy.wait_for(lambda: proxy.attempts == 1 and len(proxy.answers) == done)
    if at == "done":
        speaker.answer()

    assert speaker.silent()
    assert (len(proxy.requests), len(ecr.requests), proxy.open) == (read, done, 1)
    proxy.stop()
    assert (proxy.open, speaker.rest()[0]) == (0, b"")


def test_an_answer_hangs(proxy: Any, fault: Any, speak: Any) -> None:
    """A response stops in its middle, and nothing more comes."""
    proxy.add(fault("answer", "hang", after=5))
    speaker = speak().send()

    assert speaker.socket.recv(5, socket.MSG_WAITALL) == b"HTTP/"
    assert speaker.silent()


def test_nobody_gets_through(proxy: Any, speak: Any) -> None:
    """In a black hole no connection is made, and none is refused, until the proxy is back."""
    address = ("127.0.0.1", proxy.port)
    with requests.Session() as session:
        session.post("http://{}:{}/".format(*address), timeout=30)
        proxy.blackhole()

        with pytest.raises(requests.ConnectTimeout):
            session.post("http://{}:{}/".format(*address), timeout=(SILENCE, 30))
        for _ in range(3):
            with pytest.raises(TimeoutError):
                socket.create_connection(address, timeout=SILENCE)
    proxy.restart()
    assert speak().send().answer()
    assert (proxy.connections, proxy.attempts) == (2, 2)


# --- responses ------------------------------------------------------------------------------------


def test_an_answer_drips(proxy: Any, fault: Any, speak: Any) -> None:
    """A response comes whole, in pieces with time between them, on a connection that is kept."""
    speaker = speak()
    length = len(speaker.send().answer())
    proxy.add(fault("done", "keep", piece=50, delay=0.01))
    started = time.monotonic()
    dripped = speaker.send().answer()
    took = time.monotonic() - started

    assert len(dripped) == length
    assert took >= (length - 1) // 50 * 0.01
    assert len(speaker.send().answer()) == length


def test_the_body_of_a_response_drips(proxy: Any, fault: Any, speak: Any) -> None:
    """A response may come with its whole head at once, and only its body in pieces."""
    proxy.add(fault("done", "keep", piece=1, delay=1000, whole_head=True))
    speaker = speak().send()
    with speaker.socket.makefile("rb") as stream:
        for _ in iter(stream.readline, b"\r\n"):
            pass
        beginning = stream.read(1)

    assert beginning == b"{"
    assert speaker.silent()


def test_the_first_piece_comes_at_once(proxy: Any, fault: Any, speak: Any) -> None:
    """Of a response in pieces each comes alone, and a proxy that closes does not wait for more."""
    proxy.add(fault("done", "keep", piece=3, delay=1000))
    speaker = speak().send()

    assert speaker.socket.recv(100) == b"HTT"
    assert speaker.silent()


@pytest.mark.parametrize(("at", "after", "done"), [("received", 0, 0), ("answer", 9, 1)])
def test_garbage(
    proxy: Any, ecr: LocalECR, fault: Any, speak: Any, at: str, after: int, done: int
) -> None:
    """Bytes that mean nothing come in the place of a response, or of its rest."""
    proxy.add(fault(at, "close", after=after, instead=GARBAGE))

    assert speak().send().rest() == (b"HTTP/1.1 "[:after] + GARBAGE, "FIN")
    assert len(ecr.requests) == done


@pytest.mark.parametrize(("at", "done"), [("received", 0), ("answer", 1)])
def test_canned_answers(proxy: Any, ecr: LocalECR, fault: Any, at: str, done: int) -> None:
    """A response that is made up comes before or after the work, and the connection is kept."""
    page, url = b"<html>Bad Gateway</html>", f"http://127.0.0.1:{proxy.port}/"
    proxy.add(fault.answer(502, {"Content-Type": "text/html"}, page, at=at))
    proxy.add(fault.answer(429, {"Retry-After": "7"}, at=at))
    with requests.Session() as session:
        answers = [session.post(url, data=b"{}", timeout=30) for _ in range(3)]

    assert [answer.status_code for answer in answers[:2]] == [502, 429]
    assert (answers[0].content, answers[0].headers["Content-Type"]) == (page, "text/html")
    assert (answers[1].content, answers[1].headers["Retry-After"]) == (b"", "7")
    assert len(ecr.requests) == 2 * done + 1
    assert (proxy.connections, proxy.attempts) == (1, 3)


def test_an_answer_before_the_end_of_a_request(
    proxy: Any, sent: bytes, fault: Any, speak: Any
) -> None:
    """A server may refuse what it has not read, and close the connection."""
    proxy.add(fault.answer(413, at="request", then="close"))
    answer, end = speak().send(sent[:20]).rest()

    assert (answer[:13], end) == (b"HTTP/1.1 413 ", "FIN")
