"""Responses that are not HTTP, or are excessive: documented errors, and little memory."""

from __future__ import annotations

import gzip
import itertools
import random
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Iterable, Iterator
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ConnectionClosedException,
    ResponseParseException,
    TransportException,
)
from ecr_client.models import DescribeRepositoriesResult
from ecr_client.retry import RetryPolicy

MIB = 1024 * 1024
BODY = b'{"repositories": [], "nextToken": "t"}'
OK = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: id-1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
GOOD = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
#: The same object again and again, so that the server itself takes no memory.
ZEROS = bytes(MIB)
MANY = [ZEROS] * 16


class Calls:
    """Calls of a client with limits, each of which meets one hostile response.

    A response is an iterable of bytes, and whether the connection ends after it.
    """

    def __init__(self, peer: Any, credentials: Any, client_class: Any, size: int = MIB) -> None:
        self.config = ClientConfiguration(
            connect_timeout=20, read_timeout=20, max_response_size=size
        )
        self.responses: list[tuple[Iterable[bytes], bool]] = []
        self.connections: list[int] = []
        self.is_blocking = client_class is ECRClient
        self._quiet = threading.Event()
        self._quiet.set()
        self._client: ECRClient = client_class(
            endpoint=peer(self._respond).url, credentials=credentials, config=self.config
        )

    @property
    def client(self) -> ECRClient:
        """The client, once a connection that is to end has ended and cannot be reused."""
        self._quiet.wait(20)
        return self._client

    def _respond(self, visit: Any) -> None:
        while visit.request():
            self.connections.append(visit.number)
            pieces, ends = self.responses.pop(0)
            if ends:
                self._quiet.clear()
            try:
                for piece in pieces:
                    visit.send(piece)
                if ends:
                    visit.socket.shutdown(socket.SHUT_WR)
            finally:
                self._quiet.set()

    def result(self, *pieces: bytes, ends: bool = False) -> DescribeRepositoriesResult:
        self.responses = [(pieces, ends)]
        return self.client.describe_repositories()

    def error(
        self, pieces: Any, *, ends: bool = False, whole: bool = False
    ) -> AmazonClientException:
        """Return the error of a call, and check that the next one works.

        The next one takes another connection, unless the response was complete as HTTP.
        """
        self.responses = [(pieces, ends), ([GOOD], False)]
        with pytest.raises((ResponseParseException, TransportException, AmazonECRException)) as e:
            self.client.describe_repositories()
        after = self.client.describe_repositories()

        assert e.value.operation_name == "DescribeRepositories"
        assert "DescribeRepositories" in str(e.value)
        assert len(str(e.value)) < 1000
        assert after.next_token == "t"
        # aiohttp reads ahead, and may have the whole response before it is refused.
        assert whole or not self.is_blocking or self.connections[-1] != self.connections[-2]
        return e.value

    def small_error(
        self, pieces: Any, peak: int = 5 * MIB, **options: bool
    ) -> AmazonClientException:
        """Return the error of a call, and check that few bytes were held at once."""
        self.result(GOOD)  # Load everything first.
        tracemalloc.start()
        try:
            error = self.error(pieces, **options)
            assert tracemalloc.get_traced_memory()[1] < peak
        finally:
            tracemalloc.stop()
        return error


@pytest.fixture
def calls(peer: Any, credentials: Credentials, client_class: Any) -> Iterator[Calls]:
    """Yield calls of a client that reads responses of up to 1 MiB."""
    made = Calls(peer, credentials, client_class)
    with made.client:
        yield made


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def encoded(name: bytes, length: int | None = None) -> bytes:
    head = OK + b"Content-Encoding: %b\r\n" % name
    return head + (CHUNKED if length is None else b"Content-Length: %d\r\n" % length) + b"\r\n"


BOMB = gzip.compress(bytes(16 * MIB), mtime=0)
DOUBLE_BOMB = gzip.compress(BOMB, mtime=0)
DEFLATED_BOMB = zlib.compress(bytes(16 * MIB), 9)
#: An empty block of deflate, in five bytes.
NOTHING = b"\x00\x00\x00\xff\xff"
GZIP_HEAD = gzip.compress(b"", mtime=0)[:10]
LONGER = {
    "length": [OK + b"Content-Length: %d\r\n\r\n" % (16 * MIB), *MANY],
    "until the end": [OK + b"\r\n", *MANY],
    "chunks": [OK + CHUNKED + b"\r\n", *[chunk(ZEROS)] * 16],
    "one chunk": [OK + CHUNKED + b"\r\n1000000\r\n", *MANY],
    "small chunks": [OK + CHUNKED + b"\r\n", *[chunk(bytes(99)) * 99] * 1000],
    "gzip": [encoded(b"gzip", len(BOMB)), BOMB],
    "x-gzip in chunks": [encoded(b"X-GZip"), chunk(BOMB), chunk(b"")],
    "deflate": [encoded(b"deflate", len(DEFLATED_BOMB)), DEFLATED_BOMB],
    "gzip of nothing": [encoded(b"gzip"), chunk(GZIP_HEAD), *[chunk(NOTHING * 10_000)] * 99],
}


