"""Requests for one upload at the same time, one of which does not go on."""

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
from urllib.parse import urlsplit

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


class Upload:
    """An upload in a server of its own, reached by both protocols."""

    def __init__(self, command: Any) -> None:
        self.url = command.endpoint
        self.client = command.client(read_timeout=60, max_pool_connections=MANY)
        self.client.create_repository(repository_name="app")
        (data,) = self.client.get_authorization_token().authorization_data
        self._token = str(data.authorization_token)
        self.id = str(self.client.initiate_layer_upload(repository_name="app").upload_id)
        self.common: dict[str, Any] = {"repository_name": "app", "upload_id": self.id}
        self.path = f"/v2/app/blobs/uploads/{self.id}"

    def stall(self, method: str = "PATCH", query: str = "") -> socket.socket:
        """Begin to send bytes, and do not go on."""
        place = urlsplit(self.url)
        connection = socket.create_connection((str(place.hostname), int(place.port or 0)), 60)
        connection.sendall(
            f"{method} {self.path}{query} HTTP/1.1\r\nHost: {place.netloc}\r\n"
            f"Authorization: Basic {self._token}\r\nContent-Length: {len(DATA)}\r\n"
            "Expect: 100-continue\r\n\r\n".encode()
        )
        # The server asks for the bytes when it has begun to work.
        assert connection.recv(65_536).startswith(b"HTTP/1.1 100 ")
        connection.sendall(DATA[:300])
        return connection

    def part(self, data: bytes, first: int = 0) -> Any:
        return self.client.upload_layer_part(
            **self.common,
            part_first_byte=first,
            part_last_byte=first + len(data) - 1,
            layer_part_blob=data,
        ).last_byte_received

    def send(self, method: str, data: bytes = b"", **query: str) -> requests.Response:
        user, _, password = base64.b64decode(self._token).decode().partition(":")
        return requests.request(
            method, self.url + self.path, params=query, data=data, auth=(user, password), timeout=60
        )


@pytest.fixture
def upload(start: Callable[..., Any]) -> Iterator[Upload]:
    """Yield an upload in a process of its own, so that its end can be tested, too."""
    found = Upload(start())
    with found.client:
        yield found


def test_parts_do_not_wait_for_a_stalled_chunk(start: Callable[..., Any]) -> None:
    """Parts that arrive while a chunk stalls get their responses, and the server stops."""
    command = start()
    upload = Upload(command)

    def part(number: int) -> str:
        try:
            upload.part(b"%03d" % number)
        except InvalidLayerPartException as error:
            return f"refused after {error.last_valid_byte_received}"
        except AmazonClientException as error:
            return repr(error)
        return "taken"

    with upload.stall() as stalled, ThreadPoolExecutor(MANY) as pool:
        outcomes = Counter(pool.map(part, range(MANY)))
        stalled.sendall(DATA[300:])
        late = stalled.recv(65_536)
    # One more, to see that the threads are free, and another stream that stalls until the end.
    received = upload.part(b"end", first=3)
    with upload.client, upload.stall():
        status, _, errors = command.stop(signal.SIGTERM)

    assert outcomes == {"taken": 1, "refused after 2": MANY - 1}
    assert late.startswith(b"HTTP/1.1 416 ")
    assert received == 5
    assert (status, errors) == (0, "")


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_finishing_while_a_chunk_stalls(upload: Upload, method: str) -> None:
    """Bytes that have not all arrived do not count, and do not keep anybody from what does."""
    upload.part(b"abc")
    with upload.stall(method, f"?digest={Digest.of(DATA)}") as stalled:
        progress = upload.send("GET").headers["Range"]
        finished = upload.send("PUT", digest=Digest.of(b"abc"))
        stalled.sendall(DATA[300:])
        late = stalled.recv(65_536)

    assert progress == "0-2"
    assert finished.status_code == 201
    assert late.startswith(b"HTTP/1.1 404 ")


@pytest.mark.parametrize("operation", ["complete", "cancel"])
def test_ending_while_a_chunk_stalls(upload: Upload, operation: str) -> None:
    """The API finishes what counts, and the registry drops it, whoever stalls meanwhile."""
    upload.part(b"abc")
    with upload.stall():
        if operation == "cancel":
            assert upload.send("DELETE").status_code == 204
        else:
            upload.client.complete_layer_upload(**upload.common, layer_digests=[Digest.of(b"abc")])
        left = upload.send("GET").status_code

    assert left == 404


def test_a_lost_chunk(tmp_path: Path) -> None:
    """A second chunk finds the upload as it was, and the first one is lost."""
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
    ("patience", "heard_at", "gets_a_turn"),
    [(0.0, -math.inf, True), (60.0, -math.inf, True), (0.0, math.inf, False)],
)
def test_leases_expire(patience: float, heard_at: float, gets_a_turn: bool) -> None:
    """A request takes over from one that has gone silent, and is told of one that has not."""

    async def run() -> bool:
        turns = UploadSessions(patience)
        async with turns.lease("upload") as first:
            assert first is not None
            first.renewed_at = heard_at
            async with turns.lease("upload") as second:
                return second is not None

    assert asyncio.run(run()) is gets_a_turn


def test_leases_follow_each_other() -> None:
    """Requests for one upload get the lease one after the other."""

    async def run() -> list[str]:
        turns, seen = UploadSessions(60.0), []

        async def take(name: str) -> None:
            async with turns.lease("upload") as turn:
                assert turn is not None
                seen.append(name)
                await asyncio.sleep(0)
                seen.append(name)

        await asyncio.gather(*(take(name) for name in "abc"))
        return seen

    assert asyncio.run(run()) == ["a", "a", "b", "b", "c", "c"]
