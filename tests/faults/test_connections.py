"""Connections that break, and hosts that move: calls continue as if nothing had happened."""

from __future__ import annotations

import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, Hooks, RetryPolicy
from ecr_client.exceptions import (
    ConnectionClosedException,
    EndpointConnectionException,
    NameResolutionException,
    RepositoryAlreadyExistsException,
)

THREADS = 8
#: In seconds: timeouts that tests wait out, and limits that are only reached on failure.
SHORT, PATIENCE = 0.5, 20


def test_connections_that_end_in_use(
    connect: Any, proxy: Any, fault: Any, waits: list[float], policy: RetryPolicy
) -> None:
    """A server that closes a connection just as it is used causes no wait."""
    client = connect(config=ClientConfiguration(retry=policy))
    client.describe_repositories()
    for number, then in enumerate(("reset", "close"), 2):
        proxy.add(fault("request", then))
        metadata = client.describe_repositories().response_metadata

        assert [type(each) for each in metadata.retried_errors] == [ConnectionClosedException]
        assert (proxy.connections, waits) == (number, [])


def test_a_restart(connect: Any, proxy: Any, fault: Any) -> None:
    """A server that restarts, while it works or between calls, causes no failed call.

    If the connections are idle, it causes no wait either.
    """
    waits, restarted = [], threading.Event()
    policy = RetryPolicy(sleep=lambda each: waits.append(each) or restarted.wait(PATIENCE))
    client = connect(config=ClientConfiguration(retry=policy))
    proxy.add(fault("response", "hang"), count=THREADS)
    with ThreadPoolExecutor(THREADS) as threads:
        calls = [threads.submit(client.describe_repositories) for _ in range(THREADS)]
        proxy.wait_for(lambda: len(proxy.responses) == THREADS)
        proxy.restart()
        restarted.set()
        for each in calls:
            each.result(PATIENCE)
        assert len(proxy.responses) == 2 * THREADS

        proxy.restart()
        waits.clear()
        before = proxy.attempts
        calls = [threads.submit(client.describe_repositories) for _ in range(THREADS)]
        for each in calls:
            each.result(PATIENCE)
    assert (proxy.attempts - before, waits) == (THREADS, [])


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list whose only item is the address of ``ecr.test``, which tests may change."""
    resolve, address = socket.getaddrinfo, ["127.0.0.2"]

    def response(host: str, *args: Any, **options: Any) -> Any:
        return resolve(address[0] if host == "ecr.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", response)
    return address


@pytest.mark.parametrize("left", ["stop", "hang"])
def test_the_host_moves(
    connect: Any, proxy: Any, fault: Any, moving: list[str], policy: RetryPolicy, left: str
) -> None:
    """Calls follow a host to its new address, whether the old one is gone or silent."""
    limits = {"connect_timeout": SHORT, "read_timeout": SHORT}
    config = ClientConfiguration(retry=attrs.evolve(policy, max_attempts=5), **limits)
    with type(proxy)(proxy.target, ("127.0.0.2", proxy.port)) as old:
        client = connect(endpoint=f"http://ecr.test:{proxy.port}", config=config)
        client.describe_repositories()
        moving[0] = "127.0.0.1"
        if left == "hang":
            old.add(fault("received", "hang"), count=100)
        else:
            old.stop()
        for _ in range(3):
            client.describe_repositories()

    assert len(proxy.responses) >= 3


def test_names_that_are_not_resolved(
    connect: Any, proxy: Any, monkeypatch: pytest.MonkeyPatch, policy: RetryPolicy
) -> None:
    """A name that cannot be resolved is reported as such, and retried."""
    resolve, lookups = socket.getaddrinfo, []

    def response(host: str, *args: Any, **options: Any) -> Any:
        if host == "ecr.test":
            lookups.append(host)
            if len(lookups) <= 4:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = "127.0.0.1"
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", response)
    config = ClientConfiguration(retry=policy)
    client = connect(endpoint=f"http://ecr.test:{proxy.port}", config=config)
    with pytest.raises(NameResolutionException, match="Temporary failure") as caught:
        client.describe_repositories()
    again = client.describe_repositories().response_metadata.retry_attempts

    assert isinstance(caught.value, EndpointConnectionException)
    assert (caught.value.attempts, again, len(lookups)) == (3, 1, 5)


def test_an_earlier_attempt_was_sent(connect: Any, proxy: Any, fault: Any) -> None:
    """An error says that a request was sent if that of an earlier attempt was."""
    hooks = Hooks(retry=lambda _: proxy.stop())
    client = connect(config=ClientConfiguration(retry=RetryPolicy(max_attempts=2), hooks=hooks))
    proxy.add(fault("response", "reset"))
    with pytest.raises(EndpointConnectionException) as caught:
        client.describe_repositories()

    assert caught.value.request_sent


def test_work_done_behind_a_proxy(proxy: Any, ecr: Any, fault: Any) -> None:
    """A connection that breaks behind an HTTP proxy is a closed one, not an unreachable proxy."""
    proxies = {"http": f"http://127.0.0.1:{proxy.port}"}
    config = ClientConfiguration(proxies=proxies, retry=RetryPolicy(base_delay=0))
    with ecr.client(config=config) as client:
        client.describe_registry()
        proxy.add(fault("response", "reset"))
        with pytest.raises(RepositoryAlreadyExistsException) as caught:
            client.create_repository(repository_name="app")
    (lost,) = caught.value.retried_errors

    assert type(lost) is ConnectionClosedException
    assert lost.request_sent
    assert caught.value.earlier_attempt_may_have_succeeded
