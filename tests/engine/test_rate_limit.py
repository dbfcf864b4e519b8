"""The limiter of the adaptive mode, and workers of a service that allows 10 calls a second."""

from __future__ import annotations

import heapq
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from typing import Any

import pytest

from ecr_client import RetryPolicy
from ecr_client._engine import rate_limit
from ecr_client._engine.rate_limit import RateLimiter
from ecr_client._engine.retry import backoff
from ecr_client.exceptions import ThrottlingException

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
POLICY = RetryPolicy(random=lambda: 1.0)


def used(ticker: Any, limiter: RateLimiter, rate: float, seconds: float) -> None:
    """Make calls at a steady rate, all of which succeed."""
    for _ in range(round(rate * seconds)):
        limiter.update(throttled=False)
        ticker.passed += 1 / rate


def throttled(ticker: Any, rate: float = 20, seconds: float = 10) -> RateLimiter:
    """Return a limiter that was throttled after some calls at a steady rate."""
    limiter = RateLimiter(ticker)
    used(ticker, limiter, rate, seconds)
    limiter.update(throttled=True)
    return limiter


def test_nothing_is_limited_at_first(ticker: Any) -> None:
    """Until the service throttles, every call may be sent at once, however many there are."""
    limiter = RateLimiter(ticker)
    waits = []
    for _ in range(1000):
        waits.append(limiter.acquire())
        limiter.update(throttled=False)

    assert waits == [0.0] * 1000
    assert limiter.rate is None


def test_throttling_slows_down(ticker: Any) -> None:
    """After throttling, the rate is 70% of the measured one, but never below 0.5."""
    limiter = throttled(ticker, 20)

    assert limiter.rate == pytest.approx(0.7 * 20, rel=0.05)
    for _ in range(50):
        limiter.update(throttled=True)
        ticker.passed += 0.1
    assert limiter.rate == rate_limit.LOWEST_RATE == 0.5
    assert limiter.acquire() <= 2


def test_recovery_is_cubic(ticker: Any) -> None:
    """The rate rises quickly, stays near the old one, and then goes beyond it.

    The rate before throttling is reached again after (rate x 0.3 / 0.4) ** (1/3) seconds.
    """
    limiter = throttled(ticker)
    start, rates = ticker.passed, {}
    before = limiter._rate_before_throttling
    until_same = (before * 0.3 / 0.4) ** (1 / 3)
    while ticker.passed < start + 2 * until_same:
        used(ticker, limiter, 40, 0.1)  # fast enough not to hold the rate down
        rates[ticker.passed - start] = limiter.rate or 0.0
    early = [rate for passed, rate in rates.items() if passed < 0.8 * until_same]
    late = [rate for passed, rate in rates.items() if passed > 1.2 * until_same]

    assert list(rates.values()) == sorted(rates.values())
    assert max(early) < before < min(late)
    for passed, rate in rates.items():
        assert rate == pytest.approx(0.4 * (passed - until_same) ** 3 + before, abs=0.5)


def test_unused_rates(ticker: Any) -> None:
    """An unused rate does not grow beyond twice the rate at which calls are sent."""
    limiter = throttled(ticker, 10)
    used(ticker, limiter, 2, 60)

    assert limiter.rate == pytest.approx(4, rel=0.1)


def test_waiting_acquires_nothing(ticker: Any) -> None:
    """However many calls were told to wait, only one may be sent when the time has come."""
    limiter = throttled(ticker, seconds=0)
    waits = {limiter.acquire() for _ in range(100)}
    ticker.passed += 2

    assert waits == {2.0}
    assert [limiter.acquire(), limiter.acquire()] == [0.0, 2.0]


def test_bursts_are_shared_by_threads(ticker: Any) -> None:
    """After a long pause, a second's worth of calls may be sent by all threads together."""
    limiter, start = throttled(ticker, 400, 5), threading.Barrier(8)
    ticker.passed += 3600

    def acquire(_: int) -> int:
        start.wait()
        return [limiter.acquire() for _ in range(100)].count(0.0)

    with ThreadPoolExecutor(8) as pool:
        acquired = sum(pool.map(acquire, range(8)))

    assert acquired == pytest.approx(limiter.rate, abs=1)
    assert 200 < acquired < 800


class Simulation:
    """Workers that call a service without pause, with calls of 50 ms, in simulated time.

    The service allows 10 calls a second. Each worker is a generator that yields how long it waits;
    the one whose wait ends first goes on.
    """

    def __init__(self, ticker: Any, *, adaptive: bool) -> None:
        self.ticker = ticker
        self.limiter = RateLimiter(ticker) if adaptive else None
        self.successes: list[float] = []
        self.throttled: list[float] = []
        self._tokens, self._filled = 10.0, 0.0

    def run(self, *, workers: int, seconds: float) -> None:
        """Let some workers run for some seconds."""
        waiting = [(0.0, number, self._work()) for number in range(workers)]
        while waiting[0][0] < seconds:
            self.ticker.passed, number, worker = heapq.heappop(waiting)
            heapq.heappush(waiting, (self.ticker.passed + next(worker), number, worker))

    def _work(self) -> Iterator[float]:
        """Retry a call until it succeeds, and then make the next one."""
        attempt = 1
        while True:
            while self.limiter is not None and (wait := self.limiter.acquire()):
                yield wait
            refused = not self._admits()
            (self.throttled if refused else self.successes).append(self.ticker.passed)
            yield 0.05
            if self.limiter is not None:
                self.limiter.update(throttled=refused)
            attempt = attempt + 1 if refused else 1
            if refused:
                # With full jitter, the mean is half of the longest delay.
                yield 0.5 * backoff(POLICY, ThrottlingException(), attempt - 1, NOW)

    def _admits(self) -> bool:
        now = self.ticker.passed
        self._tokens = min(10.0, self._tokens + 10 * (now - self._filled))
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def test_the_rate_of_the_service(ticker: Any) -> None:
    """Adaptive calls approach 10 a second, with few of them throttled; standard ones waste many."""
    adaptive = Simulation(ticker, adaptive=True)
    adaptive.run(workers=20, seconds=120)
    later = [moment for moment in adaptive.successes if 20 <= moment < 120]
    in_vain = len([moment for moment in adaptive.throttled if moment >= 20]) / len(later)
    standard = Simulation(type(ticker)(), adaptive=False)
    standard.run(workers=20, seconds=120)

    assert 9 <= len(later) / 100 <= 10.1
    assert in_vain < 0.1
    assert len(standard.throttled) > 10 * len(adaptive.throttled)
