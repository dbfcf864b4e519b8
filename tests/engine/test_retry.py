"""The decision after a failed attempt: a table of everything that it depends on."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, NamedTuple

import attrs
import pytest

from ecr_client import RetryPolicy
from ecr_client import exceptions as errors
from ecr_client._engine.clock import SKEW_CODES
from ecr_client._engine.deadline import Deadline
from ecr_client._engine.retry import (
    COST,
    COST_OF_TIMEOUT,
    EXPIRED_CODES,
    QUOTA,
    Attempts,
    CorrectClock,
    Decision,
    GiveUp,
    RefreshCredentials,
    RetryQuota,
    Wait,
    backoff,
    decide,
    http_date,
    is_retryable,
    may_have_succeeded,
)
from ecr_client.exceptions import AmazonClientException, AmazonECRException
from ecr_client.metadata import ResponseMetadata

NOW = datetime(2026, 1, 1, tzinfo=timezone.utc)
HOUR = timedelta(hours=1)
NONE = timedelta(0)
#: Three attempts, with delays of 1 and 2 seconds.
POLICY = RetryPolicy(random=lambda: 1.0)
FIRST = Attempts()


def error(code: str, status: int = 400, **headers: str) -> AmazonECRException:
    """Return an error of the service."""
    found = {name.replace("_", "-"): text for name, text in headers.items()}
    metadata = ResponseMetadata(http_status_code=status, http_headers=found)
    return AmazonECRException("no", error_code=code, response_metadata=metadata)


def at(moment: datetime) -> str:
    return format_datetime(moment, usegmt=True)


def skewed(ahead: timedelta, code: str = "RequestExpired") -> AmazonECRException:
    """Return an error of a service whose clock is ahead of ours."""
    return error(code, 403, Date=at(NOW + ahead))


def after(number: int, **known: bool) -> Attempts:
    """Return what is known after some attempts."""
    return Attempts(errors=(error("503", 503),) * number, **known)


CLOSED = errors.ConnectionClosedException("gone")
SLOW = errors.ReadTimeoutException("slow")
DOWN = error("503", 503)
EXPIRED = error("ExpiredTokenException", 403)
AGAIN = Wait(1.0, COST)


class Case(NamedTuple):
    """What an attempt failed with, what is to be done about it, and what else that depends on."""

    error: AmazonClientException
    expected: Decision
    attempts: Attempts = FIRST
    base_delay: float = POLICY.base_delay
    left: float | None = None
    offset: timedelta = NONE


#: Errors that are not retried.
FINAL: tuple[AmazonClientException, ...] = (
    error("RepositoryNotFoundException"),
    error("501", 501),
    error("302", 302),
    errors.TLSException("unknown issuer"),
    errors.TotalTimeoutException("over"),
    errors.ResponseParseException("is not JSON"),
    errors.ParamValidationException("is required"),
    errors.NoCredentialsException("none"),
    errors.CredentialRetrievalException("failed"),
    errors.ClientShutdownException("over"),
    errors.LayerVerificationException("differs"),
    errors.LayerDownloadException("no", status_code=404),
)
TABLE: dict[str, Case] = {
    "fault by its status": Case(DOWN, AGAIN),
    "no connection": Case(errors.EndpointConnectionException("refused"), AGAIN),
    "storage is down": Case(errors.LayerDownloadException("no", status_code=503), AGAIN),
    "read timeout": Case(SLOW, Wait(1.0, COST_OF_TIMEOUT)),
    **{f"{each!r}": Case(each, GiveUp()) for each in FINAL},
    # The number of attempts.
    "second attempt": Case(DOWN, Wait(2.0, COST), after(1)),
    "last attempt": Case(DOWN, GiveUp(), after(2)),
    # A broken connection.
    "first broken connection": Case(CLOSED, Wait(0.0, 0)),
    "second broken connection": Case(CLOSED, Wait(2.0, COST), after(1, reconnected=True)),
    "broken connection, last attempt": Case(CLOSED, GiveUp(), after(2)),
    "broken connection, no time": Case(CLOSED, Wait(0.0, 0), left=0.0),
    # Delays and the deadline.
    "Retry-After": Case(error("503", 503, Retry_After="7"), Wait(7.0, COST)),
    "Retry-After, by the corrected clock": Case(
        error("503", 503, Retry_After=at(NOW + HOUR + timedelta(seconds=9))),
        Wait(9.0, COST),
        offset=HOUR,
    ),
    "enough time": Case(DOWN, AGAIN, left=1.1),
    "too little time": Case(DOWN, GiveUp(), left=1.0),
    "too little time for Retry-After": Case(error("503", 503, Retry_After="7"), GiveUp(), left=6.9),
    "no time, no delay": Case(DOWN, GiveUp(), base_delay=0, left=0.0),
    # The clock.
    **{
        f"skew: {code}": Case(skewed(HOUR, code), CorrectClock(HOUR, True))
        for code in sorted(SKEW_CODES)
    },
    "wrong clock, later": Case(skewed(HOUR), CorrectClock(HOUR, retry=True), after(1)),
    "wrong clock, last attempt": Case(skewed(HOUR), CorrectClock(HOUR, retry=False), after(2)),
    "wrong clock, no time": Case(skewed(HOUR), CorrectClock(HOUR, retry=True), left=0.0),
    "wrong clock, once": Case(skewed(HOUR), GiveUp(), after(1, clock_corrected=True)),
    "wrong correction": Case(skewed(NONE), CorrectClock(NONE, retry=True), offset=HOUR),
    "right correction": Case(skewed(HOUR), GiveUp(), offset=HOUR),
    "no date": Case(error("RequestExpired", 403), GiveUp()),
    "another error with a date": Case(skewed(HOUR, "AccessDeniedException"), GiveUp()),
    "fault with a date": Case(error("503", 503, Date=at(NOW + HOUR)), AGAIN),
    # Credentials.
    **{
        f"expired: {code}": Case(error(code), RefreshCredentials(True))
        for code in sorted(EXPIRED_CODES)
    },
    "expired credentials, last attempt": Case(EXPIRED, RefreshCredentials(retry=False), after(2)),
    "expired credentials, once": Case(EXPIRED, GiveUp(), after(1, credentials_refreshed=True)),
    "expired credentials after a wrong clock": Case(
        EXPIRED, RefreshCredentials(retry=True), after(1, clock_corrected=True)
    ),
    "wrong clock after expired credentials": Case(
        skewed(HOUR), CorrectClock(HOUR, retry=True), after(1, credentials_refreshed=True)
    ),
}


def decision(case: Case, ticker: Any) -> Decision:
    return decide(
        case.error,
        case.attempts,
        attrs.evolve(POLICY, base_delay=case.base_delay),
        Deadline(case.left, ticker),
        now=NOW,
        offset=case.offset,
    )


@pytest.mark.parametrize("name", TABLE)
def test_decisions(name: str, ticker: Any) -> None:
    """Each row of the table has its decision, which never exceeds the attempts and time left."""
    case = TABLE[name]
    found = decision(case, ticker)

    assert (type(found), found) == (type(case.expected), case.expected)
    for number in (2, 3, 50):
        last: Any = decision(case._replace(attempts=after(number)), ticker)
        assert isinstance(last, GiveUp) or not last.retry
    for left in (-1.0, 0.0, 0.5, 3.0):
        found = decision(case._replace(left=left), ticker)
        assert not isinstance(found, Wait) or found.cost == 0 or found.seconds < left


def test_constants() -> None:
    """Codes and costs are those of AWS's SDKs; tests/oracle covers all other codes."""
    skew = "AuthFailure InvalidSignatureException RequestExpired RequestTimeTooSkewed"

    assert {*skew.split(), "SignatureDoesNotMatch"} == SKEW_CODES
    assert {"ExpiredToken", "ExpiredTokenException"} == EXPIRED_CODES
    assert (RetryQuota().left, QUOTA, COST, COST_OF_TIMEOUT) == (500, 500, 5, 10)


