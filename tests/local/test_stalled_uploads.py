"""Concurrent requests for one upload, one of which stalls."""

from __future__ import annotations

import asyncio
import base64
import math
import signal
import socket
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client.exceptions import AmazonClientException, InvalidLayerPartException
from ecr_client.local.distribution.sessions import UploadSessions
from ecr_client.local.store import Blobs, UploadChangedError
from ecr_client.oci import Digest

pytestmark = pytest.mark.slow

DATA = b"x" * 1_000
#: More than the server has threads.
MANY = 48


class Stalling:
    """An upload to a separate server, which both protocols can reach."""

    def __init__(self, command: Any, uploads: Any, dial: Any, login: Any) -> None:
        self.url, self.dial = command.endpoint, dial
        self.client = command.client(read_timeout=60, max_pool_connections=MANY)
        self.client.create_repository(repository_name="app")
        self.auth = login(self.client)
        self.upload = uploads(self.client)
        self.path = f"/v2/app/blobs/uploads/{self.upload.id}"

    def stall(self, method: str = "PATCH", query: str = "") -> socket.socket:
        """Begin to send bytes, and stall."""
        token = base64.b64encode(":".join(self.auth).encode()).decode()
        head = (
            f"{method} {self.path}{query} HTTP/1.1\r\nHost: localhost\r\n"
            f"Authorization: Basic {token}\r\nContent-Length: {len(DATA)}\r\n"
            "Expect: 100-continue\r\n\r\n"
        )
        connection: socket.socket = self.dial(self.url, head.encode())
        # The server requests the bytes once it has begun to work.
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(DATA[:300])
        return connection

    def send(self, method: str, **query: str) -> requests.Response:
        url = self.url + self.path
        return requests.request(method, url, params=query, auth=self.auth, timeout=60)


@pytest.fixture
def stalling(
    start: Callable[..., Any], uploads: Any, dial: Any, login: Any
) -> Iterator[tuple[Stalling, Any]]:
    """Yield an upload to a server in a separate process, and the process."""
    command = start()
    found = Stalling(command, uploads, dial, login)
    with found.client:
        yield found, command


def test_parts_during_a_stalled_chunk(stalling: Any) -> None:
    """Parts that arrive while a chunk stalls get their responses, and the server still stops."""
    (found, command) = stalling

    def part(number: int) -> str:
        try:
            found.upload.part(b"%03d" % number)
        except InvalidLayerPartException as error:
            return f"refused after {error.last_valid_byte_received}"
        except AmazonClientException as error:
            return repr(error)
        return "taken"

    with found.stall() as stalled, ThreadPoolExecutor(MANY) as pool:
        outcomes = Counter(pool.map(part, range(MANY)))
        stalled.sendall(DATA[300:])
        late = stalled.recv(65_536)
    # Another part, to see that the threads are free, and a chunk that stalls until the stop.
    received = found.upload.part(b"end", 3)
    with found.stall():
        status, _, errors = command.stop(signal.SIGTERM)

    assert outcomes == {"taken": 1, "refused after 2": MANY - 1}
    assert late.startswith(b"HTTP/1.1 416 ")
    assert received == 5
    assert (status, errors) == (0, "")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_finishing_while_a_chunk_stalls(stalling: Any, method: str) -> None:
    """A chunk that has not arrived completely does not count, and blocks no other request."""
    found, _ = stalling
    found.upload.part(b"abc")
    with found.stall(method, f"?digest={Digest.of(DATA)}") as stalled:
        progress = found.send("GET").headers["Range"]
        finished = found.send("PUT", digest=Digest.of(b"abc"))
        stalled.sendall(DATA[300:])
        late = stalled.recv(65_536)

    assert (progress, finished.status_code) == ("0-2", 201)
    assert late.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("operation", ["complete", "cancel"])
def test_ending_while_a_chunk_stalls(stalling: Any, operation: str) -> None:
    """An upload can be completed by the API, or cancelled, while a chunk stalls."""
    found, _ = stalling
    found.upload.part(b"abc")
    with found.stall():
        if operation == "cancel":
            assert found.send("DELETE").status_code == 204
        else:
            found.upload.complete(Digest.of(b"abc"))
        left = found.send("GET").status_code

    assert left == 404


def test_concurrent_chunks(tmp_path: Path) -> None:
    """A second chunk finds the upload unchanged, and the first one is lost."""
    blobs = Blobs(tmp_path)
    upload = blobs.begin()
    upload.append(b"1")
    first = upload.begin_chunk()
    first.append(b"lost")
    second = upload.begin_chunk()
    second.append(b"23")
    with pytest.raises(UploadChangedError):
        first.append(b"more")
    with pytest.raises(UploadChangedError):
        upload.commit_chunk(first)
    upload.discard_chunk(first)
    upload.commit_chunk(second)
    third = upload.begin_chunk()
    third.append(b"dropped")
    upload.discard_chunk(third)

    assert blobs.upload_path(upload.id).read_bytes() == b"123"
    assert blobs.read(upload.commit()) == b"123"


@pytest.mark.parametrize(
    ("patience", "heard_at", "gets_lease"),
    [(0.0, -math.inf, True), (60.0, -math.inf, True), (0.0, math.inf, False)],
)
def test_leases_expire(patience: float, heard_at: float, gets_lease: bool) -> None:
    """A request takes over the lease of one that has gone silent, but not of an active one."""

    async def run() -> bool:
        sessions = UploadSessions(patience)
        async with sessions.lease("upload") as first:
            assert first is not None
            first.renewed_at = heard_at
            async with sessions.lease("upload") as second:
                return second is not None

    assert asyncio.run(run()) is gets_lease


def test_leases_follow_each_other() -> None:
    """Requests for one upload get the lease one after the other."""
    seen = []

    async def take(sessions: UploadSessions, name: str) -> None:
        async with sessions.lease("upload") as lease:
            assert lease is not None
            seen.append(name)
            await asyncio.sleep(0)
            seen.append(name)

    async def run() -> None:
        sessions = UploadSessions(60.0)
        await asyncio.gather(*(take(sessions, name) for name in "abc"))

    asyncio.run(run())

    assert seen == ["a", "a", "b", "b", "c", "c"]
