"""The adaptive mode: the limiter by itself, and before a service that allows 10 calls a second."""

from __future__ import annotations

import heapq
import itertools
import json
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client._engine import rate_limit
from ecr_client._engine.rate_limit import RateLimiter
from ecr_client._engine.retry import delay_of
from ecr_client.exceptions import (
    AmazonECRException,
    ThrottlingException,
    TotalTimeoutException,
)

Calling = Callable[..., ECRClient]
THROTTLED = (400, {}, json.dumps({"__type": "ThrottlingException"}).encode())
FINE = (200, {}, b"{}")


def used(fake: Any, limiter: RateLimiter, rate: float, seconds: float) -> None:
    """Make calls at a steady rate, all of which succeed."""
    for _ in range(round(rate * seconds)):
        limiter.update(throttled=False)
        fake.passed += 1 / rate


# --- the limiter by itself ------------------------------------------------------------------------


def test_nothing_is_limited_at_first(fake: Any) -> None:
    """Until the service throttles, every call may be sent at once, however many there are."""
    limiter = RateLimiter(fake.monotonic)
    waits = []
    for _ in range(1000):
        waits.append(limiter.take())
        limiter.update(throttled=False)

    assert waits == [0.0] * 1000
    assert limiter.rate is None


def test_throttling_slows_down(fake: Any) -> None:
    """After throttling, the rate is 0.7 of the one that was measured."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 20, 10)
    limiter.update(throttled=True)

    assert limiter.rate == pytest.approx(0.7 * 20, rel=0.05)


def test_throttling_again_slows_down_further(fake: Any) -> None:
    """Each time the service throttles, the rate goes down by the same factor."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 20, 10)
    rates = []
    for _ in range(3):
        limiter.update(throttled=True)
        rates.append(limiter.rate)

    assert rates == pytest.approx([14, 9.8, 6.86], rel=0.05)


def test_there_is_a_lowest_rate(fake: Any) -> None:
    """However much the service throttles, there is a call in two seconds."""
    limiter = RateLimiter(fake.monotonic)
    for _ in range(50):
        limiter.update(throttled=True)
        fake.passed += 0.1

    assert limiter.rate == rate_limit.LOWEST_RATE == 0.5
    assert limiter.take() <= 2


def test_recovery_is_cubic(fake: Any) -> None:
    """The rate rises quickly, stays near the old one, and then goes beyond it.

    The rate before throttling is reached again after (rate x 0.3 / 0.4) ** (1/3) seconds.
    """
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 20, 10)
    limiter.update(throttled=True)
    start, rates = fake.passed, {}
    before = limiter._rate_before_throttling
    until_same = (before * 0.3 / 0.4) ** (1 / 3)
    while fake.passed < start + 2 * until_same:
        used(fake, limiter, 40, 0.1)  # what is sent does not hold the rate down
        rates[fake.passed - start] = limiter.rate or 0.0
    early = [rate for passed, rate in rates.items() if passed < 0.8 * until_same]
    late = [rate for passed, rate in rates.items() if passed > 1.2 * until_same]

    assert list(rates.values()) == sorted(rates.values())
    assert max(early) < before < min(late)
    for passed, rate in rates.items():
        assert rate == pytest.approx(0.4 * (passed - until_same) ** 3 + before, abs=0.5)


def test_rises_no_further_than_it_is_used(fake: Any) -> None:
    """A rate that nobody uses does not grow beyond twice what is sent."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 10, 10)
    limiter.update(throttled=True)
    used(fake, limiter, 2, 60)

    assert limiter.rate == pytest.approx(4, rel=0.1)


def sent(fake: Any, limiter: RateLimiter, seconds: float) -> list[float]:
    """Return when calls could be sent that one caller wants to send one after the other."""
    moments, end = [], fake.passed + seconds
    while fake.passed < end:
        wait = limiter.take()
        fake.passed += wait
        if not wait:
            moments.append(fake.passed)
    return moments


def test_calls_are_spaced_by_the_rate(fake: Any) -> None:
    """Calls are sent one after the other at the rate."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 20, 10)
    limiter.update(throttled=True)
    moments = sent(fake, limiter, 5)
    steps = [later - sooner for sooner, later in itertools.pairwise(moments)]

    assert len(moments) > 50
    assert steps == pytest.approx([1 / (limiter.rate or 0)] * len(steps))