@pytest.mark.parametrize("form", LONGER)
def test_longer_than_allowed(calls: Calls, form: str) -> None:
    """A body above max_response_size is refused by that name, and only a few MiB are ever held."""
    error = calls.small_error(LONGER[form], whole=form in ("gzip", "deflate"))

    assert type(error) is ResponseParseException
    assert "(max_response_size)" in str(error)
    assert str(error).endswith("Status Code: 200; Request ID: id-1)")


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([encoded(b"gzip", len(DOUBLE_BOMB)), DOUBLE_BOMB], id="inside of another"),
        pytest.param([encoded(b"gzip, gzip", len(DOUBLE_BOMB)), DOUBLE_BOMB], id="two, as it says"),
        pytest.param([encoded(b"br", len(BOMB)), BOMB], id="not requested"),
        pytest.param([encoded(b"gzip", 16 * MIB), gzip.compress(BODY), *MANY], id="after it"),
        pytest.param(
            [encoded(b"gzip", 16 * MIB), *[gzip.compress(b"", mtime=0) * 50_000] * 16], id="many"
        ),
    ],
)
def test_bombs_that_are_not_decoded(calls: Calls, pieces: list[bytes]) -> None:
    """Only one layer of compression is decoded, and nothing that comes with it or follows it."""
    error = calls.small_error(pieces, whole=len(pieces) == 2)

    assert type(error) is ResponseParseException


def test_tiny_chunks(peer: Any, credentials: Credentials) -> None:
    """The smallest chunks take no more memory than large ones."""
    calls = Calls(peer, credentials, ECRClient, size=64 * 1024)
    with calls.client:
        error = calls.small_error([OK + CHUNKED + b"\r\n", *[chunk(b"{{") * 1000] * 40], MIB)

    assert "(max_response_size)" in str(error)


@pytest.mark.parametrize("coding", ["none", "end", "chunks", "gzip"])
def test_the_bound_itself(peer: Any, credentials: Any, client_class: Any, coding: str) -> None:
    """A response of exactly max_response_size bytes is read; one byte more, and it is refused."""
    calls = Calls(peer, credentials, client_class, size=64 * 1024)

    def pieces(size: int) -> list[bytes]:
        # Random, so that compression hardly shortens it.
        token = random.Random(7).randbytes(size)[: (size - 17) // 2].hex()
        body = b'{"nextToken": "%b"}' % token.encode().ljust(size - 17, b"x")
        if coding == "gzip":
            packed = gzip.compress(body, mtime=0)
            return [encoded(b"gzip", len(packed)), packed]
        if coding == "chunks":
            return [OK + CHUNKED + b"\r\n", chunk(body[:7]), chunk(body[7:]), chunk(b"")]
        length = b"" if coding == "end" else b"Content-Length: %d\r\n" % len(body)
        return [OK + length + b"\r\n", body]

    with calls.client:
        result = calls.result(*pieces(64 * 1024), ends=coding == "end")
        error = calls.error(pieces(64 * 1024 + 1), ends=coding == "end", whole=True)

    assert len(str(result.next_token)) == 64 * 1024 - 17
    assert "(max_response_size)" in str(error)


@pytest.mark.parametrize(
    "response",
    [
        b"Content-Length: 9999999999999\r\n\r\n" + BODY,
        b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
        b"Content-Length: %d\r\n\r\n" % (len(BODY) + 1) + BODY,
        CHUNKED + b"\r\n-1\r\n" + BODY,
        CHUNKED + b"\r\nfffffffffff\r\n" + BODY,
        CHUNKED + b"\r\nffffffffffffffffffff\r\n" + BODY,
        b"Content-Encoding: gzip\r\nContent-Length: 9999999999999\r\n\r\n" + BOMB[:99],
    ],
    ids=lambda response: repr(response[:40]),
)
def test_excessive_lengths(calls: Calls, response: bytes) -> None:
    """A body that is declared as long takes no memory in advance; its early end is an error."""
    error = calls.small_error([OK + response], ends=True)

    # An impossible length may be noticed before the connection ends.
    assert type(error) in (ConnectionClosedException, TransportException)


EARLY_HINTS = b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"
#: What is sent once, and what is then sent again and again.
ENDLESS = {
    "status": (b"", b"H" * 1000),
    "early hints": (b"", EARLY_HINTS),
    "a header": (OK + b"X: ", b"x" * 1000),
    "headers": (OK, b"X: x\r\n"),
    "long headers": (OK, b"X: " + b"x" * 60_000 + b"\r\n"),
    "folded header": (OK + b"X: x\r\n", b" x\r\n"),
    "chunk length": (OK + CHUNKED + b"\r\n", b"0" * 1000),
    "chunk extension": (OK + CHUNKED + b"\r\n5;", b"x" * 1000),
    "a trailer": (OK + CHUNKED + b"\r\n0\r\nX:", b"x" * 1000),
}


#: Where aiohttp has no limit, or one that depends on how bytes arrive: a timeout ends it.
UNBOUNDED = ("early hints", "chunk length", "chunk extension", "a trailer")


@pytest.mark.parametrize("what", ENDLESS)
def test_endless_lines(calls: Calls, what: str) -> None:
    """Status, headers, and the lines between chunks are limited, as the body is."""
    first, others = ENDLESS[what]
    pieces = itertools.chain([first], itertools.repeat(others))
    if not calls.is_blocking and what in UNBOUNDED:
        calls.responses = [(pieces, False)]
        client = calls.client
        if what == "early hints":  # On Python 3.10, no other timeout ends it.
            client = client.with_options(timeout=0.2)
        object.__setattr__(calls.config, "read_timeout", 0.2)
        with pytest.raises(TransportException):
            client.with_options(retry=RetryPolicy(max_attempts=1)).describe_repositories()
        return
    # http.client accepts up to a hundred headers of 60 kB.
    error = calls.small_error(pieces, 20 * MIB if what == "long headers" else 5 * MIB)

    assert isinstance(error, TransportException)


def test_many_headers(calls: Calls) -> None:
    """A response with ninety headers of a kilobyte each is read."""
    headers = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 1000) for number in range(90))
    result = calls.result(OK + headers + b"Content-Length: %d\r\n\r\n" % len(BODY), BODY)

    assert result.next_token == "t"
    assert len(result.response_metadata.http_headers) == 92


