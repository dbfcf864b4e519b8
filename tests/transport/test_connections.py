"""Connections: kept alive, reused while they are usable, and closed in the end."""

from __future__ import annotations

import gc
import io
import logging
import socket
import sys
import threading
import warnings
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient
from ecr_client.exceptions import ClientShutdownException, ReadTimeoutException
from ecr_client.transport import Deadline

PATIENCE = 20
SHORT = 0.3


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for it")
@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_keep_alive(peer: Any, connect: Any, proxy: Any, tls: bool, way: str) -> None:
    """TCP probes idle connections, directly and through a proxy, with and without TLS."""
    # An HTTP proxy receives requests for plain URLs itself, and tunnels others.
    near = proxy if tls else peer()
    server = peer(tls=tls)
    proxies = {"https" if tls else "http": near.url} if way == "proxy" else {}
    transport = connect(proxies=proxies)
    transport.read(server.url)
    (connection,) = transport.idle()

    def option(level: int, name: int) -> int:
        return int(connection.sock.getsockopt(level, name))

    assert len(near.visits) == (1 if way == "proxy" else 0)
    assert option(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 1
    assert option(socket.IPPROTO_TCP, socket.TCP_KEEPIDLE) == 60
    assert option(socket.IPPROTO_TCP, socket.TCP_KEEPINTVL) == 15
    assert option(socket.IPPROTO_TCP, socket.TCP_KEEPCNT) == 10
    assert option(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 1


def test_reuse(peer: Any, connect: Any, proxy: Any) -> None:
    """Consecutive requests share one connection for each origin, or one tunnel."""
    servers, transport = [peer(), peer(tls=True), peer()], connect()
    for each in servers * 3:
        transport.read(each.url)
    tunnelled = connect(proxies={"https": proxy.url})
    for _ in range(3):
        tunnelled.read(servers[1].url)

    assert [len(each.visits) for each in servers] == [1, 2, 1]
    assert [len(each.requests) for each in servers] == [3, 6, 3]
    assert len(proxy.visits) == 1


def test_more_origins_than_urllib3_remembers(peer: Any, connect: Any) -> None:
    """An origin whose pool urllib3 has closed is connected to again."""
    servers, transport = [peer() for _ in range(12)], connect()
    for each in servers * 2:
        assert transport.read(each.url).body == b"{}"

    assert [len(each.requests) for each in servers] == [2] * 12


def test_more_threads_than_connections(peer: Any, connect: Any, caplog: Any) -> None:
    """40 threads with a pool of 2 connections log no warning, and leave 2 connections open."""
    arrived = threading.Barrier(40)

    def handle(visit: Any) -> None:
        visit.request()
        arrived.wait(PATIENCE)
        visit.respond()
        visit.wait_for_the_end()

    server, transport = peer(handle), connect(max_pool_connections=2)
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(40) as threads:
        bodies = [each.body for each in threads.map(transport.read, [server.url] * 40)]
    kept = {each.sock.getsockname() for each in transport.idle()}
    closed = [each for each in server.visits if each.address not in kept]

    assert bodies == [b"{}"] * 40
    assert (len(kept), len(closed)) == (2, 38)
    assert all(each.ended.wait(PATIENCE) for each in closed)
    assert caplog.records
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []


def test_idle_for_too_long(peer: Any, connect: Any, tls: bool) -> None:
    """A connection that was idle for longer than `connection_max_idle_time` is not reused."""
    server, transport = peer(tls=tls), connect(connection_max_idle_time=1e-9)
    for number in range(1, 4):
        transport.read(server.url)

        assert len(server.visits) == number
    for each in server.visits[:-1]:
        assert each.ended.wait(PATIENCE)


def test_a_timeout_costs_one_connection(peer: Any, connect: Any, tls: bool) -> None:
    """When one request times out, the other idle connections remain in use."""
    both, silent = threading.Barrier(2), threading.Event()

    def handle(visit: Any) -> None:
        visit.request()
        both.wait(PATIENCE)
        visit.respond()
        while True:
            visit.request()
            if not silent.is_set():
                silent.set()
                visit.over.wait()
            visit.respond()

    server, transport = peer(handle, tls=tls), connect()
    patient, hasty = transport.config, attrs.evolve(transport.config, read_timeout=SHORT)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(transport.read, [server.url] * 2))
    transport.config = hasty
    with pytest.raises(ReadTimeoutException):
        transport.read(server.url)
    transport.config = patient

    assert transport.read(server.url).body == b"{}"
    assert len(server.visits) == 2


EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
FIRST = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "error": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
}
#: What follows a response: a little, and more than any buffer holds.
EXTRA = {"one": EVIL, "garbage": bytes(100), "many": EVIL * 5000}


