"""Whether a failed attempt is followed by another one, when, and what is corrected before."""

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
#: AWS's figures for its standard mode.
QUOTA = 500
COST, COST_OF_TIMEOUT = 5, 10


class Wait(NamedTuple):
    """Send the request again after some seconds, if the quota covers the cost."""

    seconds: float
    cost: int


class CorrectClock(NamedTuple):
    """Sign with another time from now on, and send again at once unless it was the last attempt."""

    offset: timedelta
    retry: bool


class RefreshCredentials(NamedTuple):
    """Look for other credentials, and send again at once unless it was the last attempt."""

    retry: bool


class GiveUp(NamedTuple):
    """Raise the error."""


Decision = Wait | CorrectClock | RefreshCredentials | GiveUp


class Attempts(NamedTuple):
    """What is known of the attempts of a call before the current one.

    Attributes:
        errors: What they failed with.
        may_have_succeeded: Whether one of them may have done the work nevertheless.
        reconnected: Whether one was retried at once because its connection broke.
        clock_corrected: Whether the clock was corrected.
        credentials_refreshed: Whether other credentials were looked for.
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
        """Return what is known after the current attempt has failed and a decision was made."""
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
        error: What it failed with.
        attempts: What is known of those before.
        policy: Of the call.
        deadline: Of the call.
        now: The time of this machine, in UTC.
        offset: By how much the clock was corrected when the attempt was signed.
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
        # Most likely the server has closed a connection that was idle for too long.
        return Wait(0.0, cost=0)
    seconds = backoff(policy, error, attempts.number, now + offset)
    if not deadline.allows(seconds):
        return GiveUp()
    return Wait(seconds, COST_OF_TIMEOUT if isinstance(error, TimeoutError) else COST)


def is_retryable(error: AmazonClientException) -> bool:
    """Return whether the same call may succeed later without being changed."""
    return isinstance(error, (AmazonServiceException, TransportException)) and error.retryable


def may_have_succeeded(error: AmazonClientException) -> bool:
    """Return whether the service may have done what it was asked, although the attempt failed."""
    if isinstance(error, TransportException):
        return error.request_sent
    return (
        isinstance(error, AmazonServiceException)
        and not error.throttling
        and error.error_type == "Service"
    )


def backoff(policy: RetryPolicy, error: AmazonClientException, retry: int, now: datetime) -> float:
    """Return how many seconds to wait before the n-th retry, from 1.

    Args:
        policy: Of the call.
        error: What the attempt failed with.
        retry: The number of the retry.
        now: The time of the service, to which an HTTP date of its response is compared.
    """
    # The exponent has a bound, because a float has one.
    longest = min(policy.max_delay, policy.base_delay * 2.0 ** min(retry - 1, 63))
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


class RetryQuota:
    """A budget for retries that all calls of a client share, so that a failing service is spared.

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

    def acquire(self, cost: int) -> bool:
        """Take out the cost of a retry; return whether there was enough."""
        with self._lock.held:
            if self._left < cost:
                return False
            self._left -= cost
            return True

    def release(self, amount: int) -> None:
        """Put something back after a success."""
        if self._left < self._capacity:  # which it nearly never is, so this nearly never locks
            with self._lock.held:
                self._left = min(self._capacity, self._left + amount)
