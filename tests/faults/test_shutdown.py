"""The shutdown of a client during calls: each of them ends, and nothing stays open."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, ECRClient, Hooks, RetryPolicy
from ecr_client.exceptions import ClientShutdownException

#: In seconds: timeouts that tests wait out, and limits that are only reached on failure.
SHORT, PATIENCE = 0.3, 20
LONG = 3 * PATIENCE


def open_sockets() -> set[str]:
    """Return the open sockets of this process, by their inodes."""
    found = set()
    for name in os.listdir("/proc/self/fd"):
        try:
            found.add(os.readlink(f"/proc/self/fd/{name}"))
        except FileNotFoundError:  # that of the listing, or closed by another thread
            continue
    return {each for each in found if each.startswith("socket:")}


@pytest.fixture
def nothing_stays_open(ecr: Any, client_class: Any) -> Iterator[None]:
    """Fail the test if a socket that it opened is still open at its end.

    This fixture is set up before the proxy, so that it is torn down after it.
    """
    client_class(region=ecr.region).close()  # The event loop of all driven clients has sockets.
    before = open_sockets()
    yield
    # The server may not have noticed yet that a client has closed its connection.
    tick = threading.Event()
    for _ in range(200):
        if not open_sockets() - before:
            return
        tick.wait(0.1)

    assert open_sockets() - before == set()


@pytest.fixture
def start() -> Iterator[Callable[..., Future[Any]]]:
    """Yield a function that makes a call in a thread."""
    with ThreadPoolExecutor(16) as threads:
        yield threads.submit


def outcome(call: Future[Any]) -> str:
    """Return the outcome of a call, which must end in time."""
    error = call.exception(PATIENCE)
    return "result" if error is None else type(error).__name__


pytestmark = pytest.mark.usefixtures("nothing_stays_open")


def test_calls_that_run(connect: Any, proxy: Any, fault: Any, start: Any) -> None:
    """A call whose response is arriving ends with it; an asynchronous one ends at once."""
    client = connect()
    proxy.add(fault("done", "close", piece=100, delay=0.02))
    call = start(client.describe_repositories)
    proxy.wait_for(lambda: proxy.responses)
    client.shutdown()

    is_blocking = isinstance(client, ECRClient)
    assert outcome(call) == ("result" if is_blocking else "ClientShutdownException")


@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_calls_that_wait_to_retry(
    connect: Any, proxy: Any, fault: Any, start: Any, mode: str
) -> None:
    """A call that waits for its retry ends at once."""
    waiting = threading.Event()
    policy = RetryPolicy(mode=mode, base_delay=LONG, max_delay=LONG, random=lambda: 1.0)
    hooks = Hooks(retry=lambda _: waiting.set())
    client = connect(config=ClientConfiguration(retry=policy, hooks=hooks))
    proxy.add(fault.response(500))
    call = start(client.describe_repositories)
    waiting.wait(PATIENCE)
    client.shutdown()

    assert outcome(call) == "ClientShutdownException"
    assert proxy.attempts == 1


@pytest.mark.parametrize("at", ["request", "response"])
def test_calls_that_hang(connect: Any, proxy: Any, fault: Any, start: Any, at: str) -> None:
    """A call that hangs ends with its timeout, and is not retried."""
    config = ClientConfiguration(retry=RetryPolicy(base_delay=0), read_timeout=SHORT)
    client = connect(config=config)
    proxy.add(fault(at, "hang", after=30))
    call = start(client.describe_repositories)
    proxy.wait_for(lambda: proxy.attempts)
    client.shutdown()

    assert outcome(call) == "ClientShutdownException"
    assert proxy.attempts == 1


def test_calls_that_are_about_to_be_sent(connect: Any, proxy: Any, monkeypatch: Any) -> None:
    """A call that is just being sent leaves no connection open."""
    client, send = connect(), requests.Session.send
    if not isinstance(client, ECRClient):
        pytest.skip("the asynchronous client does not send through requests")

    def shut_down_and_send(*args: Any, **options: Any) -> Any:
        client.shutdown()
        return send(*args, **options)

    monkeypatch.setattr(requests.Session, "send", shut_down_and_send)
    with contextlib.suppress(ClientShutdownException):
        client.describe_repositories()
    proxy.wait_for(lambda: proxy.open == 0)

    assert proxy.connections <= 1


def test_calls_in_every_state(connect: Any, proxy: Any, fault: Any, start: Any) -> None:
    """Whatever calls are doing, all of them end."""
    policy = RetryPolicy(base_delay=LONG, max_delay=LONG)
    config = ClientConfiguration(retry=policy, read_timeout=2 * SHORT, max_pool_connections=4)
    client = connect(config=config)
    for each in (
        fault("received", "hang"),
        fault("received", "close"),
        fault.response(503),
        fault("done", "keep", piece=50, delay=0.01),
    ):
        proxy.add(each, count=4)
    calls = [start(client.describe_repositories) for _ in range(16)]
    proxy.wait_for(lambda: proxy.attempts >= 8)
    client.shutdown()

    # A response may be an error.
    ends = {"result", "ClientShutdownException", "AmazonECRException"}
    assert {outcome(call) for call in calls} <= ends


def test_every_moment(connect: Any, proxy: Any, start: Any) -> None:
    """Whenever a client is shut down, its calls end with a result or ClientShutdownException."""
    for number in range(1, 13):
        client: ECRClient = connect()
        calls = [start(client.describe_repositories) for _ in range(4)]
        if number % 4:
            proxy.wait_for(lambda number=number: proxy.attempts >= number)
        client.shutdown()

        assert {outcome(call) for call in calls} <= {"result", "ClientShutdownException"}
        with pytest.raises(ClientShutdownException):
            client.describe_repositories()


def test_connections_that_exceptions_refer_to(
    connect: Any, proxy: Any, fault: Any, start: Any
) -> None:
    """Connections are closed with their client, even if exceptions of its calls are kept."""
    policy = RetryPolicy(sleep=lambda _: None, max_attempts=20)
    client = connect(config=ClientConfiguration(retry=policy, read_timeout=SHORT))
    proxy.add(fault("done", "keep", piece=10, delay=0.05))
    proxy.add(fault("received", "hang"))
    slow = start(client.describe_repositories)
    proxy.wait_for(lambda: proxy.responses)
    kept = client.describe_repositories().response_metadata.retried_errors
    slow.result(PATIENCE)
    client.shutdown()
    proxy.wait_for(lambda: proxy.open <= 1)  # one hangs, and does not notice its end

    assert kept
