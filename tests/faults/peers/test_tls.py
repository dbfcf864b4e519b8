"""TLS: certificates that are not to be trusted, and connections that break in all places."""

from __future__ import annotations

import ssl
from datetime import datetime, timezone
from typing import Any

import pytest
import trustme

from ecr_client.exceptions import ConnectionClosedException, TLSException
from ecr_client.models import DescribeRepositoriesResult

#: What results of DescribeRepositories and UploadLayerPart need.
ANSWER = b'{"repositoryName": "app", "uploadId": "0", "lastByteReceived": 0}'
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def answer(visit: Any) -> None:
    visit.request()
    visit.respond(ANSWER)


@pytest.mark.parametrize(
    ("names", "options", "reason"),
    [
        (None, {}, "unable to get local issuer|self.signed"),
        (["127.0.0.2", "example.com"], {}, "mismatch"),
        (["127.0.0.1"], {"not_after": PAST}, "expired"),
    ],
    ids=["untrusted", "another host", "expired"],
)
def test_certificates(
    peer: Any, visitor: Any, authority: trustme.CA, waits: list[float],
    names: list[str] | None, options: dict[str, Any], reason: str,
) -> None:  # fmt: skip
    """A certificate that is not to be trusted is named as such, and not asked for again."""
    issuer = trustme.CA() if names is None else authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*(names or ["127.0.0.1"]), **options).configure_cert(context)
    server = peer(answer, tls=context)

    with pytest.raises(TLSException, match=f"certificate.*({reason})") as caught:
        visitor(server, "https").describe_repositories()
    assert (caught.value.attempts, server.connections, waits) == (1, 1, [])
    assert not caught.value.retryable


def test_a_peer_without_tls(peer: Any, visitor: Any) -> None:
    """A peer that does not speak TLS is named as such."""
    server = peer(lambda visit: visit.drip(b"HTTP/1.1 400 Bad Request\r\n\r\n"))

    with pytest.raises(TLSException):
        visitor(server, "https").describe_repositories()
    assert server.connections == 1


# --- connections that break -----------------------------------------------------------------------


#: Whether TLS has begun, whether the request was read, and what was sent of the response.
PLACES = {
    "in the handshake": (False, False, b""),
    "before the request": (True, False, b""),
    "before the response": (True, True, b""),
    "in the headers": (True, True, b"HTTP/1.1 200 OK\r\nContent-"),
    "in the body": (True, True, b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{"),
}


def reset(visit: Any) -> None:
    visit.reset()


def close(visit: Any) -> None:
    """End with FIN, without the farewell of TLS."""
    visit.socket.close()


def say_goodbye(visit: Any) -> None:
    """End as TLS wants it, and with FIN."""
    if isinstance(visit.socket, ssl.SSLSocket):
        visit.socket.unwrap()
    visit.socket.close()


@pytest.mark.parametrize("end", [reset, close, say_goodbye], ids=lambda each: each.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_connections_that_break(
    peer: Any, visitor: Any, context: ssl.SSLContext, waits: list[float], place: str, end: Any
) -> None:
    """Wherever and however a connection breaks, the call is retried at once."""
    has_tls, has_request, sent = PLACES[place]

    def serve(visit: Any) -> None:
        if visit.number > 1 or has_tls:
            visit.start_tls(context)
        if visit.number > 1:
            answer(visit)
            return
        if has_request:
            visit.request()
        elif not has_tls:
            visit.socket.recv(100)
        visit.send(sent)
        end(visit)

    server = peer(serve)
    result = visitor(server, "https").describe_repositories()
    (error,) = result.response_metadata.retried_errors

    assert type(error) is ConnectionClosedException
    assert (type(result), server.connections, waits) == (DescribeRepositoriesResult, 2, [])


@pytest.mark.parametrize("end", [reset, close, say_goodbye], ids=lambda each: each.__name__)
def test_large_requests(
    peer: Any, visitor: Any, context: ssl.SSLContext, waits: list[float], end: Any
) -> None:
    """A connection that breaks while a large request is sent is a broken connection as well."""

    def serve(visit: Any) -> None:
        visit.start_tls(context)
        if visit.number == 1:
            visit.socket.recv(1000)
            end(visit)
        else:
            answer(visit)

    server = peer(serve)
    result = visitor(server, "https").upload_layer_part(
        repository_name="app",
        upload_id="0",
        part_first_byte=0,
        part_last_byte=9_999_999,
        layer_part_blob=bytes(10_000_000),
    )
    (error,) = result.response_metadata.retried_errors

    assert type(error) is ConnectionClosedException
    assert (server.connections, waits) == (2, [])
