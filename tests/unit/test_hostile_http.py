"""Responses that are hostile or broken as HTTP: each gives a documented error, never a bare one."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import (
    AmazonECRException,
    ConnectionClosedException,
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
)
from ecr_client.models import DescribeRepositoriesResult, Repository
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

RESULT = DescribeRepositoriesResult(
    repositories=[example(Repository, repository_name="app")], next_token="t"
)
BODY = encode_result(RESULT)
OK = b"HTTP/1.1 200 OK"


def raw(body: bytes, *headers: bytes, status: bytes = OK, length: bool = True) -> bytes:
    """Return a whole response as it goes over the wire."""
    lines = [status, b"x-amzn-RequestId: id-1", *headers, b"Connection: close"]
    if length:
        lines.append(b"Content-Length: %d" % len(body))
    return b"\r\n".join([*lines, b"", body])


def outcome(server: Any, client: ECRClient, answer: bytes) -> Any:
    """Return what a call makes of a response: a result or a documented error.

    Anything else that is raised ends the test.
    """
    server.answers = [answer]
    try:
        return client.describe_repositories()
    except (TransportException, ResponseParseException, AmazonECRException) as error:
        return error


@pytest.fixture
def client(server: Any, credentials: Credentials) -> Iterator[ECRClient]:
    """Return a client of the scripted server that does not wait for it for long."""
    config = ClientConfiguration(connect_timeout=10, read_timeout=10)
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as made:
        yield made


# --- truncation -----------------------------------------------------------------------------------


def test_truncated_at_every_byte(server: Any, client: ECRClient) -> None:
    """Only a whole response is a result; every proper beginning of it, headers included, fails."""
    whole = raw(BODY, b"Content-Type: application/x-amz-json-1.1")
    for length in range(len(whole)):
        error = outcome(server, client, whole[:length])

        assert isinstance(error, (TransportException, ResponseParseException)), whole[:length]
        assert "DescribeRepositories" in str(error)
    result = outcome(server, client, whole)

    assert isinstance(result, DescribeRepositoriesResult)
    assert result.next_token == "t"


def test_truncated_errors(server: Any, client: ECRClient) -> None:
    """A truncated error of the service stays an error; only the whole one has its class."""
    body = b'{"__type": "RepositoryNotFoundException", "message": "gone"}'
    whole = raw(body, status=b"HTTP/1.1 400 Bad Request")
    for length in range(len(whole)):
        error = outcome(server, client, whole[:length])

        assert type(error) is not RepositoryNotFoundException, whole[:length]
        assert isinstance(error, (TransportException, AmazonECRException))
    assert type(outcome(server, client, whole)) is RepositoryNotFoundException


# --- status line and headers ----------------------------------------------------------------------


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
        pytest.param(
            OK + b"\r\nContent-Length: 5\r\nContent-Length: 7\r\n\r\n{}", id="two lengths"
        ),
    ],
)
def test_no_http(server: Any, client: ECRClient, answer: bytes) -> None:
    """What is not HTTP, or goes beyond all bounds, is a transport error with its cause below it."""
    error = outcome(server, client, answer)

    assert isinstance(error, TransportException)
    assert isinstance(error.__cause__, requests.RequestException)
    assert error.operation_name == "DescribeRepositories"
    assert len(str(error)) < 1000


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
def test_odd_headers(server: Any, client: ECRClient, header: bytes) -> None:
    """A header that nobody needs does not keep a whole response from being read."""
    result = outcome(server, client, raw(BODY, header))

    assert isinstance(result, DescribeRepositoriesResult), result
    assert result.next_token == "t"


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (b"HTTP/1.1 304 Not Modified", "304"),
        (b"HTTP/1.1 418 Short and stout", "418"),
        (b"HTTP/1.1 502", "502"),
        (b"HTTP/1.0 599 \xff", "599"),
        (b"HTTP/1.1 999 None", "999"),
    ],
)
def test_statuses_without_a_body(server: Any, client: ECRClient, status: bytes, code: str) -> None:
    """A status that is no success is an error of the service, with the status for its code."""
    error = outcome(server, client, raw(b"", status=status))

    assert type(error) is AmazonECRException
    assert (error.error_code, error.request_id) == (code, "id-1")


def test_continue_comes_before_the_answer(server: Any, client: ECRClient) -> None:
    """An interim "100 Continue" is passed over."""
    result = outcome(server, client, b"HTTP/1.1 100 Continue\r\n\r\n" + raw(BODY))

    assert isinstance(result, DescribeRepositoriesResult)


@pytest.mark.parametrize("status", [b"HTTP/1.1 200 OK", b"HTTP/1.1 204 No Content"])
def test_no_body(server: Any, client: ECRClient, status: bytes) -> None:
    """A success without a body is no result where members are expected."""
    error = outcome(server, client, raw(b"", status=status))

    assert type(error) is ResponseParseException
    assert error.response_metadata.request_id == "id-1"


# --- redirects ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_not_followed(server: Any, client: ECRClient, status: int) -> None:
    """A redirect is an error of the service, and the signed request goes nowhere else."""
    location = b"Location: %b/elsewhere" % server.url.encode()
    error = outcome(server, client, raw(b"", location, status=b"HTTP/1.1 %d Go" % status))

    assert type(error) is AmazonECRException
    assert (error.error_code, error.retryable) == (str(status), False)
    assert [request.path for request in server.requests] == ["/"]


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
def test_redirects_to_nowhere(server: Any, client: ECRClient, location: bytes) -> None:
    """What a redirect leads to is not even looked at, so that it cannot be wrong."""
    answer = raw(b"", b"Location: " + location, status=b"HTTP/1.1 302 Found")
    error = outcome(server, client, answer)

    assert type(error) is AmazonECRException
    assert error.error_code == "302"


# --- lengths, chunks and compression --------------------------------------------------------------


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
def test_wrong_lengths(
    server: Any, client: ECRClient, length: int, expected: type[Exception]
) -> None:
    """A length that is not the body's is an error: too few bytes came, or too few are read."""
    error = outcome(server, client, raw(BODY, b"Content-Length: %d" % length, length=False))

    assert type(error) is expected


