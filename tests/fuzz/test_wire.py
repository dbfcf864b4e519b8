"""Whatever bytes come over a connection, a call ends with a result or a documented error."""

from __future__ import annotations

import gzip
import zlib
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy, testing
from ecr_client import exceptions as errors
from ecr_client.models import DescribeRepositoriesResult, Repository
from ecr_client.testing.encoding import encode_result

BODY = encode_result(
    DescribeRepositoriesResult(
        repositories=[testing.example(Repository, repository_name="app")], next_token="t"
    )
)
LONGEST = 4096
AGAIN = RetryPolicy(max_attempts=3, base_delay=0)


def response(*lines: bytes, body: bytes = BODY) -> bytes:
    return b"\r\n".join([*lines, b"", body])


def chunks(*pieces: bytes) -> bytes:
    return b"".join(b"%x\r\n%b\r\n" % (len(each), each) for each in [*pieces, b""])


OK = b"HTTP/1.1 200 OK"
LENGTH = b"Content-Length: %d" % len(BODY)
CHUNKED = b"Transfer-Encoding: chunked"
PACKED = gzip.compress(BODY, mtime=0)
GZIP = b"Content-Encoding: gzip"
NOTHING = b"Content-Length: 0"
NO_SUCH = (b"x-amzn-ErrorType: RepositoryNotFoundException", b"Content-Length: 15")
VALID = [
    response(OK, LENGTH, b"x-amzn-RequestId: id-1"),
    response(OK),
    response(OK, CHUNKED, body=chunks(BODY[:9], BODY[9:])),
    response(OK, GZIP, b"Content-Length: %d" % len(PACKED), body=PACKED),
    response(OK, GZIP, CHUNKED, body=chunks(PACKED[:20], PACKED[20:])),
    response(OK, b"Content-Encoding: deflate", body=zlib.compress(BODY)),
    response(b"HTTP/1.1 100 Continue", body=response(OK, LENGTH)),
    response(b"HTTP/1.1 103 Early Hints", b"Link: </x>", body=response(OK, LENGTH)),
    response(b"HTTP/1.1 400 Bad Request", *NO_SUCH, body=b'{"message":"x"}'),
    response(b"HTTP/1.1 503 Busy", b"Retry-After: 1", NOTHING, body=b""),
    response(b"HTTP/1.1 302 Found", b"Location: http://localhost:1/", NOTHING, body=b""),
]
#: Bytes that mean something in HTTP or JSON.
TOKENS = st.sampled_from(
    [
        *(b"\r\n", b"\n", b"\r\n\r\n", b"\r\n ", b":", b";", b"-1", b"0", b"\x00", b"\xff"),
        *(b"ffffffffffffffff", b"99999999999999999999", b" 204 ", b" 304 ", b" 101 "),
        *(b"HTTP/1.0 ", b"\r\nContent-Length: 5", b"\r\nContent-Length: -1"),
        *(b"\r\nTransfer-Encoding: chunked", b"\r\nTransfer-Encoding: gzip, chunked"),
        *(b"\r\nContent-Encoding: gzip", b"\r\nContent-Encoding: br", b"\r\nConnection: close"),
        *(b"\r\nSet-Cookie: a=b; expires=x; domain=\xff", b"\r\nLocation: http://["),
        *(b"\r\nx-amzn-RequestId: a\r\n b", b"\r\nContent-Type: x; charset=\xff"),
        *(b"{", b'"', b"\\ud800", b"1e999", b"x" * 5000, b"[" * 5000),
    ]
)


@st.composite
def raw_responses(draw: st.DrawFn) -> bytes:
    """Make a response, or any bytes, and replace up to three parts of it."""
    data = draw(st.sampled_from(VALID) | st.binary(max_size=200))
    for _ in range(draw(st.integers(0, 3))):
        start = draw(st.integers(0, len(data)))
        end = min(len(data), start + draw(st.sampled_from([0, 0, 1, 2, 8, 1000])))
        data = data[:start] + draw(TOKENS | st.binary(max_size=8)) + data[end:]
    return data


@pytest.fixture
def client(server: Any, credentials: Credentials) -> Iterator[ECRClient]:
    """Yield a client that refuses long responses."""
    config = ClientConfiguration(
        connect_timeout=20, read_timeout=20, total_timeout=20, max_response_size=LONGEST
    )
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as made:
        yield made


@example(response(OK, CHUNKED, body=b"-1\r\n" + BODY))
@example(response(OK, CHUNKED, body=b"-ffffffffffffffff\r\n" + BODY))
@example(response(b"HTTP/1.1 103 Early Hints", body=b""))
@example(response(OK, LENGTH, b"x-amzn-RequestId: a", b" b", b"Set-Cookie: a=b; expires=x"))
@given(raw_responses())
def test_any_bytes(server: Any, client: ECRClient, data: bytes) -> None:
    """Any bytes are a result or a documented error, and do not affect later calls."""
    server.responses = [data, (200, {}, b'{"nextToken": "after"}')]
    try:
        found: Any = client.describe_repositories()
    except (
        errors.TransportException,
        errors.ResponseParseException,
        errors.AmazonECRException,
    ) as error:
        found = error
    # The server may close the connection just after the client found it open.
    after = client.with_options(retry=AGAIN).describe_repositories()

    if isinstance(found, Exception):
        assert "DescribeRepositories" in str(found)
        assert not isinstance(found, errors.TotalTimeoutException)
    else:
        assert type(found) is DescribeRepositoriesResult
    assert after.next_token == "after"
