"""`RequestsTransport` by itself: any method, any URL, and a body that can be streamed."""

from __future__ import annotations

import gzip
import threading
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client.exceptions import ConnectionClosedException, ResponseParseException
from ecr_client.transport import Deadline, HTTPRequest


@pytest.mark.parametrize("method", ["GET", "POST", "PROPFIND"])
def test_methods(peer: Any, connect: Any, tls: bool, method: str) -> None:
    """A request arrives with its method, target, headers and body."""
    server, transport = peer(tls=tls), connect()
    headers = {"X-One": "1", "User-Agent": "test"}
    url = f"{server.url}a/b%20c?d=e%2Ff&g"
    request = HTTPRequest(method, url, headers, b"body", "Test")
    with transport.send(request, Deadline(None)) as response:
        assert response.status == 200
    (received,) = server.requests

    assert (received.method, received.path) == (method, "/a/b%20c?d=e%2Ff&g")
    assert received.body == b"body"
    assert received.headers == {
        "host": f"127.0.0.1:{server.port}",
        "accept-encoding": "identity",
        "x-one": "1",
        "user-agent": "test",
        "content-length": "4",
    }


def test_requests_without_a_body(peer: Any, connect: Any) -> None:
    """A GET without a body has no header about one, and a POST has a Content-Length of 0.

    Sending does not change the headers of a request, so that it can be sent again.
    """
    server, transport, headers = peer(), connect(), {"X-One": "1"}
    for method in ("GET", "POST"):
        request = HTTPRequest(method, server.url, headers, b"", "Test")
        for _ in range(2):
            transport.send(request, Deadline(None)).read(100, Deadline(None))
    get, again, post, last = server.requests

    assert headers == {"X-One": "1"}
    assert (get, post) == (again, last)
    assert not {"content-length", "transfer-encoding"} & set(get.headers)
    assert post.headers["content-length"] == "0"


@pytest.mark.parametrize("status", [200, 206, 404, 503, 999])
def test_statuses(peer: Any, connect: Any, status: int) -> None:
    """Every status is a response, and none is an error."""
    server = peer(lambda visit: (visit.request(), visit.respond(b"x", status=b"%d Any" % status)))
    response = connect().read(server.url)

    assert (response.status, response.body) == (status, b"x")


@pytest.mark.parametrize(
    ("method", "status", "line"),
    [
        ("GET", b"204 No Content", b"X: x"),
        ("GET", b"304 Not Modified", b"X: x"),
        ("HEAD", b"200 OK", b"Content-Length: 9"),
        ("HEAD", b"200 OK", b"Transfer-Encoding: chunked"),
    ],
)
def test_responses_without_a_body(
    peer: Any, connect: Any, method: str, status: bytes, line: bytes
) -> None:
    """A response that cannot have a body ends with its headers; its connection is kept."""

    def handle(visit: Any) -> None:
        while True:
            visit.request()
            visit.send(b"HTTP/1.1 " + status + b"\r\n" + line + b"\r\n\r\n")

    server, transport = peer(handle), connect()
    for _ in range(2):
        assert transport.read(server.url, method).body == b""

    assert len(server.visits) == 1


def test_headers(peer: Any, connect: Any) -> None:
    """The names of headers are case-insensitive."""
    lines = b"X-AMZN-RequestID: id-1", b"etag: e", b"X-Two: 1", b"x-two: 2"
    server = peer(lambda visit: (visit.request(), visit.respond(b"", *lines)))
    response = connect().read(server.url)

    assert [response.headers[name] for name in ("x-amzn-requestid", "ETag")] == ["id-1", "e"]
    assert response.headers["X-TWO"] == "1, 2"
    assert "x-three" not in response.headers


@pytest.mark.parametrize(("method", "status"), [("GET", 302), ("GET", 308), ("POST", 307)])
def test_redirects(peer: Any, connect: Any, method: str, status: int) -> None:
    """A redirect is a response like any other, and nothing is sent to where it leads."""
    server = peer()
    line = b"Location: " + server.url.encode()
    first = peer(lambda v: (v.request(), v.respond(b"moved", line, status=b"%d Moved" % status)))
    response = connect().read(first.url, method)

    assert (response.status, response.body) == (status, b"moved")
    assert response.headers["location"] == server.url
    assert server.visits == []


def respond_with(body: bytes, *lines: bytes) -> Callable[[Any], None]:
    def handle(visit: Any) -> None:
        while True:
            visit.request()
            visit.respond(body, *lines)

    return handle


def test_cookies(peer: Any, connect: Any) -> None:
    """A cookie is neither sent back nor kept."""
    server, transport = peer(respond_with(b"{}", b"Set-Cookie: a=b; Path=/")), connect()
    for _ in range(2):
        transport.read(server.url)

    assert ["cookie" in each.headers for each in server.requests] == [False, False]
    assert len(transport._session.cookies) == 0


