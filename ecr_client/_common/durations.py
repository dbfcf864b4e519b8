"""Checks of durations in seconds."""

from __future__ import annotations

from ecr_client._common.display import brief

#: No attempt, delay or call takes longer; larger numbers are milliseconds by mistake, as in Java.
HOUR = 3_600
DAY = 24 * HOUR


def problem(value: object, *, zero: bool = False, longest: int = HOUR) -> str | None:
    """Return the error message for a number of seconds, or ``None`` if it is valid.

    Args:
        value: The number.
        zero: Whether it may be 0.
        longest: The largest valid number.
    """
    is_number = isinstance(value, (int, float)) and not isinstance(value, bool)
    # NaN is not in any range.
    if is_number and (0 <= value <= longest if zero else 0 < value <= longest):  # type: ignore[operator]
        return None
    bounds = f"from 0 to {longest:,}" if zero else f"above 0 and at most {longest:,}"
    is_long = is_number and value > longest  # type: ignore[operator]
    hint = "; it is in seconds, not milliseconds" if is_long else ""
    return f"must be a number of seconds {bounds}, got {brief(value)}{hint}"
