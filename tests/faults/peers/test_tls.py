"""TLS: certificates that are not trusted, and connections that break in all places."""

from __future__ import annotations

import contextlib
import ssl
import threading
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import trustme

from ecr_client.exceptions import ConnectionClosedException, TLSException
from ecr_client.models import DescribeRepositoriesResult

#: What results of DescribeRepositories and UploadLayerPart need.
RESPONSE = b'{"repositoryName": "app", "uploadId": "0", "lastByteReceived": 0}'
PAST = datetime(2020, 1, 1, tzinfo=timezone.utc)


def response(visit: Any) -> None:
    visit.request()
    visit.respond(RESPONSE)


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
    """A certificate that is not trusted is reported with the reason, and the call not retried."""
    issuer = trustme.CA() if names is None else authority
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    issuer.issue_cert(*(names or ["127.0.0.1"]), **options).configure_cert(context)
    server = peer(response, tls=context)

    with pytest.raises(TLSException, match=f"certificate.*({reason})") as caught:
        visitor(server, "https").describe_repositories()
    assert (caught.value.attempts, server.connections, waits) == (1, 1, [])
    assert not caught.value.retryable


def test_no_client_certificate(
    peer: Any, visitor: Any, authority: trustme.CA, waits: list[float]
) -> None:
    """A call that is refused for want of a client certificate is not retried."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    context.verify_mode = ssl.CERT_REQUIRED

    def refuse(visit: Any) -> None:
        visit.socket = context.wrap_socket(
            visit.socket, server_side=True, do_handshake_on_connect=False
        )
        with contextlib.suppress(ssl.SSLError):
            visit.socket.do_handshake()
        visit.over.wait()

    with pytest.raises(TLSException, match=r"certificate.required.*client_cert"):
        visitor(peer(refuse), "https").describe_repositories()
    assert waits == []


@pytest.mark.parametrize("option", ["verify", "client_cert"])
def test_files_of_something_else(
    peer: Any,
    visitor: Any,
    context: ssl.SSLContext,
    waits: list[float],
    tmp_path: Path,
    option: str,
) -> None:
    """A file without a certificate is named, and the call is not retried."""
    path = tmp_path / "nonsense.pem"
    path.write_text("nonsense")
    server = peer(response, tls=context)

    with pytest.raises(TLSException, match=f"{option} .*nonsense.pem"):
        visitor(server, "https", **{option: str(path)}).describe_repositories()
    assert waits == []


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
    """End with FIN, without TLS's close_notify."""
    visit.socket.close()


def close_notify(visit: Any) -> None:
    """End with TLS's close_notify, and with FIN."""
    if isinstance(visit.socket, ssl.SSLSocket):
        visit.socket.unwrap()
    visit.socket.close()


@pytest.mark.parametrize("end", [reset, close, close_notify], ids=lambda each: each.__name__)
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
            response(visit)
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


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_idle_connections_that_are_closed(
    peer: Any, visitor: Any, waits: list[float], scheme: str
) -> None:
    """A peer that closes idle connections causes no failed call, and no wait."""
    closed = threading.Semaphore(0)

    def serve(visit: Any) -> None:
        response(visit)
        close(visit)
        closed.release()

    server = peer(serve, tls=scheme == "https")
    client = visitor(server, scheme)
    for number in range(1, 4):
        metadata = client.describe_repositories().response_metadata
        assert closed.acquire(timeout=20)

        assert (server.connections, metadata.retry_attempts, waits) == (number, 0, [])