@pytest.mark.parametrize(
    "length", [b"-1", b"-99", b"", b"x", b"0x10", b"1e3", b"\xff", b"9" * 5000]
)
@pytest.mark.parametrize("body", [BODY, BODY[:-1]], ids=["whole", "cut"])
def test_lengths_that_are_none(server: Any, client: ECRClient, length: bytes, body: bytes) -> None:
    """With a length that is no number, a whole response or an error comes out, not half of it."""
    found = outcome(server, client, raw(body, b"Content-Length: " + length, length=False))

    if isinstance(found, DescribeRepositoriesResult):
        assert body is BODY
        assert found.next_token == "t"
    else:
        assert isinstance(found, (TransportException, ResponseParseException))


def chunks(*pieces: bytes, end: bytes = b"0\r\n\r\n") -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(piece), piece) for piece in pieces) + end


def test_good_chunks(server: Any, client: ECRClient) -> None:
    """A response in chunks is read."""
    body = chunks(BODY[:7], BODY[7:])
    result = outcome(server, client, raw(body, b"Transfer-Encoding: chunked", length=False))

    assert isinstance(result, DescribeRepositoriesResult)
    assert result.next_token == "t"


def test_chunks_cut_at_every_byte(server: Any, client: ECRClient) -> None:
    """Of a response in chunks, no proper beginning of its chunks is taken for the whole."""
    whole = raw(chunks(BODY[:7], BODY[7:]), b"Transfer-Encoding: chunked", length=False)
    # The last line end is not needed to know that the body is complete.
    for length in range(whole.index(b"\r\n\r\n") + 4, whole.rindex(b"0\r\n\r\n") + 1):
        error = outcome(server, client, whole[:length])

        assert isinstance(error, (TransportException, ResponseParseException)), whole[:length]


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
        chunks(BODY, end=b""),
        chunks(BODY, end=b"x\r\n\r\n"),
    ],
    ids=lambda body: repr(body[:20]),
)
def test_bad_chunks(server: Any, client: ECRClient, body: bytes) -> None:
    """What does not keep to the form of chunks is an error."""
    error = outcome(server, client, raw(body, b"Transfer-Encoding: chunked", length=False))

    assert isinstance(error, (TransportException, ResponseParseException)), error


@pytest.mark.parametrize(
    ("encoding", "body"),
    [(b"gzip", gzip.compress(BODY, mtime=0)), (b"deflate", zlib.compress(BODY))],
)
def test_good_compression(server: Any, client: ECRClient, encoding: bytes, body: bytes) -> None:
    """A compressed answer, which nobody asked for, is read."""
    result = outcome(server, client, raw(body, b"Content-Encoding: " + encoding))

    assert isinstance(result, DescribeRepositoriesResult)
    assert result.next_token == "t"


@pytest.mark.parametrize("encoding", [b"gzip", b"deflate", b"X-GZip"])
@pytest.mark.parametrize(
    "body",
    [
        b"garbage",
        BODY,
        b"\x1f\x8b" + b"\x00" * 50,
        gzip.compress(BODY, mtime=0)[:-15],
        zlib.compress(BODY)[:-10],
        gzip.compress(b"garbage", mtime=0),
        gzip.compress(b"", mtime=0),
    ],
    ids=lambda body: repr(body[:12]),
)
def test_bad_compression(server: Any, client: ECRClient, encoding: bytes, body: bytes) -> None:
    """What says to be compressed, but is not or not wholly, is an error."""
    error = outcome(server, client, raw(body, b"Content-Encoding: " + encoding))

    assert type(error) is ResponseParseException
    assert error.response_metadata.request_id == "id-1"
