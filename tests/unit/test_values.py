"""Single values to and from JSON, including types that no request has today."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import Any

import pytest

from ecr_client._engine import values
from ecr_client._engine.values import Mismatch


@pytest.mark.parametrize(
    ("when", "seconds"),
    [
        (datetime(1970, 1, 1, tzinfo=timezone.utc), 0.0),
        (datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=1))), 1767225600.0),
        (datetime(1969, 12, 31, 23, 59, 59, 500_000, tzinfo=timezone.utc), -0.5),
    ],
)
def test_times_are_sent_as_epoch_seconds(when: datetime, seconds: float) -> None:
    """A time is sent as seconds since the epoch, whatever its zone, and is read back as it was."""
    assert values.check_datetime(when) == seconds
    assert values.read_datetime(values.check_datetime(when)) == when


def test_others_are_sent_as_they_are() -> None:
    """A finite number is sent and read as it is, and a blob is read from base64."""
    for number in (0, -1, 1.5, 10**15):
        assert values.check_float(number) == values.read_float(number) == number
    assert values.read_bytes("AAEC/w==") == b"\x00\x01\x02\xff"


@pytest.mark.parametrize(
    ("function", "value", "problem"),
    [
        (values.check_datetime, "2026-01-01", "must be a datetime, got str"),
        (values.check_datetime, datetime(2026, 1, 1), "time zone"),
        (values.check_float, "1", "must be a number, got str"),
        (values.check_float, True, "must be a number, got bool"),
        (values.check_float, float("nan"), "must be a finite number"),
        (values.check_float, float("inf"), "must be a finite number"),
        (values.check_bool, 1, "must be a bool, got int"),
        (values.check_int, 2**64, "64 bits"),
        (values.check_bytes, "text", "must be bytes, got str"),
        (values.check_bytes, memoryview(b"abcd")[::2], "contiguous"),
        (values.read_bytes, "not base64!", "is not base64"),
        (values.read_bytes, 3, "must be a base64 string"),
        (values.read_float, "1_0", "must be a number"),
        (values.read_float, "1e999", "too large"),
        (values.read_int, "1.5", "must be an integer"),
        (values.read_float, 10**400, "too large"),
        (values.read_int, 1.5, "must be an integer"),
        (values.read_bool, "true", "must be a boolean"),
        (values.read_datetime, True, "must be a timestamp"),
        (values.read_datetime, float("inf"), "is not a time"),
        (values.read_datetime, "nan", "is not a time"),
    ],
)
def test_what_does_not_fit(function: Any, value: Any, problem: str) -> None:
    """The error of a value that does not fit says what was expected, and the value's type."""
    with pytest.raises(Mismatch, match=problem):
        function(value)