def test_what_is_not_used_is_kept_for_a_second(fake: Any) -> None:
    """After a long pause, no more than a second's worth of calls may be sent at once."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 20, 10)
    limiter.update(throttled=True)
    fake.passed += 3600
    at_once = [limiter.take() for _ in range(100)].count(0.0)

    assert at_once == pytest.approx(limiter.rate, abs=1)


def test_who_waits_takes_no_place(fake: Any) -> None:
    """However many have asked in vain, one call may be sent once its time has come."""
    limiter = RateLimiter(fake.monotonic)
    limiter.update(throttled=True)
    waits = {limiter.take() for _ in range(100)}
    fake.passed += 2

    assert waits == {2.0}
    assert [limiter.take(), limiter.take()] == [0.0, 2.0]


def test_a_rate_that_rises_shortens_the_wait(fake: Any) -> None:
    """Who asks again after a while learns of the rate that is right by then."""
    limiter = RateLimiter(fake.monotonic)
    used(fake, limiter, 2, 10)
    for _ in range(3):
        limiter.update(throttled=True)
    before = limiter.take()
    used(fake, limiter, 50, 1)
    while limiter.take() == 0:
        pass

    assert limiter.take() < before / 2


def test_a_limiter_is_safe_in_threads(fake: Any) -> None:
    """However many threads ask, each place is given away once."""
    limiter, start = RateLimiter(fake.monotonic), threading.Barrier(8)
    used(fake, limiter, 400, 5)
    limiter.update(throttled=True)
    fake.passed += 3600

    def take(_: int) -> int:
        start.wait()
        return [limiter.take() for _ in range(100)].count(0.0)

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(take, range(8)))

    assert taken == pytest.approx(limiter.rate, abs=1)
    assert 200 < taken < 800


# --- in calls -------------------------------------------------------------------------------------


def test_a_throttled_operation_waits_and_others_do_not(
    server: Any, calling: Calling, fake: Any
) -> None:
    """Each operation has a rate of its own, and its waits go through the policy's sleep."""
    client = calling(mode="adaptive", base_delay=0)
    server.answers = [THROTTLED, FINE]
    client.describe_registry()
    waited, fake.waits = fake.waits, []
    client.describe_repositories()

    assert waited == [2.0]  # for a place, at the lowest rate
    assert fake.waits == []


def test_standard_mode_waits_for_no_place(server: Any, calling: Calling, fake: Any) -> None:
    """Outside of the adaptive mode, throttling delays its own call only."""
    client = calling(base_delay=0)
    server.answers = [THROTTLED, FINE]
    for _ in range(5):
        client.describe_registry()

    assert fake.waits == []


def test_views_share_the_rates(server: Any, calling: Calling, fake: Any) -> None:
    """What the calls of one view have met slows down those of another one."""
    client = calling(mode="adaptive", base_delay=0)
    server.answers = [THROTTLED, FINE]
    client.with_options(timeout=1e6).describe_registry()
    before = len(fake.waits)
    client.with_options(timeout=1e5).describe_registry()

    assert len(fake.waits) == before + 1


def test_errors_that_are_no_throttling_do_not_slow_down(
    server: Any, calling: Calling, fake: Any
) -> None:
    """A fault of the service, or a broken connection, is no reason to send less."""
    client = calling(mode="adaptive", base_delay=0, max_attempts=5)
    server.answers = [(500, {}, b""), b"", b"", FINE]
    client.describe_registry()

    assert fake.waits == []


