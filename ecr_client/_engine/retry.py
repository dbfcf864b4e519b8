"""Retry decisions: whether and when a failed attempt is retried, and what is corrected first."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from typing import TYPE_CHECKING, NamedTuple

from ecr_client._common.forks import Lock
from ecr_client._engine.clock import SKEW_CODES, skew
from ecr_client._exceptions import (
    AmazonClientException,
    AmazonServiceException,
    ConnectionClosedException,
    TransportException,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client._engine.deadline import Deadline
    from ecr_client.retry import RetryPolicy

EXPIRED_CODES = frozenset({"ExpiredToken", "ExpiredTokenException"})
#: The constants of the standard retry mode of the AWS SDKs.
QUOTA = 500
COST, COST_OF_TIMEOUT = 5, 10


class Wait(NamedTuple):
    """Retry after a delay, if the quota covers the cost."""

    seconds: float
    cost: int


class CorrectClock(NamedTuple):
    """Correct the clock, and retry immediately unless this was the last attempt."""

    offset: timedelta
    retry: bool


class RefreshCredentials(NamedTuple):
    """Refresh the credentials, and retry immediately unless this was the last attempt."""

    retry: bool


class GiveUp(NamedTuple):
    """Raise the error."""


Decision = Wait | CorrectClock | RefreshCredentials | GiveUp


class Attempts(NamedTuple):
    """The history of the attempts of a call before the current one.

    Attributes:
        errors: Their errors, in order.
        may_have_succeeded: Whether the service may have processed one of them nevertheless.
        reconnected: Whether one was retried immediately after its connection broke.
        clock_corrected: Whether the clock was corrected.
        credentials_refreshed: Whether the credentials were refreshed.
    """

    errors: tuple[AmazonClientException, ...] = ()
    may_have_succeeded: bool = False
    reconnected: bool = False
    clock_corrected: bool = False
    credentials_refreshed: bool = False

    @property
    def number(self) -> int:
        """The number of the current attempt, from 1."""
        return len(self.errors) + 1

    def followed_by(self, error: AmazonClientException, decision: Decision) -> Attempts:
        """Return the history after the current attempt has failed and a decision was made."""
        at_once = isinstance(decision, Wait) and decision.cost == 0
        return Attempts(
            errors=(*self.errors, error),
            may_have_succeeded=self.may_have_succeeded or may_have_succeeded(error),
            reconnected=self.reconnected or at_once,
            clock_corrected=self.clock_corrected or isinstance(decision, CorrectClock),
            credentials_refreshed=(
                self.credentials_refreshed or isinstance(decision, RefreshCredentials)
            ),
        )


def decide(
    error: AmazonClientException,
    attempts: Attempts,
    policy: RetryPolicy,
    deadline: Deadline,
    *,
    now: datetime,
    offset: timedelta,
) -> Decision:
    """Return what to do about the error of an attempt.

    Args:
        error: The error.
        attempts: The history of the earlier attempts.
        policy: The retry policy of the call.
        deadline: The deadline of the call.
        now: The local time in UTC.
        offset: The correction of the clock when the attempt was signed.
    """
    is_last = attempts.number >= policy.max_attempts
    if isinstance(error, AmazonServiceException):
        if error.error_code in SKEW_CODES and not attempts.clock_corrected:
            date = http_date(error.response_metadata.http_headers.get("Date"))
            found = None if date is None else skew(date, now, offset)
            if found is not None:
                return CorrectClock(found, retry=not is_last)
        if error.error_code in EXPIRED_CODES and not attempts.credentials_refreshed:
            return RefreshCredentials(retry=not is_last)
    if is_last or not is_retryable(error):
        return GiveUp()
    if isinstance(error, ConnectionClosedException) and not attempts.reconnected:
        # Most likely the server closed a connection that was idle for too long.
        return Wait(0.0, cost=0)
    seconds = backoff(policy, error, attempts.number, now + offset)
    if not deadline.allows(seconds):
        return GiveUp()
    return Wait(seconds, COST_OF_TIMEOUT if isinstance(error, TimeoutError) else COST)


def is_retryable(error: AmazonClientException) -> bool:
    """Return whether the same call may succeed later without being changed."""
    return isinstance(error, (AmazonServiceException, TransportException)) and error.retryable


def may_have_succeeded(error: AmazonClientException) -> bool:
    """Return whether the service may have processed the request although the attempt failed."""
    if isinstance(error, TransportException):
        return error.request_sent
    return (
        isinstance(error, AmazonServiceException)
        and not error.throttling
        and error.error_type == "Service"
    )


def backoff(policy: RetryPolicy, error: AmazonClientException, retry: int, now: datetime) -> float:
    """Return the delay before a retry in seconds.

    Args:
        policy: The retry policy of the call.
        error: The error of the attempt.
        retry: The number of the retry, from 1.
        now: The time of the service, for a ``Retry-After`` with a date.
    """
    # The exponent is bounded, because floats are.
    longest = min(policy.max_delay, policy.base_delay * 2.0 ** min(retry - 1, 63))
    delay = min(longest, max(0.0, policy.random() * longest))
    if isinstance(error, AmazonServiceException):
        wanted = _wanted_by_server(error.response_metadata.http_headers, now)
        delay = max(delay, min(wanted, policy.max_delay))
    return delay


def _wanted_by_server(headers: Mapping[str, str], now: datetime) -> float:
    """Return the delay that the server requests in seconds, or 0."""
    milliseconds = headers.get("x-amz-retry-after", "").strip()
    # Longer values are nonsense, which float() would accept.
    if milliseconds.isdecimal() and len(milliseconds) < 12:
        return int(milliseconds) / 1000
    text = headers.get("Retry-After", "").strip()
    if text.isdecimal() and len(text) < 12:
        return float(text)
    moment = http_date(text)
    return max(0.0, (moment - now).total_seconds()) if moment else 0.0


def http_date(text: str | None) -> datetime | None:
    """Return the time in an HTTP header, or ``None`` if it is malformed."""
    try:
        moment = parsedate_to_datetime(text or "")
        # The zone "-0000" is UTC, too.
        return moment.replace(tzinfo=moment.tzinfo or timezone.utc).astimezone(timezone.utc)
    except (ValueError, TypeError, OverflowError, IndexError):
        return None


class RetryQuota:
    """A quota of retries that all calls of a client share, to spare a failing service.

    Args:
        capacity: The quota when nothing is acquired.

    Attributes:
        left: The remaining quota.
    """

    def __init__(self, capacity: int = QUOTA) -> None:
        self._capacity = capacity
        self.left: int = capacity
        self._lock = Lock()

    def acquire(self, cost: int) -> bool:
        """Acquire the cost of a retry; return whether there was enough."""
        with self._lock.held:
            if self.left < cost:
                return False
            self.left -= cost
            return True

    def release(self, amount: int) -> None:
        """Release an amount after a successful call."""
        if self.left < self._capacity:  # rarely true, so the lock is rarely needed
            with self._lock.held:
                self.left = min(self._capacity, self.left + amount)
