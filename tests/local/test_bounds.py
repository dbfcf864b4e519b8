"""Limits on what any client can take from a server: bytes, time, descriptors and memory."""

from __future__ import annotations

import asyncio
import base64
import logging
import select
import signal
import socket
import sys
from collections.abc import Callable
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR, SeenRequest, wire
from ecr_client.local.app import LARGEST_BODY
from ecr_client.local.connections import ConnectionLimits
from ecr_client.local.errors import ServiceError
from ecr_client.local.lingering_close import LingeringClose
from ecr_client.local.registry import RegistryKey
from ecr_client.local.request_bodies import MemoryBudget
from ecr_client.local.request_log import KEPT_BODY, KEPT_BYTES, RequestLog

MIB = 1 << 20
LONG = LARGEST_BODY + 1
#: More than the buffers of a connection hold.
SOME = 1 << 23
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="uses interfaces of the Linux kernel")
TARGET = "AmazonEC2ContainerRegistry_V20150921"
CALL = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {TARGET}"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIDUNKNOWN/20261120/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


class Hasty(LocalECR):
    """A server that times out at once."""

    _connection_limits = ConnectionLimits(head_seconds=0.0, pause_seconds=0.0)


class Crowded(LocalECR):
    """A server that accepts only two connections."""

    _connection_limits = ConnectionLimits(connections=2)


@pytest.fixture(scope="module")
def ecr() -> Any:
    with LocalECR() as running:
        yield running