def test_a_deadline_before_the_place_in_the_queue(server: Any, calling: Calling, fake: Any) -> None:
    """A call whose turn would come too late fails at once, unsent."""
    client = calling(mode="adaptive", max_attempts=1)
    server.answers = [THROTTLED]
    with pytest.raises(ThrottlingException):
        client.describe_registry()
    hasty = client.with_options(timeout=1)
    with pytest.raises(TotalTimeoutException, match=r"1 s \(total_timeout\)") as caught:
        hasty.describe_registry()

    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert (len(server.requests), fake.waits) == (1, [])


# --- a service that allows 10 calls a second ------------------------------------------------------


class Simulation:
    """Workers that call a service without pause, each call lasting 50 ms, in a time of its own.

    Each is a generator that yields how long it waits; the one whose wait ends first goes on.
    """

    def __init__(self, fake: Any, *, adaptive: bool) -> None:
        self.fake = fake
        self.limiter = RateLimiter(fake.monotonic) if adaptive else None
        self.successes: list[float] = []
        self.throttled: list[float] = []
        self._tokens, self._filled = 10.0, 0.0

    def run(self, *, workers: int, seconds: float) -> None:
        """Let them work for so long."""
        waiting = [(0.0, number, self._work()) for number in range(workers)]
        while waiting[0][0] < seconds:
            self.fake.passed, number, worker = heapq.heappop(waiting)
            heapq.heappush(waiting, (self.fake.passed + next(worker), number, worker))

    def _work(self) -> Iterator[float]:
        """Repeat a call until it succeeds, and then make the next one."""
        attempt = 1
        while True:
            while self.limiter is not None and (wait := self.limiter.take()):
                yield wait
            throttled = not self._admits()
            (self.throttled if throttled else self.successes).append(self.fake.passed)
            yield 0.05
            if self.limiter is not None:
                self.limiter.update(throttled=throttled)
            attempt = attempt + 1 if throttled else 1
            if throttled:
                error = ThrottlingException()
                # Half of the longest delay is the mean of full jitter.
                yield 0.5 * delay_of(self.fake.policy(), error, attempt - 1, self.fake.utc())

    def _admits(self) -> bool:
        now = self.fake.passed
        self._tokens = min(10.0, self._tokens + 10 * (now - self._filled))
        self._filled = now
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True


def test_adaptive_mode_finds_the_rate_of_the_service(fake: Any) -> None:
    """Adaptive calls come near to 10 a second, few of them in vain; standard ones waste many."""
    adaptive = Simulation(fake, adaptive=True)
    adaptive.run(workers=20, seconds=120)
    settled = [moment for moment in adaptive.successes if 20 <= moment < 120]
    in_vain = len([moment for moment in adaptive.throttled if moment >= 20]) / len(settled)
    standard = Simulation(type(fake)(), adaptive=False)
    standard.run(workers=20, seconds=120)

    assert 9 <= len(settled) / 100 <= 10.1
    assert in_vain < 0.1
    assert len(standard.throttled) > 10 * len(adaptive.throttled)


def test_the_client_converges_in_the_same_way(server: Any, calling: Calling, fake: Any) -> None:
    """A client whose calls take no time settles below the limit of a real token bucket."""
    service = Simulation(fake, adaptive=False)

    class Answers(list[Any]):
        def __getitem__(self, _: Any) -> Any:
            fake.passed += 0.02
            admitted = service._admits()
            (service.successes if admitted else service.throttled).append(fake.passed)
            return FINE if admitted else THROTTLED

    server.answers = Answers([FINE])
    client, start = calling(mode="adaptive", max_attempts=10), fake.passed
    while fake.passed < 60:
        try:
            client.describe_registry()
        except AmazonECRException:
            fake.passed += 1
    rate = len(service.successes) / (fake.passed - start)

    assert 6 <= rate <= 10.5
    assert len(service.throttled) < 0.15 * len(service.successes)
