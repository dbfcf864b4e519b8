"""An interrupt at any moment leaves nothing behind that later calls would wait for."""

from __future__ import annotations

import signal
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any, NoReturn

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client._lifetime import Lifetime
from ecr_client.models import DescribeRegistryRequest

pytestmark = [
    pytest.mark.skipif(not hasattr(signal, "setitimer"), reason="needs setitimer"),
    # A connection that was being opened is left to the garbage collector.
    pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning"),
    pytest.mark.filterwarnings("ignore::ResourceWarning"),
]


@pytest.fixture(autouse=True)
def _alarm() -> Iterator[None]:
    """Make SIGALRM raise KeyboardInterrupt, as Ctrl-C does."""

    def interrupt(*_: object) -> NoReturn:
        raise KeyboardInterrupt

    before = signal.signal(signal.SIGALRM, interrupt)
    yield
    signal.setitimer(signal.ITIMER_REAL, 0)
    signal.signal(signal.SIGALRM, before)


def interrupted(action: Callable[[], object], seconds: float) -> bool:
    """Run an action that is interrupted after some time; return whether it was."""
    try:
        signal.setitimer(signal.ITIMER_REAL, seconds)
        action()
        signal.setitimer(signal.ITIMER_REAL, 0)
    except KeyboardInterrupt:
        return True
    return False


@pytest.mark.parametrize("mode", ["standard", "adaptive"])
def test_interrupts(server: Any, credentials: Credentials, mode: str) -> None:
    """After interrupts at forty moments of a call, the next one ends and succeeds."""
    config = ClientConfiguration(retry=RetryPolicy(mode=mode, base_delay=0), total_timeout=30)
    request = DescribeRegistryRequest()
    with ECRClient(endpoint=server.url, credentials=credentials, config=config) as client:
        # Import everything first, since interrupted imports are Python's own matter.
        server.responses = [(429, {}, b"{}"), (200, {}, b"{}")]
        client.describe_registry(request)
        found = 0
        # At many different times, so that each moment of a call is hit sooner or later.
        for number in range(1000):
            server.responses = [(429, {}, b"{}"), (200, {}, b"{}")]
            found += interrupted(
                lambda: client.describe_registry(request), 1e-5 * (1 + number * 37 % 500)
            )
            if found == 40:
                break
        with ThreadPoolExecutor(1) as pool:
            result = pool.submit(client.describe_registry, request).result(60)

    assert result.response_metadata.http_status_code == 200
    assert found == 40


def test_interrupted_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wait that was interrupted while acquiring a lock blocks no other wait and no shutdown."""
    lifetime = Lifetime()
    with monkeypatch.context() as patch:
        patch.setattr("threading.Condition.__enter__", _take_and_raise)
        interrupted(lambda: lifetime.wait(0), 60)
    others = [
        threading.Thread(target=lifetime.wait, args=(0,), daemon=True),
        threading.Thread(target=lifetime.end, daemon=True),
    ]
    for other in others:
        other.start()
        other.join(10)

    assert [other.is_alive() for other in others] == [False, False]


def _take_and_raise(condition: Any) -> NoReturn:
    condition._lock.acquire()
    raise KeyboardInterrupt