def received(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection or resets it."""
    found = b""
    with suppress(ConnectionError):
        while piece := connection.recv(65_536):
            found += piece
    return found


@pytest.mark.parametrize(
    "head",
    [
        b"GET / HTTP/1.1\r\nX: " + b"x" * 70_000,
        b"GET /" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"x" * 70_000,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 17_500,
        b"GET / HTTP/1.1\r\n" + b"X: y\r\n" * 17_500 + b"\r\n",
        b"\r\n" * 35_000,
    ],
    ids=["value", "path", "name", "many", "whole", "empty"],
)
def test_long_heads(ecr: LocalECR, dial: Any, head: bytes) -> None:
    """A request head that is too long is refused, whichever part of it does not end."""
    with dial(ecr.endpoint, head) as connection:
        assert received(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize(
    "rest", [b"1;" + b"x" * MIB, b"0\r\n" + b"X: y\r\n" * 17_500], ids=["extension", "trailer"]
)
def test_chunk_extensions_and_trailers(ecr: LocalECR, dial: Any, rest: bytes) -> None:
    """Chunk extensions and trailers of chunked bodies are bounded, too."""
    with dial(ecr.endpoint) as connection:
        with suppress(ConnectionError):
            head = f"{CALL}.PutImage\r\nTransfer-Encoding: chunked\r\n\r\n"
            connection.sendall(head.encode() + rest)
        received(connection)  # does not time out


def test_pipelined_requests(dial: Any) -> None:
    """A client that sends many requests and reads no response is disconnected."""
    with LocalECR() as ecr:
        ecr.faults.add(None, latency=3_600, count=1)
        requests = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n" * 100
        with dial(ecr.endpoint, requests) as connection:
            assert received(connection) == b""


def test_stalled_requests(dial: Any) -> None:
    """Stalled headers get a 408, and a stalled body has its connection closed."""
    request = b"GET /v2/ HTTP/1.1\r\nHost: x\r\n"
    with Hasty() as ecr:
        for sent in (b"", b"\r\n", b"GET", request, request + b"\r\nGET"):
            with dial(ecr.endpoint, sent) as connection:
                assert b"HTTP/1.1 408 " in received(connection)
        stalled = f"{CALL}.PutImage\r\nContent-Length: 9\r\n\r\nx".encode()
        with dial(ecr.endpoint, stalled) as connection:
            assert received(connection) == b""


@LINUX
def test_unread_responses(dial: Any) -> None:
    """The connection of a client that does not read its response is closed."""
    data = bytes(1 << 24)
    with Hasty(auth=False) as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="app")
        digest = ecr._store.blobs.put(data)
        ecr._store.layers.add(RegistryKey(ecr.account, ecr.region), "app", digest, len(data))
        get = f"GET /v2/app/blobs/{digest} HTTP/1.1\r\n\r\n".encode()
        with dial(ecr.endpoint, get) as connection:
            ended = select.poll()
            ended.register(connection, select.POLLRDHUP)

            assert ended.poll(60_000)


@pytest.mark.slow
@LINUX
def test_running_out_of_descriptors(start: Callable[..., Any], dial: Any) -> None:
    """With too many connections the server logs one line, and recovers once they are closed."""
    import resource

    command = start()
    resource.prlimit(command.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    opened = [dial(command.endpoint) for _ in range(100)]
    readable, _, _ = select.select([command.process.stderr], [], [], 60)
    line = command.process.stderr.readline() if readable else ""
    for connection in opened:
        connection.close()
    with command.client() as client:
        found = client.describe_repositories().repositories
    status, _, errors = command.stop(signal.SIGTERM)

    assert line.startswith("cannot accept connections: ")
    assert (found, status, errors) == ((), 0, "")


def test_connections_wait_for_room(caplog: pytest.LogCaptureFixture, dial: Any) -> None:
    """Connections above the limit are accepted once others close, which is logged only once."""
    caplog.set_level(logging.WARNING, "ecr_client.local")
    with Crowded() as ecr:
        idle = [dial(ecr.endpoint) for _ in range(4)]
        with dial(ecr.endpoint, b"GET /v2/ HTTP/1.0\r\n\r\n") as last:
            for connection in idle:
                connection.close()

            assert received(last).startswith(b"HTTP/1.1 401 ")
    assert [record.message for record in caplog.records] == [
        "2 connections are open; further ones must wait"
    ]


@pytest.mark.parametrize(
    ("operation", "size", "headers", "status"),
    [
        *(
            ("UploadLayerPart", size, headers, 400)
            for size in (f"Content-Length: {20 * MIB}", "Transfer-Encoding: chunked")
            for headers in (
                *("", "Authorization: x\r\n"),
                f"Authorization: {SIGNED}\r\nX-Amz-Date: x\r\n",
            )
        ),
        ("DescribeRepositories", f"Content-Length: {2 * MIB}", "", 413),
    ],
)
def test_no_body_is_read_for_strangers(
    ecr: LocalECR, dial: Any, operation: str, size: str, headers: str, status: int
) -> None:
    """Wrong signatures, and large unsigned bodies, are refused before the body arrives."""
    with dial(ecr.endpoint, f"{CALL}.{operation}\r\n{headers}{size}\r\n\r\n".encode()) as opened:
        assert opened.recv(13) == b"HTTP/1.1 %d " % status


# --- requests that are refused before they have arrived -------------------------------------------


@pytest.mark.parametrize(
    ("head", "body", "status"),
    [
        ("POST / HTTP/1.1", LONG, b"413"),
        ("POST / HTTP/1.0", LONG, b"413"),
        ("POST /nothing HTTP/1.1", SOME, b"404"),
        ("PUT /v2/app/manifests/latest HTTP/1.1", SOME, b"401"),
        ("PATCH /v2/app/blobs/uploads/1 HTTP/1.1", SOME, b"401"),
        ("POST / HTTP/1.1\r\nTransfer-Encoding: chunked", LONG, b"413"),
        (f"POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: {LONG}", 0, b"413"),
    ],
)
def test_refused_bodies(ecr: LocalECR, dial: Any, head: str, body: int, status: bytes) -> None:
    """Clients that send everything first, or wait for 100 Continue, get the whole response."""
    data = b"x" * body
    if "chunked" in head:
        data = b"%x\r\n%s\r\n0\r\n\r\n" % (body, data)
    elif body:
        head = f"{head}\r\nContent-Length: {body}"
    sent = f"{head}\r\nHost: {urlsplit(ecr.endpoint).netloc}\r\n\r\n".encode()
    with dial(ecr.endpoint, sent + data) as connection:
        response = received(connection)

    assert response.split(b" ", 2)[1] == status
    assert b"connection: close" in response.lower()
    assert response.endswith((b"}", b"Not Authorized\n"))


def test_keep_alive(ecr: LocalECR) -> None:
    """A refused request costs the connection only if its body was not read to the end."""
    with ecr.client() as client:
        metadata = client.describe_repositories().response_metadata

    assert "connection" not in {name.lower() for name in metadata.http_headers}


@pytest.mark.parametrize("bounds", [{"longest": 0.0}, {"longest_pause": 0.0}])
def test_stalled_clients(bounds: dict[str, float]) -> None:
    """A stalled client is disconnected after its response has been sent."""
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


# --- memory ---------------------------------------------------------------------------------------


def test_the_size_of_the_log() -> None:
    """The request log has a maximum size, headers included, and always keeps the latest request."""
    requests = RequestLog()
    count = 2 * KEPT_BYTES // KEPT_BODY
    for number in range(count):
        request = SeenRequest(operation=str(number), method="POST", path="/")
        requests.add(request)
        requests.receive(request, bytes(KEPT_BODY))
    kept = sum(len(request.body or b"") for request in requests)
    last = requests[-1].operation
    for _ in range(3):
        headers = {"x": "x" * KEPT_BYTES}
        requests.add(SeenRequest(operation="", method="GET", path="/", headers=headers))

    assert last == str(count - 1)
    assert KEPT_BYTES - 2 * KEPT_BODY < kept <= KEPT_BYTES
    assert len(requests) == 1


def test_a_memory_budget_is_fair() -> None:
    """The budget is never exceeded, requests get their share in order, and each one gets it."""
    order, held, most = [], 0, 0

    async def use(budget: MemoryBudget, size: int) -> None:
        nonlocal held, most
        async with budget.acquire(size):
            order.append(size)
            held += min(size, 10)
            most = max(most, held)
            await asyncio.sleep(0)
            held -= min(size, 10)

    async def run() -> None:
        budget = MemoryBudget(10)
        uses = [use(budget, size) for size in (4, 4, 99, 1, 7, 3)]
        await asyncio.wait_for(asyncio.gather(*uses), 60)

    asyncio.run(run())

    assert order == [4, 4, 99, 1, 7, 3]
    assert most == 10


def test_cancelled_waiters_release_memory() -> None:
    """A request that is cancelled while it waits, or just as it gets its share, holds no memory."""

    async def run() -> None:
        budget = MemoryBudget(10)

        async def use(size: int) -> None:
            async with budget.acquire(size):
                await asyncio.sleep(0)

        async with budget.acquire(10):
            waiting = [asyncio.ensure_future(use(10)) for _ in range(3)]
            await asyncio.sleep(0)
            waiting[1].cancel()
            await asyncio.sleep(0)
        waiting[0].cancel()  # it has its share, but has not resumed yet
        await asyncio.wait(waiting, timeout=60)
        await asyncio.wait_for(use(10), 60)

    asyncio.run(run())


@pytest.mark.parametrize(
    "body",
    [
        b'{"layerPartBlob": "YWJj", "uploadId": "1"}',
        b'{"uploadId": "1", "layerPartBlob" :\n"YWJj"}',
        b'{"layerPartBlob": "YW\\u004aj"}',
        b'{"layerPartBlob": ""}',
        b'{"layerPartBlob": null, "uploadId": "1"}',
        b'{"uploadId": "1"}',
        b'{"a": {"layerPartBlob": "YWJj"}, "layerPartBlob": "ZGVm"}',
        b'{"layerPartBlob": "YWJj", "layerPartBlob": "ZGVm"}',
        b'{"layerPartBlob": "YWJj", "layerPartBlob": 1}',
        b'{"a": "\\"layerPartBlob\\": \\"YWJj\\"", "layerPartBlob": "ZGVm"}',
        b'{"a": "\\\\", "layerPartBlob": "ZGVm"}',
        b'{"layerPartBlob": "<the blob>"}',
    ],
)
def test_blobs_are_parsed_like_json(body: bytes) -> None:
    """However a request is written, its blob is the one that a JSON parser finds."""
    members, encoded = wire.extract_blob(body, "layerPartBlob")
    if encoded is not None:
        assert members["layerPartBlob"] == ""
        members["layerPartBlob"] = bytes(encoded).decode()

    assert members == wire.decode(body)


@pytest.mark.parametrize("body", [b'{"layerPartBlob": "YWJj', b'{"layerPartBlob": "YWJj"', b"[]"])
def test_bodies_that_are_not_json(body: bytes) -> None:
    """A body that is not JSON is refused, even when its blob is parsed separately."""
    with pytest.raises(ServiceError, match="SerializationException"):
        wire.extract_blob(body, "layerPartBlob")


@pytest.mark.parametrize("size", [0, 1, 2, 3, MIB, 3 * MIB, 3 * MIB + 1])
def test_a_blob_is_decoded_in_pieces(size: int) -> None:
    """Decoding a blob in pieces gives the same bytes, whatever its length."""
    data = (bytes(range(251)) * (size // 251 + 1))[:size]
    blob = wire.EncodedBlob(memoryview(base64.b64encode(data)), "layerPartBlob")

    assert (len(blob), b"".join(blob)) == (size, data)


WRONG = [b"Y", b"YWJ", b"YW=j", b"YW J", b"\xff\xff\xff\xff", b"YQ==YWJj"]
PIECE = b"YWJj" * (1 << 18)


@pytest.mark.parametrize(
    "encoded",
    [*WRONG, *(PIECE + each for each in WRONG), PIECE[:-4] + b"YQ==YWJj"],
    ids=lambda each: f"{len(each)}-{each[-4:]}",
)
def test_malformed_base64(encoded: bytes) -> None:
    """Base64 that is malformed anywhere, or padded at the end of any piece, is refused."""
    with pytest.raises(ServiceError, match="is not base64"):
        list(wire.EncodedBlob(memoryview(encoded), "layerPartBlob"))
