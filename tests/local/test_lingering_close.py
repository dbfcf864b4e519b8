"""Requests that are refused before all of them has arrived."""

from __future__ import annotations

import asyncio
import socket
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR
from ecr_client.local.app import LARGEST_BODY
from ecr_client.local.lingering_close import LingeringClose

LONG = LARGEST_BODY + 1
#: More than the buffers of a connection hold.
SOME = 1 << 23


def exchange(ecr: LocalECR, head: str, body: bytes) -> bytes:
    """Send a whole request before reading, as many clients do, and return the response."""
    parts = urlsplit(ecr.endpoint)
    with socket.create_connection((str(parts.hostname), int(parts.port or 0))) as connection:
        connection.settimeout(60)
        connection.sendall(f"{head}\r\nHost: {parts.netloc}\r\n\r\n".encode() + body)
        received = b""
        while piece := connection.recv(65_536):
            received += piece
    return received


@pytest.mark.parametrize(
    ("head", "size", "status"),
    [
        ("POST / HTTP/1.1", LONG, b"413"),
        ("POST / HTTP/1.0", LONG, b"413"),
        ("POST /nothing HTTP/1.1", SOME, b"404"),
        ("PUT /v2/app/manifests/latest HTTP/1.1", SOME, b"401"),
        ("PATCH /v2/app/blobs/uploads/1 HTTP/1.1", SOME, b"401"),
    ],
)
def test_refused_bodies(ecr: LocalECR, head: str, size: int, status: bytes) -> None:
    """Clients that send everything before they read get the whole response."""
    response = exchange(ecr, f"{head}\r\nContent-Length: {size}", b"x" * size)

    assert response.split(b" ", 2)[1] == status
    assert b"connection: close" in response.lower()
    assert response.endswith((b"}", b"Not Authorized\n"))


def test_chunked_bodies_are_read_to_their_end(ecr: LocalECR) -> None:
    """A body without a length is refused as soon as it is too long, and the response arrives."""
    size = LONG + SOME
    body = b"%x\r\n%s\r\n0\r\n\r\n" % (size, b"x" * size)
    response = exchange(ecr, "POST / HTTP/1.1\r\nTransfer-Encoding: chunked", body)

    assert response.startswith(b"HTTP/1.1 413 ")
    assert response.endswith(b"}")


def test_expect_100_continue(ecr: LocalECR) -> None:
    """A client that waits for permission to send is refused without it."""
    head = f"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {LONG}"
    response = exchange(ecr, head, b"")

    assert response.startswith(b"HTTP/1.1 413 ")


def test_connections_are_kept_after_requests_that_were_read(ecr: LocalECR) -> None:
    """Only a request that was not read to its end costs the connection."""
    with ecr.client() as client:
        metadata = client.describe_repositories().response_metadata

    assert "connection" not in {name.lower() for name in metadata.http_headers}


@pytest.mark.parametrize("bounds", [{"longest": 0.0}, {"longest_pause": 0.0}])
def test_stalled_clients(bounds: dict[str, float]) -> None:
    """A stalled client is disconnected after its response was sent."""
    sent: list[Any] = []

    async def refuse(scope: Any, receive: Any, send: Any) -> None:
        await send({"type": "http.response.start", "status": 413, "headers": []})
        await send({"type": "http.response.body", "body": b"no"})

    async def stalled() -> Any:
        await asyncio.Event().wait()

    async def send(message: Any) -> None:
        sent.append(message)

    scope = {"type": "http", "headers": [(b"content-length", b"9")]}
    asyncio.run(LingeringClose(refuse, **bounds)(scope, stalled, send))

    assert sent[0]["headers"] == [(b"connection", b"close")]
    assert [message.get("body") for message in sent[1:]] == [b"no", None]
    assert [message.get("more_body", False) for message in sent[1:]] == [True, False]
