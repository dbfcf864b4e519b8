"""How long a download may take, what ends it, and what it leaves behind."""

from __future__ import annotations

import gc
import hashlib
import tracemalloc
from typing import Any

import pytest

from ecr_client import RetryPolicy
from ecr_client.exceptions import (
    ClientShutdownException,
    LayerDownloadException,
    TotalTimeoutException,
)
from ecr_client.transport import (
    Deadline,
    HTTPRequest,
    InMemory,
    StreamingResponse,
    Transport,
)

MIB = 1024 * 1024


class ManualClock:
    """A clock that advances only when a test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(client: Any) -> ManualClock:
    """Return the clock by which the client measures how long its calls take."""
    made = ManualClock()
    client._make_pipeline().monotonic = made
    return made


def test_total_timeout_does_not_limit_the_reader(
    client: Any, storage: Any, clock: ManualClock
) -> None:
    """A reader may take as long as it likes, even if the connection breaks meanwhile."""
    storage.script = [storage.cut(20), storage.refuse(503), storage.refuse(403)]
    with client.with_options(timeout=5).layer() as layer:
        content = layer.read(10)
        clock.now += 3600
        content += layer.read(10)
        clock.now += 3600
        content += layer.read()

    assert content == storage.content


def test_total_timeout_limits_each_request(client: Any, storage: Any) -> None:
    """If the storage does not begin to respond in time, the call times out."""
    client.content()  # Connect first, so that the timeout is not spent on that.
    storage.script = [lambda seen: storage.stall(0)(seen)._replace(status=0)]
    with pytest.raises(TotalTimeoutException, match="total_timeout"):
        client.with_options(timeout=1).content()

    assert storage.left.wait(30)


def test_waits_are_limited_by_total_timeout(make_client: Any, storage: Any) -> None:
    """A retry that would exceed the total timeout is not waited for."""
    waits: list[float] = []
    policy = RetryPolicy(base_delay=8, random=lambda: 1.0, sleep=waits.append)
    client = make_client(retry=policy, total_timeout=10)
    storage.script = [storage.refuse(503)] * 2
    with pytest.raises(LayerDownloadException) as raised:
        client.content()

    assert (raised.value.attempts, waits) == (2, [8.0])


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_a_download_is_finished_after_shutdown(client: Any, storage: Any) -> None:
    """A response that has begun can be read to its end, and then its connection is closed."""
    storage.script = [lambda seen: storage.serve(seen)._replace(stall=True)]
    with client.layer() as layer:
        content = layer.read(10)
        client.shutdown()
        content += layer.read()

    assert content == storage.content
    assert storage.left.wait(30)


def test_nothing_is_sent_after_shutdown(make_client: Any, storage: Any) -> None:
    """After a shutdown, no request is sent, whether to begin, to resume or to retry."""
    client = make_client()
    layer = client.layer()
    storage.script = [storage.cut(10)]
    with client.layer() as begun:
        begun.read(10)
        client.shutdown()
        for each in (begun, layer):
            with pytest.raises(
                ClientShutdownException, match="DownloadLayer: the client was shut down"
            ):
                each.read()
    assert len(storage.requests) == 1

    waiting = make_client(retry=RetryPolicy(sleep=lambda _: waiting.shutdown()))
    storage.script = [storage.refuse(503)]
    with pytest.raises(ClientShutdownException):
        waiting.content()
    assert len(storage.requests) == 2


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_an_interrupt_releases_the_connection(client: Any, storage: Any) -> None:
    """Whatever ends the block, the connection is closed at its end."""
    storage.script = [storage.stall(10)]
    layer = client.layer()
    with pytest.raises(KeyboardInterrupt), layer:
        raise KeyboardInterrupt

    assert storage.left.wait(30)
    with pytest.raises(ValueError, match="is closed"):
        layer.read()


def test_an_interrupted_read_loses_nothing(
    client: Any, storage: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within the block, the next read continues where an interrupted one was."""

    def interrupt(self: Any, size: int) -> bytes:
        monkeypatch.undo()
        raise KeyboardInterrupt

    storage.script = [storage.stall(10)]
    with client.layer() as layer:
        content = layer.read(10)
        monkeypatch.setattr(StreamingResponse, "read1", interrupt)
        with pytest.raises(KeyboardInterrupt):
            layer.read()
        left = storage.left.wait(30)
        content += layer.read()

    assert content == storage.content
    assert left
    assert storage.ranges_seen() == [None, "bytes=10-"]


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
def test_a_download_that_is_left_early(client: Any, storage: Any) -> None:
    """The connection of a layer that was not read to its end is closed, and no other."""
    client.content()
    storage.script = [storage.stall(10)]
    with client.layer() as layer:
        layer.read(5)
    left = storage.left.wait(30)
    client.content()

    assert left
    assert storage.connections == 2


