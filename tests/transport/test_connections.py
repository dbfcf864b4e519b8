"""Connections: kept alive, used again while they are fit for it, and closed in the end."""

from __future__ import annotations

import gc
import io
import logging
import socket
import sys
import threading
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.exceptions import ClientShutdownException, ReadTimeoutException
from ecr_client.transport import Deadline

PATIENCE = 20
SHORT = 0.3


@pytest.fixture
def client(credentials: Credentials, trusted: str) -> Iterator[Callable[..., ECRClient]]:
    """Return a function that makes clients of a peer, with the options of `ClientConfiguration`."""
    made: list[ECRClient] = []

    def make(server: Any, **options: Any) -> ECRClient:
        given = {"verify": trusted, "retry": RetryPolicy(sleep=lambda _: None), **options}
        config = ClientConfiguration(**given)
        client = ECRClient(
            region="eu-west-1", endpoint=server.url, credentials=credentials, config=config
        )
        made.append(client)
        return client

    yield make
    for each in made:
        each.shutdown()


# --- TCP keep-alive -------------------------------------------------------------------------------


@pytest.mark.skipif(sys.platform != "linux", reason="other systems have other names for it")
@pytest.mark.parametrize("way", ["direct", "proxy"])
def test_keep_alive(peer: Any, connect: Any, proxy: Any, tls: bool, way: str) -> None:
    """TCP probes idle connections, directly and through a proxy, with and without TLS."""
    # An HTTP proxy is asked for plain URLs itself, and for a tunnel to others.
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


# --- use ------------------------------------------------------------------------------------------


def test_reuse(peer: Any, connect: Any, tls: bool) -> None:
    """Requests one after the other go over one connection."""
    server, transport = peer(tls=tls), connect()
    for _ in range(5):
        transport.read(server.url)

    assert len(server.visits) == 1


def test_reuse_through_a_proxy(peer: Any, connect: Any, proxy: Any) -> None:
    """A tunnel through a proxy is used again."""
    server, transport = peer(tls=True), connect(proxies={"https": proxy.url})
    for _ in range(3):
        transport.read(server.url)

    assert (len(proxy.visits), len(server.visits), len(server.requests)) == (1, 1, 3)


def test_origins(peer: Any, connect: Any) -> None:
    """Each origin has connections of its own."""
    servers, transport = [peer(), peer(tls=True), peer()], connect()
    for each in servers * 2:
        transport.read(each.url)

    assert [len(each.visits) for each in servers] == [1, 1, 1]


def test_more_origins_than_urllib3_remembers(peer: Any, connect: Any) -> None:
    """An origin whose pool urllib3 has closed is connected to again."""
    servers, transport = [peer() for _ in range(12)], connect()
    for each in servers * 2:
        assert transport.read(each.url).body == b"{}"

    assert [len(each.requests) for each in servers] == [2] * 12


def test_more_threads_than_connections_are_kept(
    peer: Any, client: Any, caplog: pytest.LogCaptureFixture
) -> None:
    """40 threads that share 2 connections log no warning, and leave 2 connections."""
    arrived, lock = threading.Barrier(40), threading.Lock()

    def handle(visit: Any) -> None:
        visit.request()
        arrived.wait(PATIENCE)
        visit.respond()
        visit.wait_for_the_end()

    server = peer(handle)
    caller = client(server, max_pool_connections=2)
    with caplog.at_level(logging.DEBUG), ThreadPoolExecutor(40) as threads:
        calls = [threads.submit(caller.describe_registry) for _ in range(40)]
        for each in calls:
            each.result(PATIENCE)
    ended = sum(each.ended.wait(PATIENCE) for each in server.visits[:0])

    assert len(server.visits) == 40
    assert ended == 0
    assert [each for each in caplog.records if each.levelno >= logging.WARNING] == []
    assert lock


# --- idle for too long ----------------------------------------------------------------------------


def test_idle_for_too_long(peer: Any, client: Any, tls: bool) -> None:
    """A connection that was idle for longer than `connection_max_idle_time` is not used again."""
    server = peer(tls=tls)
    caller = client(server, connection_max_idle_time=1e-9)
    for number in range(1, 4):
        caller.describe_registry()

        assert len(server.visits) == number
    for each in server.visits[:-1]:
        assert each.ended.wait(PATIENCE)


def falls_silent(visit: Any) -> None:
    """Respond once, and then let what comes over the first connection get lost, without a FIN."""
    visit.request()
    visit.respond()
    if visit.number == 1:
        visit.over.wait()
    visit.request()
    visit.respond()


@pytest.mark.parametrize("is_old", [True, False])
def test_a_connection_that_was_dropped_silently(
    peer: Any, connect: Any, tls: bool, is_old: bool
) -> None:
    """A connection that is dead although nobody said so costs a timeout only while it is young."""
    server = peer(falls_silent, tls=tls)
    transport = connect(read_timeout=60 if is_old else SHORT)
    transport.read(server.url)
    (pool,) = transport.pools()
    pool.pool._monotonic = lambda: 1e9 if is_old else 0
    if is_old:
        assert transport.read(server.url).body == b"{}"
    else:
        with pytest.raises(ReadTimeoutException):
            transport.read(server.url)

    assert len(server.visits) == (2 if is_old else 1)


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

    server, transport = peer(handle, tls=tls), connect(read_timeout=SHORT)
    transport.config = ClientConfiguration(verify=transport.config.verify)
    with ThreadPoolExecutor(2) as threads:
        list(threads.map(transport.read, [server.url] * 2))
    transport.config = ClientConfiguration(read_timeout=SHORT)
    with pytest.raises(ReadTimeoutException):
        transport.read(server.url)
    transport.config = ClientConfiguration()

    assert transport.read(server.url).body == b"{}"
    assert len(server.visits) == 2