@pytest.mark.parametrize("count", [1, 5])
def test_continue(calls: Calls, count: int) -> None:
    """The interim response "100 Continue" is skipped, and the connection is reused."""
    interim = b"HTTP/1.1 100 Continue\r\nLink: </x>; rel=preload\r\n\r\n"
    for _ in range(3):
        assert calls.result(*[interim] * count, GOOD).next_token == "t"

    assert len(set(calls.connections)) == 1


@pytest.mark.parametrize("status", [b"101 Switching Protocols", b"103 Early Hints", b"199"])
def test_other_interim_responses(calls: Calls, status: bytes) -> None:
    """After another interim response, whatever follows on the connection is not read.

    aiohttp skips those that another response must follow.
    """
    interim = b"HTTP/1.1 %b\r\nLink: </x>; rel=preload\r\n\r\n" % status
    if not calls.is_blocking and not status.startswith(b"101"):
        assert calls.result(interim, GOOD).next_token == "t"
        return
    error = calls.error([interim, GOOD])

    assert type(error) is TransportException
    assert f"is malformed: interim status {status[:3].decode()}" in str(error)


def test_headers_that_are_not_ascii(calls: Calls) -> None:
    """Bytes beyond ASCII in a header are read as Latin-1, so that they can be encoded again."""
    result = calls.result(raw(BODY, b"X-Name: \xe4\xc3\xa4"), ends=True)

    assert result.response_metadata.http_headers["x-name"] == "\xe4\xc3\xa4"


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_no_body(calls: Calls, status: bytes) -> None:
    """A response that cannot have a body needs no length, and is not a truncated one."""
    error = calls.error([b"HTTP/1.1 %b\r\n\r\n" % status], whole=True)

    assert isinstance(error, (AmazonECRException, ResponseParseException))


def packed(body: bytes, form: str, head: bytes = OK) -> tuple[bytes, int]:
    """Return a whole response, and how many of its last bytes may be missing unnoticed."""
    if "gzip" in form:
        head, body = head + b"Content-Encoding: gzip\r\n", gzip.compress(body, mtime=0)
    if "chunks" in form:
        return head + CHUNKED + b"\r\n" + chunk(body[:1]) + chunk(body[1:]) + chunk(b""), 4
    if "end" in form:
        return head + b"\r\n" + body, 0
    return head + b"Content-Length: %d\r\n\r\n" % len(body) + body, 0


@pytest.mark.parametrize(
    "form", ["length", "chunks", "end", "gzip", "gzip in chunks", "gzip until the end"]
)
def test_truncated_at_every_byte(calls: Calls, form: str) -> None:
    """A response truncated at any byte, in any form, is not mistaken for a shorter one."""
    whole, needless = packed(BODY, form)
    # All forms begin with the same bytes.
    for length in range(0 if form == "length" else len(OK), len(whole) - needless):
        error = calls.error([whole[:length]], ends=True)

        assert isinstance(error, (TransportException, ResponseParseException)), whole[:length]

    assert calls.result(whole, ends=True).next_token == "t"


