"""Responses that are no HTTP, or HTTP without measure: documented errors, in little memory."""

from __future__ import annotations

import gzip
import itertools
import random
import socket
import threading
import tracemalloc
import zlib
from collections.abc import Callable, Iterable, Iterator
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ConnectionClosedException,
    RepositoryNotFoundException,
    ResponseParseException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.models import DescribeRepositoriesResult, Repository
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

MIB = 1024 * 1024
BODY = encode_result(
    DescribeRepositoriesResult(
        repositories=[example(Repository, repository_name="app")], next_token="t"
    )
)
OK = b"HTTP/1.1 200 OK\r\nx-amzn-RequestId: id-1\r\n"
CHUNKED = b"Transfer-Encoding: chunked\r\n"
GOOD = OK + b"Content-Length: %d\r\n\r\n" % len(BODY) + BODY
#: Of the same object again and again, so that the server itself takes no memory.
ZEROS = bytes(MIB)


class Calls:
    """Calls of a client with bounds, each of which meets one hostile response.

    A response is an iterable of bytes, and whether the connection ends after it.
    """

    def __init__(
        self,
        peer: Callable[..., Any],
        credentials: Credentials,
        client_class: Any = ECRClient,
        size: int = MIB,
    ) -> None:
        config = ClientConfiguration(connect_timeout=20, read_timeout=20, max_response_size=size)
        self.responses: list[tuple[Iterable[bytes], bool]] = []
        self.connections: list[int] = []
        self.is_blocking = client_class is ECRClient
        self._quiet = threading.Event()
        self._quiet.set()
        self._client: ECRClient = client_class(
            endpoint=peer(self._respond).url, credentials=credentials, config=config
        )

    @property
    def client(self) -> ECRClient:
        """The client, when a connection that ends has ended: else it might be used again."""
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
        """Return the result of a call whose response comes in these pieces."""
        self.responses = [(pieces, ends)]
        return self.client.describe_repositories()

    def error(
        self, pieces: Iterable[bytes], *, ends: bool = False, whole: bool = False
    ) -> AmazonClientException:
        """Return the error of a call, after which the next one works.

        It takes another connection, unless the response was a whole one as far as HTTP goes.
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

    def peak(self, pieces: Iterable[bytes], **options: bool) -> int:
        """Return the most bytes that were held at once in a call that has to fail, as above."""
        self.result(GOOD)  # Everything is loaded now.
        tracemalloc.start()
        try:
            self.error(pieces, **options)
            return tracemalloc.get_traced_memory()[1]
        finally:
            tracemalloc.stop()


@pytest.fixture
def calls(peer: Callable[..., Any], credentials: Credentials, client_class: Any) -> Iterator[Calls]:
    """Return calls of a client that reads responses of up to 1 MiB."""
    made = Calls(peer, credentials, client_class)
    with made.client:
        yield made


def chunk(data: bytes) -> bytes:
    return b"%x\r\n%b\r\n" % (len(data), data)


def encoded(name: bytes, length: int | None = None) -> bytes:
    head = OK + b"Content-Encoding: %b\r\n" % name
    return head + (CHUNKED if length is None else b"Content-Length: %d\r\n" % length) + b"\r\n"


def bomb(layers: int) -> bytes:
    """Return 64 MiB of zeros, compressed to a thousandth so many times over."""
    packer = zlib.compressobj(9, zlib.DEFLATED, 31)
    packed = b"".join(packer.compress(ZEROS) for _ in range(64)) + packer.flush()
    for _ in range(layers - 1):
        packed = gzip.compress(packed, mtime=0)
    return packed


BOMB, DOUBLE_BOMB = bomb(1), bomb(2)
DEFLATED_BOMB = zlib.compress(bytes(64 * MIB), 9)
#: Deflate's way of saying nothing, in five bytes.
NOTHING = b"\x00\x00\x00\xff\xff"
GZIP_HEAD = gzip.compress(b"", mtime=0)[:10]


# --- longer than is allowed -----------------------------------------------------------------------

LONGER = {
    "length": [OK + b"Content-Length: %d\r\n\r\n" % (64 * MIB), *[ZEROS] * 64],
    "until the end": [OK + b"\r\n", *[ZEROS] * 64],
    "chunks": [OK + CHUNKED + b"\r\n", *[chunk(ZEROS)] * 64],
    "one chunk": [OK + CHUNKED + b"\r\n4000000\r\n", *[ZEROS] * 64],
    "small chunks": [OK + CHUNKED + b"\r\n", *[chunk(bytes(99)) * 99] * 7000],
    "gzip": [encoded(b"gzip", len(BOMB)), BOMB],
    "gzip in chunks": [encoded(b"gzip"), chunk(BOMB), chunk(b"")],
    "x-gzip": [encoded(b"X-GZip"), chunk(BOMB), chunk(b"")],
    "deflate": [encoded(b"deflate", len(DEFLATED_BOMB)), DEFLATED_BOMB],
    "gzip of nothing": [encoded(b"gzip"), chunk(GZIP_HEAD), *[chunk(NOTHING * 10_000)] * 99],
}


@pytest.mark.parametrize("pieces", LONGER.values(), ids=LONGER.keys())
def test_longer_than_allowed(calls: Calls, pieces: list[bytes]) -> None:
    """A body above max_response_size is refused by that name, and only a few MiB are ever held."""
    whole = b"".join(pieces[0].splitlines()[-2:]) == b"Content-Length: %d" % len(pieces[1])
    error = calls.error(pieces, whole=whole)
    peak = calls.peak(pieces, whole=whole)

    assert type(error) is ResponseParseException
    assert "(max_response_size)" in str(error)
    assert str(error).endswith("Status Code: 200; Request ID: id-1)")
    assert peak < 5 * MIB


@pytest.mark.parametrize(
    ("status", "expected"), [(400, ResponseParseException), (503, AmazonECRException)]
)
def test_errors_longer_than_allowed(calls: Calls, status: int, expected: type[Exception]) -> None:
    """An error is held to the same bound; for one of the server, its status says enough."""
    head = b"HTTP/1.1 %d Error\r\nx-amzn-RequestId: id-1\r\n" % status
    error = calls.error([head + b"Content-Length: %d\r\n\r\n" % (64 * MIB), *[ZEROS] * 64])

    assert type(error) is expected
    assert f"Status Code: {status}" in str(error)
    assert "Request ID: id-1)" in str(error)


@pytest.mark.parametrize(
    "pieces",
    [
        pytest.param([encoded(b"gzip", len(DOUBLE_BOMB)), DOUBLE_BOMB], id="inside of another"),
        pytest.param([encoded(b"gzip, gzip", len(DOUBLE_BOMB)), DOUBLE_BOMB], id="two, as it says"),
        pytest.param([encoded(b"br", len(BOMB)), BOMB], id="not asked for"),
        pytest.param(
            [encoded(b"gzip", 64 * MIB), gzip.compress(BODY, mtime=0), *[ZEROS] * 64], id="after it"
        ),
        pytest.param(
            [encoded(b"gzip", 64 * MIB), *[gzip.compress(b"", mtime=0) * 50_000] * 64], id="many"
        ),
    ],
)
def test_bombs_that_are_not_opened(calls: Calls, pieces: list[bytes]) -> None:
    """One layer of compression is opened, and nothing that comes with it or follows it."""
    whole = len(pieces) == 2
    error = calls.error(pieces, whole=whole)
    peak = calls.peak(pieces, whole=whole)

    assert type(error) is ResponseParseException
    assert peak < 5 * MIB


@pytest.mark.parametrize("size", [2, 3, 40])
def test_chunks_of_next_to_nothing(peer: Any, credentials: Credentials, size: int) -> None:
    """The smallest chunks take no more memory than large ones."""
    calls = Calls(peer, credentials, size=64 * 1024)
    with calls.client:
        peak = calls.peak([OK + CHUNKED + b"\r\n", *[chunk(bytes(size)) * 1000] * 40])

    assert peak < MIB


# --- just at the bound ----------------------------------------------------------------------------


def packed_badly(size: int) -> bytes:
    """Return a response of that many bytes that no compression makes much shorter."""
    letters = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    head, end = '{"nextToken": "', '"}'
    text = "".join(random.Random(7).choices(letters, k=size - len(head) - len(end)))
    return f"{head}{text}{end}".encode()


@pytest.mark.parametrize("coding", ["none", "end", "chunks", "gzip", "stored gzip", "deflate"])
def test_the_bound_itself(calls: Calls, coding: str) -> None:
    """A response of exactly max_response_size bytes is read; one byte more, and it is refused."""

    def pieces(body: bytes) -> list[bytes]:
        if coding in ("gzip", "stored gzip"):
            packed = gzip.compress(body, 0 if coding == "stored gzip" else 9, mtime=0)
            return [encoded(b"gzip", len(packed)), packed]
        if coding == "deflate":
            return [encoded(b"deflate"), chunk(zlib.compress(body)), chunk(b"")]
        if coding == "chunks":
            return [OK + CHUNKED + b"\r\n", chunk(body[:7]), chunk(body[7:]), chunk(b"")]
        length = b"" if coding == "end" else b"Content-Length: %d\r\n" % len(body)
        return [OK + length + b"\r\n", body]

    result = calls.result(*pieces(packed_badly(MIB)), ends=coding == "end")
    error = calls.error(pieces(packed_badly(MIB + 1)), ends=coding == "end", whole=True)

    assert len(str(result.next_token)) == MIB - 17
    assert "(max_response_size)" in str(error)


# --- lengths that cannot be -----------------------------------------------------------------------

FEW = {
    "terabytes": b"Content-Length: 9999999999999\r\n\r\n" + BODY,
    "beyond 64 bits": b"Content-Length: 99999999999999999999999\r\n\r\n" + BODY,
    "one byte more": b"Content-Length: %d\r\n\r\n" % (len(BODY) + 1) + BODY,
    "chunk of terabytes": CHUNKED + b"\r\nfffffffffff\r\n" + BODY,
    "chunk beyond 64 bits": CHUNKED + b"\r\nffffffffffffffffffff\r\n" + BODY,
    "gzip of terabytes": b"Content-Encoding: gzip\r\nContent-Length: 9999999999999\r\n\r\n"
    + BOMB[:99],
}


@pytest.mark.parametrize("answer", FEW.values(), ids=FEW.keys())
def test_few_of_many_bytes(calls: Calls, answer: bytes) -> None:
    """A body that is said to be long takes no memory before it comes; its early end is an error."""
    error = calls.error([OK + answer], ends=True)
    peak = calls.peak([OK + answer], ends=True)

    # aiohttp finds a length that no response can have before it finds its end.
    kinds = (
        {ConnectionClosedException}
        if calls.is_blocking
        else {ConnectionClosedException, TransportException}
    )
    assert type(error) in kinds
    assert peak < 5 * MIB


@pytest.mark.parametrize("length", [b"-1", b"-2", b"-ffffffffffffffffffff"])
def test_negative_chunks(calls: Calls, length: bytes) -> None:
    """A chunk of less than nothing is an error, not all that comes until the connection ends."""
    pieces = [OK + CHUNKED + b"\r\n" + length + b"\r\n", *[ZEROS] * 64]
    error = calls.error(pieces)
    peak = calls.peak(pieces)

    assert isinstance(error, (TransportException, ResponseParseException))
    assert peak < 5 * MIB


# --- lines without end ----------------------------------------------------------------------------

LINE = b"X-%07d: " + b"x" * 1000 + b"\r\n"
ENDLESS = {
    "status": itertools.repeat(b"H" * 1000),
    "early hints": itertools.repeat(b"HTTP/1.1 103 Early Hints\r\nLink: </x>\r\n\r\n"),
    "a header": itertools.chain([OK + b"X: "], itertools.repeat(b"x" * 1000)),
    "headers": itertools.chain([OK], itertools.repeat(b"X: x\r\n")),
    "long headers": itertools.chain([OK], itertools.repeat(b"X: " + b"x" * 60_000 + b"\r\n")),
    "folded header": itertools.chain([OK + b"X: x\r\n"], itertools.repeat(b" x\r\n")),
    "chunk length": itertools.chain([OK + CHUNKED + b"\r\n"], itertools.repeat(b"0" * 1000)),
    "chunk extension": itertools.chain([OK + CHUNKED + b"\r\n5;"], itertools.repeat(b"x" * 1000)),
    "a trailer": itertools.chain([OK + CHUNKED + b"\r\n0\r\nX:"], itertools.repeat(b"x" * 1000)),
}


@pytest.mark.parametrize("pieces", ENDLESS.values(), ids=ENDLESS.keys())
def test_endless_lines(calls: Calls, pieces: Iterable[bytes]) -> None:
    """Status, headers, and the lines between chunks have a bound, as the body has.

    For the asynchronous client, only timeouts limit the number of interim responses.
    """
    if not calls.is_blocking and pieces is ENDLESS["early hints"]:
        calls.responses = [(pieces, False)]
        with pytest.raises(TotalTimeoutException):
            calls.client.with_options(timeout=0.5).describe_repositories()
        return
    error = calls.error(pieces)
    peak = calls.peak(pieces)

    assert isinstance(error, TransportException)
    assert peak < 5 * MIB


def test_many_headers_that_are_none_too_many(calls: Calls) -> None:
    """A response with ninety headers of a kilobyte each is read."""
    headers = b"".join(b"X-%d: %b\r\n" % (number, b"x" * 1000) for number in range(90))
    result = calls.result(OK + headers + b"Content-Length: %d\r\n\r\n" % len(BODY), BODY)

    assert result.next_token == "t"
    assert len(result.response_metadata.http_headers) == 92


@pytest.mark.parametrize("count", [1, 5])
def test_continue(calls: Calls, count: int) -> None:
    """The interim response "100 Continue" is passed over, and the connection is used again."""
    interim = b"HTTP/1.1 100 Continue\r\nLink: </x>; rel=preload\r\n\r\n"
    for _ in range(3):
        assert calls.result(*[interim] * count, GOOD).next_token == "t"

    assert len(set(calls.connections)) == 1


@pytest.mark.parametrize(
    "status", [b"101 Switching Protocols", b"102 Processing", b"103 Early Hints", b"199"]
)
def test_other_interim_responses(calls: Calls, status: bytes) -> None:
    """After another interim response, whatever follows on the connection is not read.

    aiohttp passes over those after which another response has to follow.
    """
    interim = b"HTTP/1.1 %b\r\nLink: </x>; rel=preload\r\n\r\n" % status
    if not calls.is_blocking and not status.startswith(b"101"):
        assert calls.result(interim, GOOD).next_token == "t"
        return
    error = calls.error([interim, GOOD])

    assert type(error) is TransportException
    assert f"is malformed: interim status {status[:3].decode()}" in str(error)


# --- truncation -----------------------------------------------------------------------------------

PACKED = gzip.compress(BODY, mtime=0)
WHOLE = {
    "length": GOOD,
    "chunks": OK + CHUNKED + b"\r\n" + chunk(BODY[:9]) + chunk(BODY[9:]) + chunk(b""),
    "end": OK + b"\r\n" + BODY,
    "gzip": encoded(b"gzip", len(PACKED)) + PACKED,
    "gzip in chunks": encoded(b"gzip") + chunk(PACKED[:9]) + chunk(PACKED[9:]) + chunk(b""),
    "gzip until the end": OK + b"Content-Encoding: gzip\r\n\r\n" + PACKED,
    "deflate": encoded(b"deflate", len(zlib.compress(BODY))) + zlib.compress(BODY),
}
#: How many bytes at the end of a response nobody needs to know that it is whole.
NEEDLESS = {"chunks": 4, "gzip in chunks": 4}


@pytest.mark.parametrize("form", WHOLE)
def test_truncated_at_every_byte(calls: Calls, form: str) -> None:
    """A response that is truncated, at any byte and in any form, is not taken for a shorter one."""
    whole = WHOLE[form]
    for length in range(len(whole) - NEEDLESS.get(form, 0)):
        error = calls.error([whole[:length]], ends=True)

        assert isinstance(error, (TransportException, ResponseParseException)), whole[:length]

    assert calls.result(whole, ends=True).next_token == "t"


def test_truncated_where_no_members_are_expected(calls: Calls) -> None:
    """A truncated response is no success, although a result without members needs no body."""
    for whole, needless in [
        (OK + b"Content-Length: 2\r\n\r\n{}", 0),
        (OK + CHUNKED + b"\r\n" + chunk(b""), 4),
        (OK + b"Content-Encoding: gzip\r\n\r\n" + gzip.compress(b"{}", mtime=0), 0),
    ]:
        for length in range(len(whole) - needless):
            calls.responses = [([whole[:length]], True)]

            with pytest.raises((TransportException, ResponseParseException)):
                calls.client.tag_resource(resource_arn="arn", tags=[])
        calls.responses = [([whole], True)]

        assert calls.client.tag_resource(resource_arn="arn", tags=[]).response_metadata


@pytest.mark.parametrize("form", ["length", "chunks", "end"])
def test_truncated_errors(calls: Calls, form: str) -> None:
    """A truncated error of the service fails, and only the whole one has its class."""
    body = b'{"__type": "RepositoryNotFoundException", "message": "gone"}'
    head = b"HTTP/1.1 400 Bad Request\r\nx-amzn-RequestId: id-1\r\n"
    whole = {
        "length": head + b"Content-Length: %d\r\n\r\n" % len(body) + body,
        "chunks": head + CHUNKED + b"\r\n" + chunk(body[:9]) + chunk(body[9:]) + chunk(b""),
        "end": head + b"\r\n" + body,
    }[form]
    for length in range(len(whole) - NEEDLESS.get(form, 0)):
        error = calls.error([whole[:length]], ends=True)

        assert type(error) is not RepositoryNotFoundException, whole[:length]
    error = calls.error([whole], ends=True, whole=True)

    assert type(error) is RepositoryNotFoundException


# --- no HTTP, or odd HTTP -------------------------------------------------------------------------


def raw(
    body: bytes, *headers: bytes, status: bytes = b"HTTP/1.1 200 OK", length: bool = True
) -> Any:
    """Return a whole response as it goes over the wire."""
    lines = [status, b"x-amzn-RequestId: id-1", *headers, b"Connection: close"]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


@pytest.mark.parametrize(
    "answer",
    [
        pytest.param(b"", id="nothing"),
        pytest.param(b"\r\n\r\n", id="empty lines"),
        pytest.param(b"\x00" * 100, id="zeros"),
        pytest.param(b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" * 20, id="TLS"),
        pytest.param(b"SSH-2.0-OpenSSH_9.9\r\n", id="SSH"),
        pytest.param(BODY, id="only a body"),
        pytest.param(raw(BODY, status=b"HTTP/1.1"), id="no status"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 OK"), id="word for a status"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 -200 OK"), id="negative status"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 99 Low"), id="low status"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 1000 High"), id="high status"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 \xb2\xb2\xb2 OK"), id="raised digits"),
        pytest.param(raw(BODY, status=b"HTTP/9.9 200 OK"), id="unknown version"),
        pytest.param(raw(BODY, status=b"HTTP/1.1 " + b"2" * 70_000), id="endless status line"),
        pytest.param(raw(BODY, b"X: " + b"x" * 70_000), id="endless header"),
        pytest.param(raw(BODY, *(b"X-%d: x" % n for n in range(5000))), id="many headers"),
        pytest.param(OK + b"Content-Length: 5\r\nContent-Length: 7\r\n\r\n{}", id="two lengths"),
    ],
)
def test_no_http(calls: Calls, answer: bytes) -> None:
    """What is not HTTP, or goes beyond all bounds, is a transport error with its cause below it."""
    error = calls.error([answer], ends=True)

    assert isinstance(error, TransportException)
    # Errors of aiohttp hold the request, so they are no causes.
    cause = requests.RequestException if calls.is_blocking else OSError | None
    assert isinstance(error.__cause__, cause)


NO_HEADERS = (
    *(b"no colon", b": no name", b"X: \xff\xfe\x00", b"X\xff: x"),
    b"Transfer-Encoding: nonsense",
)


@pytest.mark.parametrize(
    "header",
    [
        b"no colon",
        b": no name",
        b" folded: x",
        b"X: \xff\xfe\x00",
        b"X\xff: x",
        b"Content-Type: \xff; charset=\xff",
        b"Content-Type: text/html; charset=nonsense",
        b"Content-Type:",
        b"Content-Encoding: nonsense",
        b"Content-Encoding: identity",
        b"Transfer-Encoding: nonsense",
        b"Date: yesterday",
        b"Set-Cookie: \xff=\xff; expires=never; max-age=x; domain=\xff",
        b"Set-Cookie: a=b; expires=Mon, 99 Foo 99999 99:99:99 GMT; version=x; port=x",
        b"Set-Cookie2: a=b; version=\xff",
        b"Location: http://[",
        b"Link: <http://[>; rel=x",
        b"WWW-Authenticate: Negotiate \xff",
        b"x-amzn-RequestId: \xff\xfe",
        b"x-amzn-ErrorType: NotForThis",
    ],
)
def test_odd_headers(calls: Calls, header: bytes) -> None:
    """A header that nobody needs does not keep a whole response from being read.

    aiohttp refuses those that are no headers at all.
    """
    if not calls.is_blocking and header in NO_HEADERS:
        assert type(calls.error([raw(BODY, header)], ends=True)) is TransportException
        return
    result = calls.result(raw(BODY, header), ends=True)

    assert result.next_token == "t"


@pytest.mark.parametrize(
    "location",
    [
        b"",
        b"http://[",
        b"http://[::1",
        b"http://\xff\xfe/",
        b"//",
        b"http://",
        b"http:///x",
        b"http://a..b/",
        b"http://localhost:99999/",
        b"http://localhost:x/",
        b"mailto:x",
        b"\xed\xa0\x80",
        b"http://" + b"a" * 10_000,
        b"%zz%",
    ],
)
def test_redirects_to_nowhere(calls: Calls, location: bytes) -> None:
    """What a redirect leads to is not even looked at, so that it cannot be wrong."""
    answer = raw(b"", b"Location: " + location, status=b"HTTP/1.1 302 Found")
    error = calls.error([answer], ends=True)

    assert type(error) is AmazonECRException
    assert error.error_code == "302"


@pytest.mark.parametrize(
    ("length", "expected"),
    [
        (len(BODY) + 1, ConnectionClosedException),
        (10**9, ConnectionClosedException),
        (len(BODY) - 1, ResponseParseException),
        (1, ResponseParseException),
        (0, ResponseParseException),
    ],
)
def test_wrong_lengths(calls: Calls, length: int, expected: type[Exception]) -> None:
    """A length that is not the body's is an error: too few bytes came, or too few are read."""
    error = calls.error([raw(BODY, b"Content-Length: %d" % length, length=False)], ends=True)

    # aiohttp refuses the bytes behind the body.
    is_refused = not calls.is_blocking and length < len(BODY)
    assert type(error) is (TransportException if is_refused else expected)