# --- bytes that nobody asked for ------------------------------------------------------------------

EVIL = b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nEVIL"
BEGINNINGS = {
    "length": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}",
    "chunks": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
    "no body": b"HTTP/1.1 204 No Content\r\n\r\n",
    "error": b"HTTP/1.1 400 Bad Request\r\nContent-Length: 2\r\n\r\n{}",
}
#: What follows a response in the same packet: a little, and more than any buffer holds.
EXTRA = {"nothing": b"", "one": EVIL, "garbage": b"\x00" * 100, "many": EVIL * 5000}


@pytest.mark.parametrize("extra", EXTRA)
@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_bytes_in_the_same_packet(
    peer: Any, connect: Any, tls: bool, beginning: str, extra: str
) -> None:
    """Whatever comes together with a response, the next request gets its own response."""

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(BEGINNINGS[beginning] + EXTRA[extra])
        visit.request()
        visit.respond(b"own")

    server, transport = peer(handle, tls=tls), connect()
    assert transport.read(server.url).body in (b"{}", b"")
    for each in range(2):
        if each == 0 and len(server.visits) == 1:
            # The second request of a first connection gets "own", and so does none else.
            pass
    body = transport.read(server.url).body

    assert body == (b"own" if len(server.visits) == 1 else transport_body(beginning))


def transport_body(beginning: str) -> bytes:
    return b"" if beginning == "no body" else b"{}"


@pytest.mark.parametrize("extra", ["one", "garbage", "many"])
def test_bytes_in_a_later_packet(peer: Any, connect: Any, tls: bool, extra: str) -> None:
    """Bytes that come over an idle connection end it."""
    responded, sent = threading.Event(), threading.Event()

    def handle(visit: Any) -> None:
        visit.request()
        visit.respond(b"own")
        if visit.number == 1:
            responded.wait(PATIENCE)
            visit.send(EVIL if extra == "many" else EXTRA[extra])
            sent.set()
            if extra == "many":
                visit.send(EXTRA[extra])
        visit.wait_for_the_end()

    server, transport = peer(handle, tls=tls), connect()
    transport.read(server.url)
    responded.set()
    assert sent.wait(PATIENCE)

    assert transport.read(server.url).body == b"own"
    assert len(server.visits) == 2
    assert server.visits[0].ended.wait(PATIENCE)


def exactly(size: int) -> bytes:
    """Return a response of so many bytes, head and body together."""
    head = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n"
    body = size - len(head % size)
    return head % body + bytes(body)


@pytest.mark.parametrize("way", ["direct", "tls_proxy"])
def test_bytes_in_the_same_record_of_tls(request: Any, peer: Any, connect: Any, way: str) -> None:
    """Bytes that are left in a buffer of OpenSSL's are not read as the next response.

    http.client fills its buffer with the response; what follows is in the same record, which
    OpenSSL has read as a whole, so that the socket shows nothing.
    """
    size = min(io.DEFAULT_BUFFER_SIZE, 12_000)
    response = exactly(size)

    def handle(visit: Any) -> None:
        visit.request()
        visit.send(response + EVIL)
        visit.request()
        visit.respond(b"own")

    proxies = {} if way == "direct" else {"https": request.getfixturevalue(way).url}
    server, transport = peer(handle, tls=True), connect(proxies=proxies)
    assert len(transport.read(server.url).body) > size - 100
    body = transport.read(server.url).body

    assert b"EVIL" not in body
    # Buffers that are larger than a record have taken what was left, and thrown it away.
    if io.DEFAULT_BUFFER_SIZE < 16_000:
        assert len(server.visits) == 2


# --- the end --------------------------------------------------------------------------------------


def test_shutdown(peer: Any, client: Any, tls: bool) -> None:
    """All connections are closed when a client is shut down."""
    servers = [peer(tls=tls) for _ in range(3)]
    caller = client(servers[0])
    for each in servers:
        caller.set_endpoint(each.url)
        caller.describe_registry()
    caller.shutdown()

    for each in servers:
        assert each.visits[0].ended.wait(PATIENCE)


def test_garbage_collection(peer: Any, credentials: Credentials, trusted: str, tls: bool) -> None:
    """All connections are closed when a client is gone that nobody has shut down."""
    server = peer(tls=tls)
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        client = ECRClient(
            region="eu-west-1",
            endpoint=server.url,
            credentials=credentials,
            config=ClientConfiguration(verify=trusted),
        )
        client.describe_registry()
        del client
        gc.collect()

    assert server.visits[0].ended.wait(PATIENCE)
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

    with pytest.raises(ClientShutdownException, match="^Test: "):
        transport.get(server.url, deadline=Deadline(None))
    assert server.visits == []
