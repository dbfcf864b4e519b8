"""The time of signatures: when a response corrects it, and by how much."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone

import pytest

from ecr_client._engine.clock import LARGEST, TOLERANCE, SigningClock, skew, utc_now

NOW = datetime(2026, 1, 2, tzinfo=timezone.utc)
NONE = timedelta(0)
HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)


@pytest.mark.parametrize(
    ("ahead", "offset", "expected"),
    [
        (NONE, NONE, None),
        (TOLERANCE, NONE, None),
        (-TOLERANCE, NONE, None),
        (TOLERANCE + SECOND, NONE, TOLERANCE + SECOND),
        (-TOLERANCE - SECOND, NONE, -TOLERANCE - SECOND),
        (HOUR, HOUR, None),
        (HOUR, HOUR - TOLERANCE, None),
        (HOUR, 2 * HOUR, HOUR),
        (NONE, HOUR, NONE),
        (LARGEST, NONE, LARGEST),
        (LARGEST + SECOND, NONE, None),
        (-LARGEST, NONE, -LARGEST),
        (-LARGEST - SECOND, NONE, None),
    ],
)
def test_skew(ahead: timedelta, offset: timedelta, expected: timedelta | None) -> None:
    """A date asks for a correction if it is far from what was signed, and not absurdly far."""
    assert skew(NOW + ahead, NOW, offset) == expected


@pytest.mark.parametrize(
    "date", [datetime.max.replace(tzinfo=timezone.utc), datetime.min.replace(tzinfo=timezone.utc)]
)
def test_dates_at_the_end_of_time(date: datetime) -> None:
    """The earliest and the latest date that Python can hold correct nothing."""
    assert skew(date, NOW, NONE) is None


def test_the_clock_of_the_machine() -> None:
    """Without any correction, the time is the machine's, in UTC."""
    clock = SigningClock()
    before, now, after = utc_now(), clock.local(), utc_now()

    assert before <= now <= after
    assert now.utcoffset() == clock.offset("https://ecr.example") == timedelta(0)