FORMS = {
    "length": (b"Content-Length: 6", b"abc", b"def"),
    "last": (b"Content-Length: 6\r\nConnection: close", b"abc", b"def"),
    "chunks": (b"Transfer-Encoding: chunked", b"3\r\nabc\r\n", b"3\r\ndef\r\n0\r\n\r\n"),
    "end": (b"X: x", b"abc", b"def"),
}


def in_two_pieces(form: str, go_on: threading.Event | None = None) -> Callable[[Any], None]:
    line, first, second = FORMS[form]

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n" + first)
        (go_on or visit.over).wait(20)
        visit.send(second)
        if form in ("length", "chunks"):
            visit.wait_for_the_end()

    return handle


@pytest.mark.parametrize("form", FORMS)
def test_read1(peer: Any, connect: Any, tls: bool, form: str) -> None:
    """What has arrived is returned at once, in pieces of the requested size."""
    go_on = threading.Event()
    server = peer(in_two_pieces(form, go_on), tls=tls)
    with connect().get(server.url) as response:
        pieces = [response.read1(2), response.read1(2)]
        go_on.set()
        while pieces[-1]:
            pieces.append(response.read1())
        after = response.read1()

    assert pieces[:2] == [b"ab", b"c"]
    assert b"".join(pieces) == b"abcdef"
    assert after == b""


def test_read1_does_not_decompress(peer: Any, connect: Any) -> None:
    """A stream has the bytes that were sent, and only `read` decompresses them."""
    packed = gzip.compress(b"content")
    server, transport = peer(respond_with(packed, b"Content-Encoding: gzip")), connect()
    with transport.get(server.url) as response:
        pieces = list(iter(response.read1, b""))

    assert b"".join(pieces) == packed
    assert transport.read(server.url).body == b"content"


def test_read_limit(peer: Any, connect: Any) -> None:
    """A body that is longer than its limit is refused."""
    server, transport = peer(respond_with(bytes(101))), connect()
    failing = peer(lambda visit: (visit.request(), visit.respond(bytes(101), status=b"500 No")))

    assert transport.get(server.url).read(101, Deadline(None)).body == bytes(101)
    assert len(transport.idle()) == 1

    with pytest.raises(
        ResponseParseException, match=r"longer than 100 bytes .*Operation: Test;"
    ) as caught:
        transport.get(server.url).read(100, Deadline(None))
    assert caught.value.response_metadata.http_status_code == 200

    # For an error response, the status is enough.
    response = transport.get(failing.url).read(100, Deadline(None))
    assert (response.status, response.body) == (500, b"")


@pytest.mark.parametrize("form", FORMS)
def test_close_in_the_middle(peer: Any, connect: Any, tls: bool, form: str) -> None:
    """A stream that is closed before its end closes its connection, which is not used again."""
    server, transport = peer(in_two_pieces(form), tls=tls), connect()
    response = transport.get(server.url)
    response.read1(1)
    response.close()

    assert transport.idle() == []
    with transport.get(server.url) as response:
        assert response.read1() == b"abc"
    assert len(server.visits) == 2


def test_close(peer: Any, connect: Any, tls: bool) -> None:
    """A stream that was read to its end leaves its connection to the next request.

    A response of which nothing was read closes its connection.
    """
    server, transport = peer(tls=tls), connect()
    for times in (1, 3):
        response = transport.get(server.url)
        assert b"".join(iter(response.read1, b"")) == b"{}"
        for _ in range(times):
            response.close()
    assert (len(server.visits), len(transport.idle())) == (1, 1)

    transport.get(server.url).close()
    assert transport.idle() == []


@pytest.mark.parametrize("form", FORMS)
def test_truncated(peer: Any, connect: Any, tls: bool, form: str) -> None:
    """A truncated body is an error, unless only the end of the connection delimits it."""
    line, first, _ = FORMS[form]

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\n" + line + b"\r\n\r\n" + first)

    with connect().get(peer(handle, tls=tls).url) as response:
        assert response.read1() == b"abc"
        if form == "end":
            assert response.read1() == b""
            return
        with pytest.raises(ConnectionClosedException) as caught:
            response.read1()

    assert str(caught.value).startswith("Test: ")
    assert caught.value.request_sent


def test_nothing_but_headers(peer: Any, connect: Any, tls: bool) -> None:
    """A response whose connection ends after its headers, without a length, is truncated."""
    server = peer(
        lambda visit: (visit.request(), visit.send(b"HTTP/1.1 200 OK\r\nX: x\r\n\r\n")), tls=tls
    )
    with connect().get(server.url) as response, pytest.raises(ConnectionClosedException):
        response.read1()