def raw(body: bytes, *headers: bytes, status: bytes = b"HTTP/1.1 200 OK") -> bytes:
    """Return a whole response as it goes over the wire."""
    length = b"Content-Length: %d" % len(body)
    lines = [status, b"x-amzn-RequestId: id-1", *headers, b"Connection: close", length]
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize(
    "response",
    [
        b"",
        b"\r\n\r\n",
        b"\x00" * 100,
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20,
        BODY,
        raw(BODY, status=b"HTTP/1.1"),
        raw(BODY, status=b"HTTP/1.1 OK"),
        raw(BODY, status=b"HTTP/1.1 99 Low"),
        raw(BODY, status=b"HTTP/1.1 \xb2\xb2\xb2 OK"),
        raw(BODY, status=b"HTTP/1.1 " + b"2" * 70_000),
        raw(BODY, b"X: " + b"x" * 70_000),
        raw(BODY, *(b"X-%d: x" % n for n in range(5000))),
        OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}",
    ],
    ids=lambda response: repr(response[:40]),
)
def test_not_http(calls: Calls, response: bytes) -> None:
    """A response that is not HTTP, or exceeds a limit, is a TransportException with its cause."""
    error = calls.error([response], ends=True)

    assert isinstance(error, TransportException)
    # Errors of aiohttp hold the request, so they are not kept as causes.
    cause = requests.RequestException if calls.is_blocking else OSError | None
    assert isinstance(error.__cause__, cause)


NO_HEADERS = (b"no colon", b": no name", b"X: \xff\xfe\x00", b"Transfer-Encoding: nonsense")


@pytest.mark.parametrize(
    "header",
    [
        b"no colon",
        b": no name",
        b" folded: x",
        b"X: \xff\xfe\x00",
        b"Content-Type: text/html; charset=nonsense",
        b"Content-Encoding: nonsense",
        b"Transfer-Encoding: nonsense",
        b"Set-Cookie: \xff=\xff; expires=never; max-age=x; domain=\xff",
        b"Location: http://[",
        b"x-amzn-RequestId: \xff\xfe",
    ],
)
def test_odd_headers(calls: Calls, header: bytes) -> None:
    """A malformed header that is not needed does not keep a response from being read.

    aiohttp refuses lines that are not headers at all.
    """
    if not calls.is_blocking and header in NO_HEADERS:
        assert type(calls.error([raw(BODY, header)], ends=True)) is TransportException
        return
    result = calls.result(raw(BODY, header), ends=True)

    assert result.next_token == "t"


@pytest.mark.parametrize(
    "location",
    [b"", b"http://[", b"http://\xff\xfe/", b"http://localhost:x/", b"%zz%" * 2500],
    ids=lambda location: repr(location[:20]),
)
def test_redirects_to_nowhere(calls: Calls, location: bytes) -> None:
    """The target of a redirect is not even parsed, so it does not matter if it is malformed."""
    response = raw(b"", b"Location: " + location, status=b"HTTP/1.1 302 Found")
    error = calls.error([response], ends=True)

    assert type(error) is AmazonECRException
    assert error.error_code == "302"


#: Lengths and chunks that are not those of the body.
LENGTHS = [b"Content-Length: " + each + b"\r\n\r\n" + BODY for each in (b"0", b"1", b"37", b"999")]
NO_LENGTHS = [
    b"Content-Length: " + each + b"\r\n\r\n" + BODY[:-1] for each in (b"-1", b"x", b"", b"9" * 5000)
]
CHUNKS = [
    BODY,
    b"nonsense\r\n" + BODY,
    b"ffffffffffffffff\r\n" + BODY,
    b"%x\r\n" % (len(BODY) + 1) + BODY,
    b"%x\r\n%bxx0\r\n\r\n" % (len(BODY) - 5, BODY),
    b"0" * 70_000,
    chunk(BODY),
    chunk(BODY) + b"x\r\n\r\n",
]


@pytest.mark.parametrize(
    "response",
    [*LENGTHS, *NO_LENGTHS, *(CHUNKED + b"\r\n" + each for each in CHUNKS)],
    ids=lambda response: repr(response[:50]),
)
def test_wrong_lengths(calls: Calls, response: bytes) -> None:
    """A body that does not match its length, or the format of chunks, is an error."""
    error = calls.error([OK + b"Connection: close\r\n" + response], ends=True)

    assert isinstance(error, (TransportException, ResponseParseException)), error
    if response in LENGTHS and calls.is_blocking:
        is_less = response == LENGTHS[-1]
        assert type(error) is (ConnectionClosedException if is_less else ResponseParseException)