@pytest.mark.parametrize(
    ("failure", "made", "expected"),
    [
        (DOWN, AGAIN, {"may_have_succeeded": True}),
        (error("ThrottlingException"), AGAIN, {}),
        (SLOW, Wait(1.0, COST_OF_TIMEOUT), {"may_have_succeeded": True}),
        (CLOSED, Wait(0.0, 0), {"may_have_succeeded": True, "reconnected": True}),
        (CLOSED, Wait(0.0, COST), {"may_have_succeeded": True}),
        (skewed(HOUR), CorrectClock(HOUR, retry=True), {"clock_corrected": True}),
        (EXPIRED, RefreshCredentials(retry=True), {"credentials_refreshed": True}),
    ],
)
def test_what_is_known_afterwards(
    failure: AmazonClientException, made: Decision, expected: dict[str, bool]
) -> None:
    """A failed attempt adds its error and what was done about it; nothing is forgotten."""
    everything = Attempts((DOWN,), True, True, True, True)

    assert FIRST.followed_by(failure, made) == Attempts(errors=(failure,), **expected)
    assert everything.followed_by(failure, made) == everything._replace(errors=(DOWN, failure))


@pytest.mark.parametrize(
    ("failure", "retryable", "perhaps_done"),
    [
        (errors.ServerException("no"), True, True),
        (error("?", 501), False, True),
        (error("?", 429), True, False),
        (error("SlowDown", 503), True, False),
        (error("RequestTimeout", 400), True, False),
        (error("?", 302), False, False),
        (CLOSED, True, True),
        (errors.TransportException("malformed"), True, True),
        (errors.TotalTimeoutException("over"), False, True),
        (errors.EndpointConnectionException("refused"), True, False),
        (errors.ProxyConnectionException("no"), True, False),
        (errors.TLSException("no"), False, False),
        (errors.ResponseParseException("is not JSON"), False, False),
    ],
)
def test_what_errors_mean(
    failure: AmazonClientException, retryable: bool, perhaps_done: bool
) -> None:
    """An error says whether to retry, and whether the service may have done the work."""
    assert is_retryable(failure) is retryable
    assert may_have_succeeded(failure) is perhaps_done


