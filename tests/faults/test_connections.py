"""Connections that break, and hosts that move: calls go on as if nothing had happened."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import attrs
import pytest

from ecr_client import ClientConfiguration, ECRClient, Hooks, RetryPolicy
from ecr_client.exceptions import (
    ConnectionClosedException,
    EndpointConnectionException,
    NameResolutionException,
    RepositoryAlreadyExistsException,
)

THREADS = 8
#: Seconds: of timeouts that are waited for, and of what is only waited for if something is wrong.
SHORT, PATIENCE = 0.5, 20


@pytest.fixture
def waits() -> list[float]:
    """Return the seconds that clients would have waited before they retried a call."""
    return []


@pytest.fixture
def policy(waits: list[float]) -> RetryPolicy:
    """Return the default policy, which does not wait but says how long it would have."""
    return RetryPolicy(sleep=waits.append, random=lambda: 1.0)


def together(count: int, function: Callable[[], Any], beside: Callable[[], Any]) -> list[Any]:
    """Call a function in many threads at once, another one beside, and return what came."""
    with ThreadPoolExecutor(count) as threads:
        calls = [threads.submit(function) for _ in range(count)]
        beside()
        return [each.result(PATIENCE) for each in calls]


def test_the_end_of_a_view(client: ECRClient, proxy: Any) -> None:
    """The end of a view is the end of its client, whose connections close."""
    client.describe_repositories()
    client.with_options(timeout=60).shutdown()
    proxy.wait_for(lambda: proxy.open == 0)

    assert proxy.connections == 1


# --- connections that end while they are idle ----------------------------------------------------


def test_idle_connections_that_the_server_closes(
    connect: Any, proxy: Any, waits: list[float], policy: RetryPolicy
) -> None:
    """A server that closes idle connections costs no failed call, and no wait."""
    client = connect(config=ClientConfiguration(retry=policy))
    for number in range(1, 6):
        client.describe_repositories()
        proxy.close_idle()

        assert (proxy.connections, proxy.attempts, waits) == (number, number, [])


@pytest.mark.parametrize("then", ["reset", "close"])
def test_connections_that_end_under_a_call(
    connect: Any, proxy: Any, fault: Any, waits: list[float], policy: RetryPolicy, then: str
) -> None:
    """A server that closes a connection in the moment in which it is used costs no wait, either."""
    client = connect(config=ClientConfiguration(retry=policy))
    client.describe_repositories()
    proxy.add(fault("request", then))
    metadata = client.describe_repositories().response_metadata

    assert [type(each) for each in metadata.retried_errors] == [ConnectionClosedException]
    assert (proxy.connections, waits) == (2, [])


# --- servers that restart, and hosts that move ---------------------------------------------------


def test_a_restart_while_connections_are_idle(
    connect: Any, proxy: Any, waits: list[float], policy: RetryPolicy
) -> None:
    """A server that restarts between calls costs no failed call, and no wait."""
    client = connect(config=ClientConfiguration(retry=policy))
    ready = threading.Barrier(THREADS + 1)

    def call() -> None:
        ready.wait(PATIENCE)
        client.describe_repositories()
        ready.wait(PATIENCE)  # The server restarts.
        ready.wait(PATIENCE)
        client.describe_repositories()

    def restart() -> None:
        for step in (lambda: None, lambda: None, proxy.restart):
            step()
            ready.wait(PATIENCE)

    together(THREADS, call, beside=restart)

    assert (proxy.attempts, waits) == (2 * THREADS, [])


def test_a_restart_in_the_middle_of_calls(connect: Any, proxy: Any, fault: Any) -> None:
    """A server that restarts while it works costs no failed call."""
    restarted = threading.Event()
    policy = RetryPolicy(sleep=lambda _: restarted.wait(PATIENCE))
    client = connect(config=ClientConfiguration(retry=policy))
    proxy.add(fault("answer", "hang"), count=THREADS)

    def restart() -> None:
        proxy.wait_for(lambda: len(proxy.answers) == THREADS)
        proxy.restart()
        restarted.set()

    results = together(THREADS, client.describe_repositories, beside=restart)

    assert len(results) == THREADS
    assert len(proxy.answers) == 2 * THREADS


@pytest.fixture
def moving(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Return a list with the address of the host ``ecr.test``, which may be changed."""
    resolve, address = socket.getaddrinfo, ["127.0.0.2"]

    def answer(host: str, *args: Any, **options: Any) -> Any:
        return resolve(address[0] if host == "ecr.test" else host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    return address


@pytest.mark.parametrize("left", ["stop", "blackhole", "hang"])
def test_the_host_moves(
    connect: Any, proxy: Any, fault: Any, moving: list[str], policy: RetryPolicy, left: str
) -> None:
    """Calls follow a host to its new address, whether the old one is gone, deaf or silent."""
    limits = {"connect_timeout": SHORT, "read_timeout": SHORT}
    config = ClientConfiguration(retry=attrs.evolve(policy, max_attempts=5), **limits)
    with type(proxy)(proxy.target, ("127.0.0.2", proxy.port)) as old:
        client = connect(endpoint=f"http://ecr.test:{proxy.port}", config=config)
        client.describe_repositories()
        moving[0] = "127.0.0.1"
        if left == "hang":
            old.add(fault("received", "hang"), count=100)
        else:
            getattr(old, left)()
        for _ in range(3):
            client.describe_repositories()

    assert len(proxy.answers) >= 3


# --- names ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("failures", "attempts"), [(1, 2), (100, 3)])
def test_names_that_are_not_resolved(
    connect: Any, proxy: Any, monkeypatch: Any, policy: RetryPolicy, failures: int, attempts: int
) -> None:
    """A name that has no address is named as such, and asked for again."""
    resolve, asked = socket.getaddrinfo, []

    def answer(host: str, *args: Any, **options: Any) -> Any:
        if host == "ecr.test":
            asked.append(host)
            if len(asked) <= failures:
                raise socket.gaierror(socket.EAI_AGAIN, "Temporary failure in name resolution")
            host = "127.0.0.1"
        return resolve(host, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", answer)
    config = ClientConfiguration(retry=policy)
    client = connect(endpoint=f"http://ecr.test:{proxy.port}", config=config)
    if failures == 1:
        client.describe_repositories()
    else:
        with pytest.raises(NameResolutionException, match="Temporary failure") as caught:
            client.describe_repositories()
        assert isinstance(caught.value, EndpointConnectionException)

    assert len(asked) == attempts


def test_an_earlier_attempt_was_sent(connect: Any, proxy: Any, fault: Any) -> None:
    """An error says that a request was sent if one of an earlier attempt was."""
    hooks = Hooks(retry=lambda _: proxy.stop())
    client = connect(config=ClientConfiguration(retry=RetryPolicy(max_attempts=2), hooks=hooks))
    proxy.add(fault("answer", "reset"))
    with pytest.raises(EndpointConnectionException) as caught:
        client.describe_repositories()

    assert caught.value.request_sent


def test_a_proxy_does_not_hide_that_the_work_is_done(proxy: Any, ecr: Any, fault: Any) -> None:
    """A connection that breaks behind an HTTP proxy is a closed one, not a proxy out of reach."""
    config = ClientConfiguration(
        proxies={"http": f"http://127.0.0.1:{proxy.port}"}, retry=RetryPolicy(base_delay=0)
    )
    with ecr.client(config=config) as client:
        client.describe_registry()
        proxy.add(fault("answer", "reset"))
        with pytest.raises(RepositoryAlreadyExistsException) as caught:
            client.create_repository(repository_name="app")
    (lost,) = caught.value.retried_errors

    assert type(lost) is ConnectionClosedException
    assert lost.request_sent
    assert caught.value.earlier_attempt_may_have_succeeded
