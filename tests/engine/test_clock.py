"""The time of signatures, and the deadline of a call."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_client._engine.clock import LARGEST, TOLERANCE, SigningClock, skew, utc_now
from ecr_client._engine.deadline import Deadline

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
NONE = timedelta(0)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
END_OF_TIME = datetime.max.replace(tzinfo=timezone.utc) - NOW
BEGINNING = datetime.min.replace(tzinfo=timezone.utc) - NOW


@pytest.mark.parametrize(
    ("ahead", "offset", "expected"),
    [
        (TOLERANCE, NONE, None),
        (-TOLERANCE, NONE, None),
        (TOLERANCE + SECOND, NONE, TOLERANCE + SECOND),
        (-TOLERANCE - SECOND, NONE, -TOLERANCE - SECOND),
        (HOUR, HOUR - TOLERANCE, None),
        (HOUR, 2 * HOUR, HOUR),
        (NONE, HOUR, NONE),
        (LARGEST, NONE, LARGEST),
        (LARGEST + SECOND, NONE, None),
        (-LARGEST, NONE, -LARGEST),
        (-LARGEST - SECOND, NONE, None),
        (END_OF_TIME, NONE, None),
        (BEGINNING, NONE, None),
    ],
)
def test_skew(ahead: timedelta, offset: timedelta, expected: timedelta | None) -> None:
    """A date calls for a correction if it is far from the signing time, but not absurdly far."""
    assert skew(NOW + ahead, NOW, offset) == expected


def test_clocks_of_the_machine() -> None:
    """Without a correction, the time is the machine's in UTC; a deadline has a monotonic clock."""
    clock, deadline = SigningClock(), Deadline(1000)
    before, now, after = utc_now(), clock.local(), utc_now()
    first, second = deadline.left(), deadline.left()

    assert before <= now <= after
    assert now.utcoffset() == clock.offset("https://ecr.example") == timedelta(0)
    assert first is not None
    assert second is not None
    assert 900 < second <= first <= 1000


def test_what_is_left(ticker: Any) -> None:
    """A deadline counts down, has passed when nothing is left, and continues below zero."""
    deadline, endless = Deadline(5, ticker), Deadline(None, ticker)
    seen = []
    for _ in range(4):
        seen.append((deadline.left(), deadline.passed))
        ticker.passed += 2.5

    assert seen == [(5, False), (2.5, False), (0, True), (-2.5, True)]
    assert deadline.seconds == 5
    assert (endless.left(), endless.seconds, endless.passed) == (None, None, False)
    assert endless.allows(1e12)
    assert endless.limit(9) == 9


@pytest.mark.parametrize(
    ("passed", "seconds", "allowed"),
    [(0, 4.9, True), (0, 5, False), (4, 0.5, True), (5, 0, False), (4.9, 0, True)],
)
def test_delays(ticker: Any, passed: float, seconds: float, allowed: bool) -> None:
    """A delay is allowed if some time is left after it."""
    deadline = Deadline(5, ticker)
    ticker.passed = passed

    assert deadline.allows(seconds) is allowed


@pytest.mark.parametrize(
    ("passed", "timeout", "expected"),
    [(0, 9, 5), (0, 4, 4), (3, 4, 2), (5, 4, 1e-3), (99, 4, 1e-3)],
)
def test_timeouts(ticker: Any, passed: float, timeout: float, expected: float) -> None:
    """A timeout is limited by the deadline, and is never 0, which would mean not to wait."""
    deadline = Deadline(5, ticker)
    ticker.passed = passed

    assert deadline.limit(timeout) == pytest.approx(expected)
