"""What anybody may take of a server: bytes, time, descriptors and memory."""

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
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR, SeenRequest, wire
from ecr_client.local.connections import ConnectionLimits
from ecr_client.local.errors import ServiceError
from ecr_client.local.registry import RegistryKey
from ecr_client.local.request_bodies import MemoryBudget
from ecr_client.local.request_log import KEPT_BODY, KEPT_BYTES, RequestLog

MIB = 1 << 20
LINUX = pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
TARGET = "AmazonEC2ContainerRegistry_V20150921"
SIGNED = (
    "AWS4-HMAC-SHA256 Credential=AKIDUNKNOWN/20261120/us-east-1/ecr/aws4_request, "
    "SignedHeaders=host;x-amz-date, Signature=0"
)


class Hasty(LocalECR):
    """A server that waits for nobody."""

    _connection_limits = ConnectionLimits(head_seconds=0.0, pause_seconds=0.0)


class Crowded(LocalECR):
    """A server that has room for two connections."""

    _connection_limits = ConnectionLimits(connections=2)


def connect(url: str) -> socket.socket:
    place = urlsplit(url)
    return socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=60)


def received(connection: socket.socket) -> bytes:
    """Return all bytes until the server closes the connection, which may be at once."""
    found = b""
    try:
        while piece := connection.recv(65_536):
            found += piece
    except ConnectionError:
        pass
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
)
def test_long_heads(ecr: LocalECR, head: bytes) -> None:
    """A request line and headers that do not end are refused, however they go on."""
    with connect(ecr.endpoint) as connection:
        connection.sendall(head)

        assert received(connection).startswith(b"HTTP/1.1 431 ")


@pytest.mark.parametrize("rest", [b"1;" + b"x" * MIB, b"0\r\n" + b"X: y\r\n" * 17_500])
def test_chunk_extensions_and_trailers(ecr: LocalECR, rest: bytes) -> None:
    """Extensions and trailers of chunked bodies are bounded, too."""
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {TARGET}.PutImage\r\n"
    with connect(ecr.endpoint) as connection:
        with suppress(ConnectionError):
            connection.sendall(f"{head}Transfer-Encoding: chunked\r\n\r\n".encode() + rest)
        received(connection)  # ends


def test_requests_do_not_queue_up_without_end(ecr: LocalECR) -> None:
    """A client that sends many requests and reads no response is disconnected."""
    ecr.faults.add(None, latency=3_600, count=1)
    with connect(ecr.endpoint) as connection:
        connection.sendall(b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\n" * 100)

        assert received(connection) == b""


@pytest.mark.parametrize(
    "sent",
    [
        b"",
        b"\r\n",
        b"GET",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\n",
        b"GET /v2/ HTTP/1.1\r\nHost: x\r\n\r\nGET",
    ],
)
def test_slow_heads(sent: bytes) -> None:
    """A client that does not complete its headers gets 408 and is disconnected."""
    with Hasty() as ecr, connect(ecr.endpoint) as connection:
        connection.sendall(sent)

        assert b"HTTP/1.1 408 " in received(connection)


def test_stalled_bodies() -> None:
    """A body that makes no progress costs the connection."""
    head = f"POST / HTTP/1.1\r\nHost: x\r\nX-Amz-Target: {TARGET}.PutImage\r\nContent-Length: 9"
    with Hasty() as ecr, connect(ecr.endpoint) as connection:
        connection.sendall(f"{head}\r\n\r\nx".encode())

        assert received(connection) == b""


@LINUX
def test_unread_responses() -> None:
    """A response that nobody reads costs the connection."""
    with Hasty(auth=False) as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="app")
        data = bytes(1 << 24)
        digest = ecr._store.blobs.put(data)
        ecr._store.layers.add(RegistryKey(ecr.account, ecr.region), "app", digest, len(data))
        with connect(ecr.endpoint) as connection:
            connection.sendall(f"GET /v2/app/blobs/{digest} HTTP/1.1\r\n\r\n".encode())
            ended = select.poll()
            ended.register(connection, select.POLLRDHUP)

            assert ended.poll(60_000)


@pytest.mark.slow
@LINUX
def test_no_descriptors_are_left(start: Callable[..., Any]) -> None:
    """With too many connections, the log has one line, and the server goes on when they end."""
    import resource

    command = start()
    resource.prlimit(command.process.pid, resource.RLIMIT_NOFILE, (40, 40))
    opened = [connect(command.endpoint) for _ in range(100)]
    readable, _, _ = select.select([command.process.stderr], [], [], 60)
    line = command.process.stderr.readline() if readable else ""
    for connection in opened:
        connection.close()
    with command.client() as client:
        found = client.describe_repositories().repositories
    status, _, errors = command.stop(signal.SIGTERM)

    assert line.startswith("cannot accept connections: ")
    assert (found, status, errors) == ((), 0, "")


def test_connections_wait_for_room(caplog: pytest.LogCaptureFixture) -> None:
    """Connections beyond a bound are accepted when others end; that is logged once."""
    caplog.set_level(logging.WARNING, "ecr_client.local")
    with Crowded() as ecr:
        idle = [connect(ecr.endpoint) for _ in range(4)]
        with connect(ecr.endpoint) as last:
            last.sendall(b"GET /v2/ HTTP/1.0\r\n\r\n")
            for connection in idle:
                connection.close()

            assert received(last).startswith(b"HTTP/1.1 401 ")
    assert [record.message for record in caplog.records] == [
        "2 connections are open; further ones must wait"
    ]