@pytest.mark.parametrize(
    "length", [b"-1", b"-99", b"", b"x", b"0x10", b"1e3", b"\xff", b"9" * 5000]
)
@pytest.mark.parametrize("body", [BODY, BODY[:-1]], ids=["whole", "cut"])
def test_lengths_that_are_none(calls: Calls, length: bytes, body: bytes) -> None:
    """With a length that is no number, a whole response or an error comes out, not half of it."""
    whole = raw(body, b"Content-Length: " + length, length=False)
    calls.responses = [([whole], True)]
    try:
        found: Any = calls.client.describe_repositories()
    except (TransportException, ResponseParseException) as error:
        found = error

    if isinstance(found, DescribeRepositoriesResult):
        assert body is BODY
        assert found.next_token == "t"
    else:
        assert isinstance(found, (TransportException, ResponseParseException))


@pytest.mark.parametrize(
    "body",
    [
        BODY,
        b"nonsense\r\n" + BODY,
        b"-5\r\n" + BODY,
        b"\r\n" + BODY,
        b"ffffffffffffffff\r\n" + BODY,
        b"%x\r\n" % (len(BODY) + 1) + BODY,
        b"%x\r\n%bxx0\r\n\r\n" % (len(BODY) - 5, BODY),
        b"0" * 70_000,
        b"1;" + b"x" * 70_000,
        b"\xff\r\n",
        chunk(BODY),
        chunk(BODY) + b"x\r\n\r\n",
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bad_chunks(calls: Calls, body: bytes) -> None:
    """What does not keep to the form of chunks is an error."""
    error = calls.error([raw(body, b"Transfer-Encoding: chunked", length=False)], ends=True)

    assert isinstance(error, (TransportException, ResponseParseException)), error
