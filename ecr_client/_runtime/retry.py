"""Whether a failed attempt may be repeated, and when."""

from __future__ import annotations

from datetime import datetime, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING

from ecr_client._exceptions import (
    AmazonClientException,
    AmazonServiceException,
    TransportException,
)
from ecr_client._runtime.forks import Lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client.retry import RetryPolicy

#: AWS's figures for its standard mode.
QUOTA = 500
COST, COST_OF_TIMEOUT = 5, 10


class RetryQuota:
    """A budget for repeats that all calls of a client share, so that a failing service is spared.

    Args:
        capacity: What it holds when it is full.
    """

    def __init__(self, capacity: int = QUOTA) -> None:
        self._capacity = capacity
        self._left = capacity
        self._lock = Lock()

    @property
    def left(self) -> int:
        """What it holds now."""
        return self._left

    def take(self, cost: int) -> bool:
        """Take out the cost of a repeat; return whether there was enough."""
        with self._lock:
            if self._left < cost:
                return False
            self._left -= cost
            return True

    def give(self, amount: int) -> None:
        """Put something back after a success."""
        if self._left < self._capacity:  # which it nearly never is, so this nearly never locks
            with self._lock:
                self._left = min(self._capacity, self._left + amount)


def cost_of(error: AmazonClientException) -> int:
    """Return what a repeat after this error takes from the quota."""
    return COST_OF_TIMEOUT if isinstance(error, TimeoutError) else COST


def is_retryable(error: AmazonClientException) -> bool:
    """Return whether the same call may succeed later without being changed."""
    return isinstance(error, (AmazonServiceException, TransportException)) and error.retryable


def may_have_worked(error: AmazonClientException) -> bool:
    """Return whether the service may have done what it was asked, although the call failed."""
    if isinstance(error, TransportException):
        return error.request_sent
    return (
        isinstance(error, AmazonServiceException)
        and not error.throttling
        and error.error_type == "Service"
    )


def delay_of(
    policy: RetryPolicy, error: AmazonClientException, repeat: int, now: datetime
) -> float:
    """Return how many seconds to wait.

    Args:
        policy: Of the call.
        error: What the attempt failed with.
        repeat: The number of the repeat that comes next, from 1.
        now: The time, to which an HTTP date of the server is compared.
    """
    # The exponent has a bound, because a float has one.
    longest = min(policy.max_delay, policy.base_delay * 2.0 ** min(repeat - 1, 63))
    delay = min(longest, max(0.0, policy.random() * longest))
    if isinstance(error, AmazonServiceException):
        wanted = _wanted_by_server(error.response_metadata.http_headers, now)
        delay = max(delay, min(wanted, policy.max_delay))
    return delay


def _wanted_by_server(headers: Mapping[str, str], now: datetime) -> float:
    """Return the seconds that a server asks to wait for, or 0."""
    milliseconds = headers.get("x-amz-retry-after", "").strip()
    # Digits only, and few: what is longer is nonsense, which float() would read all the same.
    if milliseconds.isdecimal() and len(milliseconds) < 12:
        return int(milliseconds) / 1000
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 12:
        return float(text)
    moment = http_date(text)
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0


def http_date(text: str | None) -> datetime | None:
    """Return the time that an HTTP header names, or ``None`` if it names none."""
    try:
        moment = parsedate_to_datetime(text or "")
        # A zone of "-0000" is UTC, too.
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
