"""The queue of a pool: which idle connections it hands out, and which it closes."""

from __future__ import annotations

import queue
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from urllib3 import HTTPConnectionPool

from ecr_client._transport.adapter import IdleConnections

LONGEST = 60.0


class Socket:
    """As much of a socket of TLS as is looked at."""

    def __init__(self, pending: int = 0) -> None:
        self._pending = pending

    def pending(self) -> int:
        return self._pending


class PlainSocket:
    """A socket has no method for what OpenSSL has read already."""


class Bytes:
    """What TLS within TLS has read already."""

    def __init__(self, pending: int) -> None:
        self.pending = pending


class Nested:
    """As much of TLS within TLS as is looked at: records, and the bytes of both layers."""

    def __init__(self, inner: int = 0, received: int = 0, outer: int = 0) -> None:
        self.sslobj = Socket(inner)
        self.incoming = Bytes(received)
        self.socket = Socket(outer)


class Connection:
    """As much of a connection as the queue knows of it."""

    def __init__(self, sock: Any = "plain") -> None:
        self.sock = PlainSocket() if sock == "plain" else sock
        self.is_closed = False

    def close(self) -> None:
        self.is_closed, self.sock = True, None


@pytest.fixture
def make(clock: Any) -> Callable[..., IdleConnections]:
    """Return a function that makes queues whose clock is the test's."""
    return lambda size=10: IdleConnections(size, LONGEST, clock)


@pytest.mark.parametrize("options", [{}, {"block": False}, {"block": True, "timeout": 1000}])
def test_empty(make: Any, options: dict[str, Any]) -> None:
    """An empty queue says so at once, whatever a pool wants to wait for."""
    idle = make()

    assert (idle.empty(), idle.qsize()) == (True, 0)
    with pytest.raises(queue.Empty):
        idle.get(**options)


def test_the_newest_comes_first(make: Any) -> None:
    """Those that were used last are used next, so that the others grow old."""
    idle, connections = make(), [Connection() for _ in range(3)]
    for each in connections:
        idle.put(each, block=False)

    assert (idle.empty(), idle.qsize()) == (False, 3)
    assert [idle.get() for _ in range(3)] == connections[::-1]
    assert (idle.empty(), idle.qsize()) == (True, 0)


def test_the_methods_that_do_not_wait(make: Any) -> None:
    """What a queue has besides works as well."""
    idle, connection = make(), Connection()
    idle.put_nowait(connection)

    assert idle.get_nowait() is connection


@pytest.mark.parametrize(("age", "is_kept"), [(0.0, True), (LONGEST, True), (LONGEST + 0.1, False)])
def test_too_old(make: Any, clock: Any, age: float, is_kept: bool) -> None:
    """A connection that was idle for longer than it may be is closed, not handed out."""
    idle, connection = make(), Connection()
    idle.put(connection)
    clock.now += age
    found = None if idle.empty() else _get(idle)

    assert (found is connection, connection.is_closed) == (is_kept, not is_kept)


def _get(idle: IdleConnections) -> Any:
    try:
        return idle.get()
    except queue.Empty:
        return None


def test_only_the_time_of_rest_counts(make: Any, clock: Any) -> None:
    """A connection that is used again and again may become as old as it likes."""
    idle, connection = make(), Connection()
    for _ in range(5):
        idle.put(connection)
        clock.now += LONGEST

        assert idle.get() is connection


def test_the_old_are_closed_when_others_come_back(make: Any, clock: Any) -> None:
    """Old connections do not wait for somebody who would find them too old."""
    idle, old, new = make(), [Connection(), Connection()], Connection()
    for each in old:
        idle.put(each)
    clock.now += LONGEST + 1
    idle.put(new)

    assert [each.is_closed for each in old] == [True, True]
    assert (idle.qsize(), idle.get()) == (1, new)


@pytest.mark.parametrize("size", [1, 2])
def test_too_many(make: Any, size: int) -> None:
    """There are never more than the pool wants to keep, and the oldest are closed."""
    idle, connections = make(size), [Connection() for _ in range(4)]
    for each in connections:
        idle.put(each, block=False)

    assert idle.qsize() == size
    assert [each.is_closed for each in connections] == [True] * (4 - size) + [False] * size


@pytest.mark.parametrize("sock", [Socket(1), Nested(inner=1), Nested(received=1), Nested(outer=1)])
def test_unclean(make: Any, sock: Any) -> None:
    """A connection of which TLS has read more than the response is closed, not handed out."""
    idle, unclean, clean = make(), Connection(sock), Connection()
    idle.put(clean)
    idle.put(unclean)

    assert idle.get() is clean
    assert unclean.is_closed


@pytest.mark.parametrize("sock", [PlainSocket(), Socket(), Nested()])
def test_clean(make: Any, sock: Any) -> None:
    """A connection of which nothing is left is handed out, whatever its socket is."""
    idle, connection = make(), Connection(sock)
    idle.put(connection)

    assert idle.get() is connection
    assert not connection.is_closed


@pytest.mark.parametrize("connection", [None, Connection(None)])
def test_closed_ones_are_dropped(make: Any, connection: Any) -> None:
    """What pools put in for a connection that is gone takes no place."""
    idle = make()
    idle.put(connection, block=False)

    assert (idle.empty(), idle.qsize()) == (True, 0)


def test_one_that_is_closed_while_it_is_idle(make: Any) -> None:
    """A connection that somebody else has closed is not handed out."""
    idle, connection = make(), Connection()
    idle.put(connection)
    connection.close()

    with pytest.raises(queue.Empty):
        idle.get()


def test_close(make: Any) -> None:
    """All are closed, and the queue can be used on."""
    idle, connections = make(), [Connection() for _ in range(3)]
    for each in connections:
        idle.put(each)
    idle.close()
    idle.close()

    assert all(each.is_closed for each in connections)
    assert idle.empty()


def test_pools_drain_it(make: Any) -> None:
    """A pool of urllib3 that is closed closes what is in the queue."""
    pool, connections = HTTPConnectionPool("localhost"), [Connection() for _ in range(3)]
    pool.pool = idle = make()
    for each in connections:
        idle.put(each)
    pool.close()

    assert all(each.is_closed for each in connections)


def test_many_threads(make: Any) -> None:
    """No connection is handed out twice at the same time, and none is lost."""
    idle, connections = make(4), [Connection() for _ in range(4)]
    for each in connections:
        idle.put(each)
    used: set[Any] = set()

    def use(_: int) -> bool:
        connection = _get(idle)
        if connection is None:
            return True
        is_mine = connection not in used
        used.add(connection)
        used.discard(connection)
        idle.put(connection)
        return is_mine

    with ThreadPoolExecutor(8) as threads:
        assert all(threads.map(use, range(5000)))

    assert {id(idle.get()) for _ in range(4)} == {id(each) for each in connections}