def test_a_large_layer_is_never_held(client: Any, storage: Any) -> None:
    """The memory that a download takes does not depend on the size of the layer."""
    piece = memoryview(bytes(MIB))
    digest = hashlib.sha256()
    for _ in range(16):
        digest.update(piece)
    storage.script = [
        storage.send(200, {"Content-Length": str(16 * MIB)}, *[piece] * 9, close=True),
        storage.send(200, {"Content-Length": str(16 * MIB)}, *[piece] * 16),
    ]
    gc.collect()
    tracemalloc.start()
    try:
        with client.layer(layer_digest=f"sha256:{digest.hexdigest()}") as layer:
            size = sum(map(len, layer.iter_bytes()))
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert size == 16 * MIB
    assert peak < 6 * MIB


def test_a_huge_read_reserves_nothing(client: Any, storage: Any) -> None:
    """A size is only a limit; memory is allocated for what has arrived."""
    storage.script = [storage.send(200, {}, storage.content, close=True)] * 2
    with client.layer() as layer:
        content = layer.read(1 << 62)
    with client.layer() as layer:
        pieces = list(layer.iter_bytes(1 << 62))

    assert content == b"".join(pieces) == storage.content


def test_views_download_with_their_options(client: Any, storage: Any) -> None:
    """A view has the retries that it was made with, and the connections of its client."""
    view = client.with_options(retry=RetryPolicy(max_attempts=1))
    client.content()
    storage.script = [storage.refuse(503)]
    with pytest.raises(LayerDownloadException) as raised:
        view.content()
    content = view.content()

    assert raised.value.attempts == 1
    assert content == storage.content
    assert storage.connections <= 2


class Counting(InMemory):
    """A body that counts how often it is read."""

    reads = 0

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        self.reads += 1
        return super().read1(size, deadline)


class Recorder(Transport):
    """A transport that responds from memory, ignores ranges, and records the requests."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.requests: list[HTTPRequest] = []
        self.bodies: list[Counting] = []

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        self.requests.append(request)
        self.bodies.append(Counting(self.content))
        headers = {"Content-Length": str(len(self.content))}
        return StreamingResponse(request, 200, headers, self.bodies[-1])


def test_another_transport_sends_the_requests(client: Any, storage: Any) -> None:
    """A transport that was set before a download sends its requests."""
    client.transport = recorder = Recorder(storage.content)
    content = client.content()
    (request,) = recorder.requests

    assert content == storage.content
    assert (request.method, request.url) == ("GET", client.urls[0])
    assert (request.purpose, request.body) == ("DownloadLayer", b"")
    assert repr(request) == f"<HTTPRequest GET {storage.url}?***, 0 bytes>"
    assert storage.requests == []


def test_skipping_reads_large_pieces(client: Any) -> None:
    """Bytes before the start are skipped in large pieces, even if reads are small."""
    client.transport = recorder = Recorder(bytes(3 * MIB) + b"end")
    with client.layer(start=3 * MIB) as layer:
        content = [layer.read(1), layer.read(2)]

    assert content == [b"e", b"nd"]
    assert recorder.bodies[0].reads == 5


def test_a_download_keeps_its_transport(client: Any, storage: Any) -> None:
    """A transport that is set during a download is used from the next one on."""
    storage.script = [storage.cut(20)]
    with client.layer() as layer:
        content = layer.read(20)
        client.transport = recorder = Recorder(storage.content)
        content += layer.read()
    before = len(recorder.requests)
    again = client.content()

    assert content == again == storage.content
    assert (before, len(recorder.requests)) == (0, 1)
