"""Peers that are too slow: each timeout ends what it promises to end."""

from __future__ import annotations

import itertools
import sys
from typing import Any

import pytest

from ecr_client import ECRClient, RetryPolicy
from ecr_client.exceptions import ReadTimeoutException, TotalTimeoutException

#: What results of DescribeRepositories and UploadLayerPart need.
RESPONSE = b'{"repositoryName": "app", "uploadId": "0", "lastByteReceived": 0}'
TOTAL = 0.3
#: More than any buffer on the way holds.
PART = bytes(15_000_000)
OK = b"HTTP/1.1 200 OK\r\n"
LONG = b"Content-Length: 1000000000\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
CLOSE = b"Connection: close\r\n"


def silence(visit: Any) -> None:
    visit.over.wait()


def reads_slowly(visit: Any) -> None:
    while not visit.over.wait(0.02) and visit.socket.recv(1000):
        pass


#: What is sent at once, and what is sent after it, a few times or again and again.
PLACES = {
    "nothing": (b"", b""),
    "in the status": (b"HTTP/1.1 ", b"1"),
    "after an interim response": (b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "in a header": (OK + b"X-Long: ", b"a"),
    "in the headers": (OK, b"X-A: b\r\n"),
    "in the body": (OK + LONG + b"\r\n", b"{"),
    "in the last body": (OK + LONG + CLOSE + b"\r\n", b"{"),
    "in the chunks": (OK + CHUNKED + b"\r\n", b"1\r\n{\r\n"),
    "in the length of a chunk": (OK + CHUNKED + b"\r\n", b"0"),
    "before it closes": (OK + b"\r\n", b"{"),
}
#: Where a peer may go on and on; elsewhere, it must stop, or it runs into a limit of HTTP.
DRIPS = ("nothing", "in the body", "in the last body", "in the chunks", "before it closes")


def upload(client: ECRClient) -> Any:
    return client.upload_layer_part(
        repository_name="app",
        upload_id="0",
        part_first_byte=0,
        part_last_byte=len(PART) - 1,
        layer_part_blob=PART,
    )


@pytest.mark.parametrize(
    ("scheme", "place"), [*(("http", place) for place in PLACES), ("https", "in the body")]
)
@pytest.mark.parametrize(
    ("limit", "expected"),
    [("read_timeout", ReadTimeoutException), ("total_timeout", TotalTimeoutException)],
)
def test_responses(
    peer: Any, visitor: Any, in_time: Any, scheme: str, place: str, limit: str, expected: Any
) -> None:
    """Wherever a peer stops, the call ends; a deadline ends it even if a body keeps dripping."""
    before, piece = PLACES[place]

    def serve(visit: Any) -> None:
        visit.request()
        visit.send(before)
        for _ in itertools.repeat(0) if limit == "total_timeout" and place in DRIPS else range(3):
            if visit.over.wait(0.02):
                return
            visit.send(piece)
        visit.over.wait()

    server = peer(serve, tls=scheme == "https")
    client = visitor(server, scheme, retry=RetryPolicy(max_attempts=1), **{limit: TOTAL})
    is_unlimited = sys.version_info < (3, 11) and not isinstance(client, ECRClient)
    if is_unlimited and (place, limit) == ("after an interim response", "read_timeout"):
        pytest.skip("aiohttp has no limit there, and before Python 3.11 there is no other")
    found = in_time(client.describe_repositories)

    assert type(found) is expected
    assert server.connections <= 1  # none if the time was over before


@pytest.mark.parametrize("scheme", ["http", "https"])
@pytest.mark.parametrize("handle", [silence, reads_slowly], ids=lambda each: each.__name__)
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
def test_requests(
    peer: Any, visitor: Any, in_time: Any, scheme: str, handle: Any, kept: bool
) -> None:
    """A call ends by its deadline if the peer reads a large request slowly, or not at all."""

    def serve(visit: Any) -> None:
        if kept:
            visit.request()
            visit.respond(RESPONSE)
        handle(visit)

    server = peer(serve, tls=scheme == "https")
    client = visitor(server, scheme)
    if kept:
        client.describe_repositories()
    found = in_time(lambda: upload(client.with_options(timeout=TOTAL)))

    assert type(found) is TotalTimeoutException
    assert server.connections <= 1  # none if the time was over before


def test_connecting(proxy: Any, connect: Any, in_time: Any) -> None:
    """A call ends by its deadline if no connection can be made."""
    proxy.blackhole()
    found = in_time(connect().with_options(timeout=TOTAL).describe_repositories)

    assert type(found) is TotalTimeoutException


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x03\x3f\xff"], ids=["silent", "dripping"])
def test_the_handshake(peer: Any, visitor: Any, in_time: Any, first: bytes) -> None:
    """A call ends by its deadline if the TLS handshake never ends, and was not sent."""
    server = peer(lambda visit: visit.drip(first[-1:], before=first))
    found = in_time(visitor(server, "https", total_timeout=TOTAL).describe_repositories)

    assert type(found) is TotalTimeoutException
    assert not found.request_sent


def test_deadlines_are_for_their_calls(peer: Any, visitor: Any) -> None:
    """The deadline of a call does not apply to the next one on its connection."""

    def serve(visit: Any) -> None:
        for pause in (0, 0, 1.5):
            visit.over.wait(pause)
            visit.request()
            visit.respond(RESPONSE)

    server = peer(serve, tls=True)
    client = visitor(server, "https")
    client.describe_repositories()
    client.with_options(timeout=0.75).describe_repositories()
    result = upload(client)

    assert (result.response_metadata.retry_attempts, server.connections) == (0, 1)


def test_read_timeout_is_for_each_wait(peer: Any, visitor: Any) -> None:
    """A response may take longer than `read_timeout`, as long as bytes keep coming."""

    def serve(visit: Any) -> None:
        visit.request()
        response = OK + b"Content-Length: 2\r\n\r\n{}"
        for piece in (response[:5], response[5:25], response[25:-1], response[-1:]):
            visit.over.wait(0.4)
            visit.socket.sendall(piece)

    server = peer(serve, tls=True)
    result = visitor(server, "https", read_timeout=1).describe_repositories()

    assert (result.response_metadata.retry_attempts, server.connections) == (0, 1)


def test_connect_timeout_is_for_sending(peer: Any, visitor: Any, in_time: Any) -> None:
    """A peer that stops reading a request is given up after `connect_timeout`."""
    server = peer(silence, tls=True)
    client = visitor(server, "https", connect_timeout=1, retry=RetryPolicy(max_attempts=1))
    found = in_time(lambda: upload(client))

    assert type(found) is ReadTimeoutException
    assert "did not accept the request within 1 s (connect_timeout)" in str(found)
    assert found.request_sent