def echo(visit: Any) -> None:
    """Respond to each request with its target."""
    while True:
        visit.respond(visit.request().path.encode())


@pytest.mark.parametrize(
    ("first", "extra", "is_later"),
    [
        *((first, "one", False) for first in FIRST),
        *(("length", "garbage", False), ("length", "many", False)),
        *(("length", extra, True) for extra in EXTRA),
    ],
)
def test_extra_bytes(
    peer: Any, connect: Any, tls: bool, first: str, extra: str, is_later: bool
) -> None:
    """Whatever bytes follow a response, each request gets its own response.

    Bytes that arrive on an idle connection end it.
    """
    is_idle, arrived = threading.Event(), threading.Event()

    def handle(visit: Any) -> None:
        if visit.number == 1:
            visit.request()
            if is_later:
                visit.send(FIRST[first])
                is_idle.wait(PATIENCE)
                visit.send(EXTRA[extra])
            else:
                visit.send(FIRST[first] + EXTRA[extra])
            arrived.set()
        echo(visit)

    server, transport = peer(handle, tls=tls), connect()
    transport.read(server.url)
    is_idle.set()
    assert not is_later or arrived.wait(PATIENCE)

    assert transport.read(f"{server.url}a").body == b"/a"
    assert transport.read(f"{server.url}b").body == b"/b"
    assert not is_later or len(server.visits) == 2


def exactly(size: int) -> bytes:
    """Return a response of exactly ``size`` bytes, head and body together."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    body = size - len(head % size)
    return head % body + bytes(body)


@pytest.mark.parametrize("way", ["direct", "tls_proxy"])
@pytest.mark.parametrize("size", [io.DEFAULT_BUFFER_SIZE, 12_000])
def test_bytes_in_the_same_tls_record(
    peer: Any, connect: Any, tls_proxy: Any, way: str, size: int
) -> None:
    """Bytes that are left in a buffer of OpenSSL are not read as the next response.

    The socket does not show them: OpenSSL has read the record as a whole, of which http.client
    has taken as much as its own buffer, or the response, has room for.
    """

    def handle(visit: Any) -> None:
        if visit.number == 1:
            visit.request()
            visit.send(exactly(size) + EVIL)
        echo(visit)

    proxies = {} if way == "direct" else {"https": tls_proxy().url}
    server, transport = peer(handle, tls=True), connect(proxies=proxies)
    transport.read(server.url)

    assert transport.read(f"{server.url}a").body == b"/a"
    assert transport.read(f"{server.url}b").body == b"/b"


@pytest.mark.parametrize("way", ["shutdown", "garbage collection"])
def test_the_end(peer: Any, credentials: Any, trusted: str, tls: bool, way: str) -> None:
    """All connections are closed when a client is shut down, or collected without that."""
    servers, config = [peer(tls=tls) for _ in range(3)], ClientConfiguration(verify=trusted)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = ECRClient(region="eu-west-1", credentials=credentials, config=config)
        for each in servers:
            client.set_endpoint(each.url)
            client.describe_registry()
        if way == "shutdown":
            client.shutdown()
        else:
            del client
            gc.collect()

    for each in servers:
        assert each.visits[0].ended.wait(PATIENCE)
    assert [str(each.message) for each in caught] == []


def test_close_while_a_body_is_read(peer: Any, connect: Any, tls: bool) -> None:
    """A body that is being read when the transport is closed is read to its end."""
    waiting, go_on = threading.Event(), threading.Event()

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n{}")
        waiting.set()
        go_on.wait(PATIENCE)
        visit.send(b"{}")
        visit.wait_for_the_end()

    server, transport = peer(handle, tls=tls), connect()
    with ThreadPoolExecutor(1) as threads:
        reading = threads.submit(transport.read, server.url)
        assert waiting.wait(PATIENCE)
        transport.close()
        go_on.set()

        assert reading.result(PATIENCE).body == b"{}{}"
    assert server.visits[0].ended.wait(PATIENCE)


def test_close_while_a_stream_is_read(peer: Any, connect: Any, tls: bool) -> None:
    """The connection of a stream that outlives its transport is closed with the stream."""

    def handle(visit: Any) -> None:
        visit.request()
        visit.respond(b"{}")
        visit.wait_for_the_end()

    server, transport = peer(handle, tls=tls), connect()
    response = transport.get(server.url)
    transport.close()

    assert b"".join(iter(response.read1, b"")) == b"{}"
    response.close()
    assert server.visits[0].ended.wait(PATIENCE)


def test_nothing_is_sent_afterwards(peer: Any, connect: Any) -> None:
    """A transport that was closed sends nothing."""
    server, transport = peer(), connect()
    transport.close()
    transport.close()

    with pytest.raises(ClientShutdownException, match=r"^Test: "):
        transport.get(server.url, deadline=Deadline(None))
    assert server.visits == []
