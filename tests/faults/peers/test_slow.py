"""Peers that are too slow in every way there is: the deadline of a call ends it all the same."""

from __future__ import annotations

import socket
import ssl
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient, RetryPolicy
from ecr_client.exceptions import ReadTimeoutException, TotalTimeoutException

TOTAL = 0.3
#: More than any buffer on the way holds.
PART = bytes(15_000_000)
OK = b"HTTP/1.1 200 OK\r\n"
LONG = b"Content-Length: 1000000000\r\n\r\n"


def silence(visit: Any) -> None:
    visit.over.wait()


def drips_the_status(visit: Any) -> None:
    visit.request()
    visit.drip(b"1", before=b"HTTP/1.1 ")


def drips_a_header(visit: Any) -> None:
    visit.request()
    visit.drip(b"a", before=OK + b"X-Long: ")


def drips_headers(visit: Any) -> None:
    visit.request()
    visit.drip(b"X-A: b\r\n", before=OK, every=0.05)


def drips_the_body(visit: Any) -> None:
    visit.request()
    visit.drip(b"{", before=OK + LONG)


def drips_chunks(visit: Any) -> None:
    visit.request()
    visit.drip(b"1\r\n{\r\n", before=OK + b"Transfer-Encoding: chunked\r\n\r\n")


def drips_the_length_of_a_chunk(visit: Any) -> None:
    visit.request()
    visit.drip(b"0", before=OK + b"Transfer-Encoding: chunked\r\n\r\n")


def drips_until_it_closes(visit: Any) -> None:
    visit.request()
    visit.drip(b"{", before=OK + b"\r\n")


def continues_slowly(visit: Any) -> None:
    visit.request()
    visit.drip(b"HTTP/1.1 100 Continue\r\n\r\n")


def reads_slowly(visit: Any) -> None:
    while not visit.over.wait(0.02) and visit.socket.recv(1000):
        pass


ANSWERS = [
    silence,
    drips_the_status,
    drips_a_header,
    drips_headers,
    drips_the_body,
    drips_chunks,
    drips_the_length_of_a_chunk,
    drips_until_it_closes,
    continues_slowly,
]
REQUESTS = [silence, reads_slowly]


def upload(client: ECRClient) -> Any:
    return client.upload_layer_part(
        repository_name="app",
        upload_id="0",
        part_first_byte=0,
        part_last_byte=len(PART) - 1,
        layer_part_blob=PART,
    )


@pytest.fixture(params=["http", "https"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.mark.parametrize("handle", ANSWERS, ids=lambda each: each.__name__)
def test_answers(
    peer: Any, visitor: Any, context: ssl.SSLContext, in_time: Any, scheme: str, handle: Any
) -> None:
    """However an answer drips, or does not come, the call ends by its deadline."""
    server = peer(handle, context if scheme == "https" else None)
    client = visitor(server, scheme, total_timeout=TOTAL)
    found = in_time(client.describe_repositories)

    assert type(found) is TotalTimeoutException
    assert server.connections <= 1  # none if the time was over before


@pytest.mark.parametrize("handle", REQUESTS, ids=lambda each: each.__name__)
@pytest.mark.parametrize("kept", [False, True], ids=["new", "kept"])
def test_requests(
    peer: Any,
    visitor: Any,
    context: ssl.SSLContext,
    in_time: Any,
    scheme: str,
    handle: Callable[[Any], None],
    kept: bool,
) -> None:
    """A call ends by its deadline if the peer reads a large request slowly, or not at all."""

    def serve(visit: Any) -> None:
        if kept:
            visit.request()
            visit.answer()
        handle(visit)

    server = peer(serve, context if scheme == "https" else None)
    client = visitor(server, scheme)
    if kept:
        client.describe_repositories()
    found = in_time(lambda: upload(client.with_options(timeout=TOTAL)))

    assert type(found) is TotalTimeoutException
    assert server.connections <= 1  # none if the time was over before


def test_connecting(proxy: Any, connect: Any, in_time: Any) -> None:
    """A call ends by its deadline if no connection comes about."""
    proxy.blackhole()
    found = in_time(connect().with_options(timeout=TOTAL).describe_repositories)

    assert type(found) is TotalTimeoutException


@pytest.mark.parametrize("first", [b"", b"\x16\x03\x03\x3f\xff"], ids=["silent", "dripping"])
def test_the_handshake(peer: Any, visitor: Any, in_time: Any, first: bytes) -> None:
    """A call ends by its deadline if TLS never comes about."""
    server = peer(lambda visit: visit.drip(first[-1:], before=first))
    found = in_time(visitor(server, "https", total_timeout=TOTAL).describe_repositories)

    assert type(found) is TotalTimeoutException


# --- what is slow, but in time --------------------------------------------------------------------


def test_connect_timeout_is_for_connecting(
    peer: Any, visitor: Any, context: ssl.SSLContext, scheme: str
) -> None:
    """Sending a large request may take longer than connecting may."""

    def serve(visit: Any) -> None:
        visit.request(1.5)
        visit.answer()

    server = peer(serve, context if scheme == "https" else None)
    result = upload(visitor(server, scheme, connect_timeout=0.75))

    assert (result.response_metadata.retry_attempts, server.connections) == (0, 1)


def test_deadlines_are_for_their_calls(
    peer: Any, visitor: Any, context: ssl.SSLContext, scheme: str
) -> None:
    """The deadline of a call is none for the next one on its connection."""

    def serve(visit: Any) -> None:
        for pause in (0, 0, 1.5):
            visit.over.wait(pause)
            visit.request()
            visit.answer()

    server = peer(serve, context if scheme == "https" else None)
    client = visitor(server, scheme)
    client.describe_repositories()
    client.with_options(timeout=0.75).describe_repositories()
    result = upload(client)

    assert (result.response_metadata.retry_attempts, server.connections) == (0, 1)


def test_read_timeout_is_for_each_piece(
    peer: Any, visitor: Any, context: ssl.SSLContext, scheme: str
) -> None:
    """Sending may take longer than the peer may be silent, as long as it reads on."""

    def serve(visit: Any) -> None:
        visit.request(0.4, 0.4, 0.4, 0.4)
        visit.answer()

    server = peer(serve, context if scheme == "https" else None)
    result = upload(visitor(server, scheme, connect_timeout=1, read_timeout=1))

    assert (result.response_metadata.retry_attempts, server.connections) == (0, 1)


def test_read_timeout_is_for_sending(
    peer: Any, visitor: Any, context: ssl.SSLContext, scheme: str, in_time: Any
) -> None:
    """A peer that stops reading a request is given up after the time that it may be silent."""
    server = peer(silence, context if scheme == "https" else None)
    client = visitor(server, scheme, read_timeout=TOTAL, retry=RetryPolicy(max_attempts=1))
    found = in_time(lambda: upload(client))

    assert type(found) is ReadTimeoutException


def test_many_addresses(
    proxy: Any, connect: Any, in_time: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A call ends by its deadline if its host has many addresses, and none of them answers."""
    resolve = socket.getaddrinfo

    def answer(host: str, *args: Any, **options: Any) -> Any:
        return resolve("127.0.0.1", *args, **options) * (100 if host == "ecr.test" else 1)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    proxy.blackhole()
    client = connect(endpoint=f"http://ecr.test:{proxy.port}")
    found = in_time(client.with_options(timeout=TOTAL).describe_repositories)

    assert type(found) is TotalTimeoutException
