"""What a deadline limits: sending, waiting for the head of a response, each read of a body."""

from __future__ import annotations

import time
from typing import Any

import attrs
import pytest

from ecr_client.exceptions import ReadTimeoutException, TotalTimeoutException
from ecr_client.transport import Deadline

PATIENCE = 20
OK = b"HTTP/1.1 200 OK\r\n"
FORMS = {
    "length": OK + b"Content-Length: 9\r\n\r\nabc",
    "last": OK + b"Content-Length: 9\r\nConnection: close\r\n\r\nabc",
    "chunks": OK + b"Transfer-Encoding: chunked\r\n\r\n9\r\nabc",
    "end": OK + b"\r\nabc",
}


@pytest.fixture(params=[*FORMS, "length, TLS"])
def stopping(request: pytest.FixtureRequest, peer: Any) -> Any:
    """Return a server that stops in the middle of a body, delimited in each way."""
    form, _, tls = request.param.partition(", ")

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(FORMS[form])
        visit.wait_for_the_end()

    return peer(handle, tls=bool(tls))


def test_nothing_is_sent(peer: Any, connect: Any, clock: Any) -> None:
    """When no time is left, nothing is sent."""
    server, deadline = peer(), Deadline(5, clock)
    clock.now += 5
    with pytest.raises(TotalTimeoutException, match=r"within 5 s \(total_timeout\)") as caught:
        connect().get(server.url, deadline=deadline)

    assert not caught.value.request_sent
    assert server.visits == []


def test_silence_in_a_body(stopping: Any, connect: Any, clock: Any) -> None:
    """A read waits no longer than there is time left, and after that nothing is read."""
    deadline = Deadline(60, clock)
    with connect().get(stopping.url, deadline=deadline) as response:
        assert response._stream.read1(1, deadline) == b"a"
        assert response._stream.read1(2, deadline) == b"bc"
        clock.now += 59.9
        begun = time.monotonic()
        # The clock of the deadline stands still, so that it never passes.
        with pytest.raises(ReadTimeoutException):
            response._stream.read1(3, deadline)
        assert time.monotonic() - begun < PATIENCE
    assert stopping.visits[0].ended.wait(PATIENCE)

    deadline = Deadline(60, clock)
    with connect().get(stopping.url, deadline=deadline) as response:
        assert response._stream.read1(1, deadline) == b"a"
        clock.now += 60
        with pytest.raises(TotalTimeoutException) as caught:
            response._stream.read1(1, deadline)
    assert caught.value.request_sent
    assert stopping.visits[1].ended.wait(PATIENCE)


def test_streams_have_no_deadline(peer: Any, connect: Any, clock: Any, tls: bool) -> None:
    """The deadline of a request applies to the head of its response; a stream may take longer."""
    server = peer(lambda visit: (visit.request(), visit.respond(b"abcdef")), tls=tls)
    deadline = Deadline(9, clock)
    with connect().get(server.url, deadline=deadline) as response:
        clock.now += 1000

        assert b"".join(iter(lambda: response.read1(2), b"")) == b"abcdef"


def test_read_timeout_of_streams(stopping: Any, connect: Any) -> None:
    """A stream waits for `read_timeout`, whatever the deadline of its request was."""
    transport = connect()
    with transport.get(stopping.url, deadline=Deadline(PATIENCE)) as response:
        assert response.read1() == b"abc"
        # Only now, because the handshake and the first bytes may take longer.
        transport.config = attrs.evolve(transport.config, read_timeout=0.2)
        with pytest.raises(ReadTimeoutException, match=r"within 0.2 s \(read_timeout\)"):
            response.read1()