def test_delays() -> None:
    """The delay is a random part of a bound that doubles with each retry, up to a cap."""
    numbers = (1, 2, 3, 4, 5, 6, 1025, 10**9)
    drawn = [0.0, 0.25, 0.5, 1.0, -1.0, 2.0, float("inf"), 1e308]
    policy = attrs.evolve(POLICY, random=iter(drawn).__next__)

    assert [backoff(POLICY, CLOSED, n, NOW) for n in numbers] == [1, 2, 4, 8, 16, 20, 20, 20]
    # A random number that is not between 0 and 1 makes no absurd delay.
    assert [backoff(policy, CLOSED, 3, NOW) for _ in drawn] == [0, 1, 2, 4, 0, 4, 4, 4]


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "86400"}, 20.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 2026 02:00:09 +0200"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 -0000"}, 9.0),
        ({"Retry-After": "Wed, 31 Dec 2025 00:00:00 GMT"}, 1.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 20.0),
        ({"x-amz-retry-after": "2500"}, 2.5),
        ({"x-amz-retry-after": "999999"}, 20.0),
        ({"x-amz-retry-after": "3000", "Retry-After": "9"}, 3.0),
        ({"x-amz-retry-after": "soon", "Retry-After": "9"}, 9.0),
        *(
            ({name: text}, 1.0)
            for name in ("Retry-After", "x-amz-retry-after")
            for text in ("", "soon", "-5", "1e9", "inf", "nan", "0x10", "9" * 500, "1,2", "\xb2")
        ),
    ],
)
def test_what_the_server_asks_for(headers: dict[str, str], delay: float) -> None:
    """A server that asks for a longer delay gets it, up to the cap; nonsense asks for nothing."""
    metadata = ResponseMetadata(http_status_code=429, http_headers=headers)
    failure = AmazonECRException("slow down", response_metadata=metadata)

    assert backoff(POLICY, failure, 1, NOW) == delay


def test_dates(monkeypatch: pytest.MonkeyPatch) -> None:
    """An HTTP date is read in UTC, or as None, whatever the time zone of the machine."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert http_date("Thu, 01 Jan 2026 02:00:09 +0200") == NOW + timedelta(seconds=9)
        for text in ("Thu, 01 Jan 2026 00:00:00 -0000", "01 Jan 2026 00:00:00"):
            assert http_date(text) == NOW
        for bad in (
            *(None, "", "yesterday", "1767225600", "Thu, 99 Jan 2026 00:00:00 GMT"),
            "Fri, 31 Dec 9999 23:59:59 -2359",
            "Mon, 01 Jan 2026 00:00:00 +99999999999999",
        ):
            assert http_date(bad) is None
    finally:
        monkeypatch.undo()
        time.tzset()


def test_quota() -> None:
    """Acquiring never exceeds what is left, and releasing never exceeds the initial quota."""
    quota = RetryQuota(12)

    assert [quota.acquire(cost) for cost in (5, 10, 5, 5)] == [True, False, True, False]
    assert quota.left == 2
    quota.release(3)
    assert quota.left == 5
    quota.release(100)
    assert quota.left == 12
    quota.release(1)
    assert quota.left == 12


def test_quota_is_shared_by_threads() -> None:
    """However many threads acquire, exactly the quota is acquired."""
    quota, start = RetryQuota(1000), threading.Barrier(8)

    def acquire(_: int) -> int:
        start.wait()
        return sum(quota.acquire(1) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        acquired = sum(pool.map(acquire, range(8)))

    assert (acquired, quota.left) == (1000, 0)