def call(url: str, operation: str, **headers: str) -> int:
    """Send the headers of a request and nothing of its body; give the status of the response."""
    place = urlsplit(url)
    connection = HTTPConnection(str(place.hostname), int(place.port or 0), timeout=60)
    connection.putrequest("POST", "/")
    for name, value in {"X-Amz-Target": f"{TARGET}.{operation}", **headers}.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    status = connection.getresponse().status
    connection.close()
    return status


@pytest.mark.parametrize(
    "size", [{"Content_Length": str(20 * MIB)}, {"Transfer_Encoding": "chunked"}]
)
@pytest.mark.parametrize(
    "headers", [{}, {"Authorization": "nonsense"}, {"Authorization": SIGNED, "X_Amz_Date": "x"}]
)
def test_no_body_is_kept_for_strangers(
    ecr: LocalECR, size: dict[str, str], headers: dict[str, str]
) -> None:
    """A signature that cannot be right is refused before a large body arrives."""
    assert call(ecr.endpoint, "UploadLayerPart", **size, **headers) == 400


def test_only_parts_and_manifests_are_large(ecr: LocalECR) -> None:
    """No other operation has a large body."""
    assert call(ecr.endpoint, "DescribeRepositories", Content_Length=str(2 * MIB)) == 413


def test_the_size_of_the_log() -> None:
    """The log of requests has a maximum size, and keeps the last one."""
    requests = RequestLog()
    count = 2 * KEPT_BYTES // KEPT_BODY
    for number in range(count):
        request = SeenRequest(operation=str(number), method="POST", path="/")
        requests.add(request)
        requests.receive(request, bytes(KEPT_BODY))
    kept = sum(len(request.body or b"") for request in requests)

    assert requests[-1].operation == str(count - 1)
    assert KEPT_BYTES - 2 * KEPT_BODY < kept <= KEPT_BYTES


def test_headers_count_in_the_log() -> None:
    """Headers take memory as bodies do."""
    requests = RequestLog()
    for _ in range(3):
        headers = {"x": "x" * KEPT_BYTES}
        requests.add(SeenRequest(operation="", method="GET", path="/", headers=headers))

    assert len(requests) == 1


def test_a_budget_is_shared_in_order() -> None:
    """Nobody holds more than there is, the first to ask is the first to get, and all get it."""

    async def run() -> tuple[list[int], int]:
        budget, order, held, most = MemoryBudget(10), [], 0, 0

        async def use(size: int) -> None:
            nonlocal held, most
            async with budget.acquire(size):
                order.append(size)
                held += min(size, 10)
                most = max(most, held)
                await asyncio.sleep(0)
                held -= min(size, 10)

        await asyncio.wait_for(asyncio.gather(*map(use, [4, 4, 99, 1, 7, 3])), 60)
        return order, most

    order, most = asyncio.run(run())

    assert order == [4, 4, 99, 1, 7, 3]
    assert most == 10


def test_cancelled_waiters_release_memory() -> None:
    """A request that ends while it waits, or just when it gets its share, takes nothing along."""

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
        waiting[0].cancel()  # has its share, and does not know it yet
        await asyncio.wait(waiting)
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
def test_a_long_blob_is_read_apart(body: bytes) -> None:
    """However a request is written, its blob is what a reader of JSON finds."""
    whole = wire.decode(body)
    members, encoded = wire.extract_blob(body, "layerPartBlob")
    if encoded is not None:
        assert members["layerPartBlob"] == ""
        members["layerPartBlob"] = bytes(encoded).decode()

    assert members == whole


@pytest.mark.parametrize("body", [b'{"layerPartBlob": "YWJj', b'{"layerPartBlob": "YWJj"', b"[]"])
def test_a_body_that_is_no_json(body: bytes) -> None:
    """A body that is none is refused, also when its blob is read apart."""
    with pytest.raises(ServiceError, match="SerializationException"):
        wire.extract_blob(body, "layerPartBlob")


@pytest.mark.parametrize("size", [0, 1, 2, 3, MIB, 3 * MIB, 3 * MIB + 1])
def test_a_blob_is_decoded_in_pieces(size: int) -> None:
    """The pieces make the whole, whatever its length."""
    data = bytes(number % 251 for number in range(size))
    encoded = base64.b64encode(data)

    blob = wire.EncodedBlob(memoryview(encoded), "layerPartBlob")

    assert (len(blob), b"".join(blob)) == (size, data)


@pytest.mark.parametrize("text", [b"Y", b"YWJ", b"YW=j", b"YW J", b"\xff\xff\xff\xff", b"YQ==YWJj"])
@pytest.mark.parametrize("before", [b"", b"YWJj" * (1 << 18)])
def test_a_blob_that_is_no_base64(before: bytes, text: bytes) -> None:
    """Base64 that is malformed anywhere is refused."""
    with pytest.raises(ServiceError, match="is not base64"):
        list(wire.EncodedBlob(memoryview(before + text), "layerPartBlob"))


def test_base64_does_not_end_between_two_pieces() -> None:
    """Padding at the end of a piece is refused, if that is not the end of all."""
    piece = b"YWJj" * ((1 << 18) - 1) + b"YQ=="
    with pytest.raises(ServiceError, match="is not base64"):
        list(wire.EncodedBlob(memoryview(piece + b"YWJj"), "layerPartBlob"))
