"""The queue of a pool: which idle connections it hands out, and which it closes."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from types import SimpleNamespace
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool

from ecr_client._transport.adapter import IdleConnections

LONGEST = 60.0


class Connection:
    """A fake connection, with as much as the queue uses."""

    def __init__(self, sock: Any = "plain") -> None:
        self.sock = sock
        self.is_closed = False

    def close(self) -> None:
        self.is_closed, self.sock = True, None


def tls(pending: int = 0) -> Any:
    """Return a fake socket with TLS, with as much as the queue uses."""
    return SimpleNamespace(pending=lambda: pending)


def nested(inner: int = 0, received: int = 0, outer: int = 0) -> Any:
    """Return a fake socket with TLS within TLS, with pending bytes in each place."""
    incoming = SimpleNamespace(pending=received)
    return SimpleNamespace(sslobj=tls(inner), incoming=incoming, socket=tls(outer))


@pytest.fixture
def make(clock: Any) -> Callable[..., IdleConnections]:
    """Return a function that makes queues whose clock is the test's."""
    return lambda size=10: IdleConnections(size, LONGEST, clock)


def get(idle: IdleConnections) -> Any:
    """Return what the queue hands out, or None."""
    try:
        return idle.get_nowait()
    except queue.Empty:
        return None


@pytest.mark.parametrize("options", [{}, {"block": False}, {"block": True, "timeout": 1000}])
def test_order(make: Any, options: dict[str, Any]) -> None:
    """The connection used last is handed out first; an empty queue raises Empty at once."""
    idle, connections = make(), [Connection() for _ in range(3)]
    for each in connections:
        idle.put(each, block=False)

    assert (idle.empty(), idle.qsize()) == (False, 3)
    assert [idle.get(**options) for _ in range(3)] == connections[::-1]
    assert (idle.empty(), idle.qsize()) == (True, 0)
    with pytest.raises(queue.Empty):
        idle.get(**options)
    idle.put_nowait(connections[0])
    assert idle.get_nowait() is connections[0]


@pytest.mark.parametrize(("age", "is_kept"), [(0.0, True), (LONGEST, True), (LONGEST + 0.1, False)])
def test_too_old(make: Any, clock: Any, age: float, is_kept: bool) -> None:
    """A connection that was idle for longer than it may be is closed, however often it was used."""
    idle, connection = make(), Connection()
    for _ in range(3):
        idle.put(connection)
        clock.now += LONGEST
        assert idle.get() is connection
    idle.put(connection)
    clock.now += age

    assert (get(idle) is connection, connection.is_closed) == (is_kept, not is_kept)


def test_put_closes_old_ones(make: Any, clock: Any) -> None:
    """Putting a connection back closes idle ones that are too old."""
    idle, old, new = make(), [Connection(), Connection()], Connection()
    for each in old:
        idle.put(each)
    clock.now += LONGEST + 1
    idle.put(new)

    assert [each.is_closed for each in old] == [True, True]
    assert (idle.qsize(), idle.get()) == (1, new)


@pytest.mark.parametrize("size", [1, 2])
def test_too_many(make: Any, size: int) -> None:
    """The queue never holds more connections than its size, and closes the oldest."""
    idle, connections = make(size), [Connection() for _ in range(4)]
    for each in connections:
        idle.put(each, block=False)

    assert idle.qsize() == size
    assert [each.is_closed for each in connections] == [True] * (4 - size) + [False] * size


@pytest.mark.parametrize(
    ("sock", "is_clean"),
    [
        *(("plain", True), (tls(), True), (nested(), True), (tls(1), False)),
        *((nested(inner=1), False), (nested(received=1), False), (nested(outer=1), False)),
    ],
)
def test_unclean(make: Any, sock: Any, is_clean: bool) -> None:
    """A connection on which TLS has read more than the response is closed, not handed out."""
    idle, other, connection = make(), Connection(), Connection(sock)
    idle.put(other)
    idle.put(connection)

    assert idle.get() is (connection if is_clean else other)
    assert connection.is_closed is not is_clean


def test_closed_ones_are_dropped(make: Any) -> None:
    """A closed connection takes no slot, whether closed before it is put back or while idle."""
    idle, connection = make(), Connection()
    for gone in (None, Connection(None)):
        idle.put(gone, block=False)
    assert (idle.empty(), idle.qsize()) == (True, 0)

    idle.put(connection)
    connection.close()
    assert get(idle) is None


def test_close(make: Any) -> None:
    """Closing the queue, or a urllib3 pool that has it, closes all connections."""
    for close_pool in (False, True):
        pool, connections = HTTPConnectionPool("localhost"), [Connection() for _ in range(3)]
        pool.pool = idle = make()
        for each in connections:
            idle.put(each)
        if close_pool:
            pool.close()
        else:
            idle.close()
            idle.close()

        assert all(each.is_closed for each in connections)
        assert idle.empty()


def test_many_threads(make: Any) -> None:
    """No connection is handed out twice at the same time, and none is lost."""
    idle, connections = make(4), [Connection() for _ in range(4)]
    for each in connections:
        idle.put(each)
    used: set[Any] = set()

    def use(_: int) -> bool:
        connection = get(idle)
        if connection is None:
            return True
        is_mine = connection not in used
        used.add(connection)
        used.discard(connection)
        idle.put(connection)
        return is_mine

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(2000)))

    assert {id(idle.get()) for _ in range(4)} == {id(each) for each in connections}
