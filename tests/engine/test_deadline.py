"""When a call has to end."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client._engine.deadline import Deadline


def test_what_is_left(ticker: Any) -> None:
    """A deadline counts down, has passed when nothing is left, and goes on below zero."""
    deadline = Deadline(5, ticker)
    seen = []
    for _ in range(4):
        seen.append((deadline.left(), deadline.passed))
        ticker.passed += 2.5

    assert seen == [(5, False), (2.5, False), (0, True), (-2.5, True)]
    assert deadline.seconds == 5


def test_without_an_end(ticker: Any) -> None:
    """Without a number of seconds there is always time."""
    deadline = Deadline(None, ticker)
    ticker.passed = 1e12

    assert deadline.left() is None
    assert deadline.seconds is None
    assert not deadline.passed
    assert deadline.allows(1e12)
    assert deadline.limit(9) == 9


@pytest.mark.parametrize(
    ("passed", "seconds", "allowed"),
    [(0, 4.9, True), (0, 5, False), (0, 6, False), (4, 0.5, True), (5, 0, False), (4.9, 0, True)],
)
def test_delays(ticker: Any, passed: float, seconds: float, allowed: bool) -> None:
    """A delay is allowed if some time is left after it."""
    deadline = Deadline(5, ticker)
    ticker.passed = passed

    assert deadline.allows(seconds) is allowed


@pytest.mark.parametrize(
    ("passed", "timeout", "expected"),
    [(0, 9, 5), (0, 4, 4), (3, 4, 2), (5, 4, 1e-3), (99, 4, 1e-3), (4.9999, 4, 1e-3)],
)
def test_timeouts(ticker: Any, passed: float, timeout: float, expected: float) -> None:
    """A timeout ends by the deadline, and is never 0, which would mean not to wait at all."""
    deadline = Deadline(5, ticker)
    ticker.passed = passed

    assert deadline.limit(timeout) == pytest.approx(expected)


def test_the_clock_of_the_machine() -> None:
    """Without a clock it is the monotonic one of the machine."""
    deadline = Deadline(1000)
    first = deadline.left()
    second = deadline.left()

    assert first is not None
    assert second is not None
    assert 900 < second <= first <= 1000
