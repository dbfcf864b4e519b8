"""What is done about a failed attempt: a table of all that it depends on."""

from __future__ import annotations

import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import Any, NamedTuple

import attrs
import pytest

from ecr_client import RetryPolicy
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
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ClientShutdownException,
    ConnectionClosedException,
    ConnectTimeoutException,
    CredentialRetrievalException,
    EndpointConnectionException,
    LayerDownloadException,
    LayerVerificationException,
    NoCredentialsException,
    ParamValidationException,
    ProxyConnectionException,
    ReadTimeoutException,
    ResponseParseException,
    ServerException,
    TLSException,
    TotalTimeoutException,
    TransportException,
)
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


CLOSED = ConnectionClosedException("gone")
SLOW = ReadTimeoutException("slow")
DOWN = error("503", 503)
EXPIRED = error("ExpiredTokenException", 403)
AGAIN = Wait(1.0, COST)


class Case(NamedTuple):
    """One row of the table.

    Attributes:
        error: What the attempt failed with.
        expected: What is to be done about it.
        attempts: What is known of those before.
        policy: What differs from the default policy.
        left: How many seconds are left for the call.
        offset: By how much the clock was corrected when the attempt was signed.
    """

    error: AmazonClientException
    expected: Decision
    attempts: Attempts = FIRST
    policy: dict[str, Any] = {}  # noqa: RUF012
    left: float | None = None
    offset: timedelta = NONE


TABLE: dict[str, Case] = {
    # Errors that pass by themselves.
    "fault by its status": Case(DOWN, AGAIN),
    "no connection": Case(EndpointConnectionException("refused"), AGAIN),
    "malformed response": Case(TransportException("malformed"), AGAIN),
    "read timeout": Case(SLOW, Wait(1.0, COST_OF_TIMEOUT)),
    "connect timeout": Case(ConnectTimeoutException("slow"), Wait(1.0, COST_OF_TIMEOUT)),
    # Errors that do not.
    "error of the caller": Case(error("RepositoryNotFoundException"), GiveUp()),
    "status that means nothing": Case(error("501", 501), GiveUp()),
    "redirect": Case(error("302", 302), GiveUp()),
    "no trust": Case(TLSException("unknown issuer"), GiveUp()),
    "time is over": Case(TotalTimeoutException("over"), GiveUp()),
    "unreadable response": Case(ResponseParseException("is not JSON"), GiveUp()),
    "bad request": Case(ParamValidationException("is required"), GiveUp()),
    "no credentials": Case(NoCredentialsException("none"), GiveUp()),
    "credentials that fail": Case(CredentialRetrievalException("failed"), GiveUp()),
    "shutdown": Case(ClientShutdownException("over"), GiveUp()),
    "another layer": Case(LayerVerificationException("differs"), GiveUp()),
    "no layer": Case(LayerDownloadException("no", status_code=404), GiveUp()),
    "storage is down": Case(LayerDownloadException("no", status_code=503), AGAIN),
    # How often.
    "second attempt": Case(DOWN, Wait(2.0, COST), after(1)),
    "last attempt": Case(DOWN, GiveUp(), after(2)),
    # A broken connection.
    "first broken connection": Case(CLOSED, Wait(0.0, 0)),
    "first broken connection, later": Case(CLOSED, Wait(0.0, 0), after(1)),
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
    "no time, no delay": Case(DOWN, GiveUp(), policy={"base_delay": 0}, left=0.0),
    # The clock.
    "wrong clock": Case(skewed(HOUR), CorrectClock(HOUR, retry=True)),
    "wrong clock, later": Case(skewed(HOUR), CorrectClock(HOUR, retry=True), after(1)),
    "wrong clock, last attempt": Case(skewed(HOUR), CorrectClock(HOUR, retry=False), after(2)),
    "wrong clock, no time": Case(skewed(HOUR), CorrectClock(HOUR, retry=True), left=0.0),
    "wrong clock, once": Case(skewed(HOUR), GiveUp(), after(1, clock_corrected=True)),
    "wrong correction": Case(skewed(NONE), CorrectClock(NONE, retry=True), offset=HOUR),
    "right correction": Case(skewed(HOUR), GiveUp(), offset=HOUR),
    "no date": Case(error("RequestExpired", 403), GiveUp()),
    "no date that can be read": Case(error("RequestExpired", 403, Date="soon"), GiveUp()),
    "another error with a date": Case(skewed(HOUR, "AccessDeniedException"), GiveUp()),
    "fault with a date": Case(error("503", 503, Date=at(NOW + HOUR)), AGAIN),
    # Credentials.
    "expired credentials": Case(EXPIRED, RefreshCredentials(retry=True)),
    "expired credentials, last attempt": Case(EXPIRED, RefreshCredentials(retry=False), after(2)),
    "expired credentials, once": Case(EXPIRED, GiveUp(), after(1, credentials_refreshed=True)),
    "expired credentials after a wrong clock": Case(
        EXPIRED, RefreshCredentials(retry=True), after(1, clock_corrected=True)
    ),
    "wrong clock after expired credentials": Case(
        skewed(HOUR), CorrectClock(HOUR, retry=True), after(1, credentials_refreshed=True)
    ),
    **{
        f"skew: {code}": Case(skewed(HOUR, code), CorrectClock(HOUR, True))
        for code in sorted(SKEW_CODES)
    },
    **{
        f"expired: {code}": Case(error(code), RefreshCredentials(True))
        for code in sorted(EXPIRED_CODES)
    },
    **{f"status {code}": Case(error("?", code), AGAIN) for code in (429, 500, 502, 503, 504)},
    **{
        f"status {code}": Case(error("?", code), GiveUp())
        for code in (301, 400, 401, 403, 404, 408, 409, 413, 501, 505, 999)
    },
}


def decision(case: Case, ticker: Any) -> Decision:
    return decide(
        case.error,
        case.attempts,
        attrs.evolve(POLICY, **case.policy),
        Deadline(case.left, ticker),
        now=NOW,
        offset=case.offset,
    )


@pytest.mark.parametrize("name", TABLE)
def test_decisions(name: str, ticker: Any) -> None:
    """For each row of the table, this is what is done."""
    found = decision(TABLE[name], ticker)

    assert (type(found), found) == (type(TABLE[name].expected), TABLE[name].expected)


def test_codes() -> None:
    """These codes of AWS ask for another clock or other credentials; the oracle has all others."""
    skew = """
        AuthFailure InvalidSignatureException RequestExpired RequestTimeTooSkewed
        SignatureDoesNotMatch
    """

    assert set(skew.split()) == SKEW_CODES
    assert {"ExpiredToken", "ExpiredTokenException"} == EXPIRED_CODES


def test_no_attempt_after_the_last_one(ticker: Any) -> None:
    """Whatever an attempt fails with, there is none after the last one that is allowed."""
    for case, number in itertools.product(TABLE.values(), (2, 3, 50)):
        found: Any = decision(case._replace(attempts=after(number), policy={}), ticker)

        assert isinstance(found, GiveUp) or not found.retry, case


def test_no_delay_beyond_the_deadline(ticker: Any) -> None:
    """Whatever an attempt fails with, no delay ends when the time of the call is over."""
    for case, left in itertools.product(TABLE.values(), (-1.0, 0.0, 0.5, 3.0)):
        found = decision(case._replace(left=left), ticker)

        assert not isinstance(found, Wait) or found.cost == 0 or found.seconds < left, case


# --- what is known of attempts --------------------------------------------------------------------


@pytest.mark.parametrize(
    ("failure", "made", "expected"),
    [
        (DOWN, AGAIN, {"may_have_succeeded": True}),
        (error("ThrottlingException"), AGAIN, {}),
        (error("SlowDown", 503), AGAIN, {}),
        (EndpointConnectionException("refused"), AGAIN, {}),
        (SLOW, Wait(1.0, COST_OF_TIMEOUT), {"may_have_succeeded": True}),
        (CLOSED, Wait(0.0, 0), {"may_have_succeeded": True, "reconnected": True}),
        (CLOSED, AGAIN, {"may_have_succeeded": True}),
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
        (error("ServerException", 500), True, True),
        (ServerException("no"), True, True),
        (error("?", 502), True, True),
        (error("?", 501), False, True),
        (error("?", 429), True, False),
        (error("RequestTimeout", 400), True, False),
        (error("ThrottlingException", 500), True, False),
        (error("RepositoryNotFoundException"), False, False),
        (error("?", 302), False, False),
        (CLOSED, True, True),
        (SLOW, True, True),
        (TransportException("malformed"), True, True),
        (TotalTimeoutException("over"), False, True),
        (ConnectTimeoutException("slow"), True, False),
        (ProxyConnectionException("no"), True, False),
        (TLSException("no"), False, False),
        (ResponseParseException("is not JSON"), False, False),
        (ParamValidationException("is required"), False, False),
    ],
)
def test_what_errors_mean(
    failure: AmazonClientException, retryable: bool, perhaps_done: bool
) -> None:
    """An error says whether to retry, and whether the service may have done the work."""
    assert is_retryable(failure) is retryable
    assert may_have_succeeded(failure) is perhaps_done


# --- delays ---------------------------------------------------------------------------------------


def test_delays_double() -> None:
    """The bound of the delay doubles with each retry, up to a cap."""
    delays = [backoff(POLICY, CLOSED, number, NOW) for number in (1, 2, 3, 4, 5, 6, 1025, 10**9)]

    assert delays == [1, 2, 4, 8, 16, 20, 20, 20]


def test_full_jitter() -> None:
    """The delay is a random part of its bound."""
    drawn = [0.0, 0.25, 0.5, 1.0]
    policy = attrs.evolve(POLICY, random=iter(drawn).__next__)

    assert [backoff(policy, CLOSED, 3, NOW) for _ in drawn] == [0, 1, 2, 4]


@pytest.mark.parametrize("drawn", [-1.0, 2.0, float("inf"), 1e308])
def test_a_random_number_that_is_none(drawn: float) -> None:
    """A function that returns another number than was asked for makes no delay that is absurd."""
    assert 0 <= backoff(attrs.evolve(POLICY, random=lambda: drawn), CLOSED, 3, NOW) <= 4


@pytest.mark.parametrize(
    ("headers", "delay"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": " 7 "}, 7.0),
        ({"Retry-After": "0"}, 1.0),
        ({"Retry-After": "86400"}, 20.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 GMT"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 2026 02:00:09 +0200"}, 9.0),
        ({"Retry-After": "Thu, 01 Jan 2026 00:00:09 -0000"}, 9.0),
        ({"Retry-After": "Wed, 31 Dec 2025 00:00:00 GMT"}, 1.0),
        ({"Retry-After": "Fri, 31 Dec 9999 23:59:59 GMT"}, 20.0),
        ({"Retry-After": "Mon, 01 Jan 0001 00:00:00 +1400"}, 1.0),
        ({"x-amz-retry-after": "2500"}, 2.5),
        ({"x-amz-retry-after": "100"}, 1.0),
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


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("Thu, 01 Jan 2026 00:00:09 GMT", NOW + timedelta(seconds=9)),
        ("Thu, 01 Jan 2026 02:00:00 +0200", NOW),
        ("Thu, 01 Jan 2026 00:00:00 -0000", NOW),
        ("01 Jan 2026 00:00:00", NOW),
        (None, None),
        ("", None),
        ("yesterday", None),
        ("1767225600", None),
        ("Thu, 99 Jan 2026 00:00:00 GMT", None),
        ("Fri, 31 Dec 9999 23:59:59 -2359", None),
        ("Mon, 01 Jan 2026 00:00:00 +99999999999999", None),
    ],
)
def test_dates(
    monkeypatch: pytest.MonkeyPatch, text: str | None, expected: datetime | None
) -> None:
    """A date of HTTP is a time in UTC, or none, wherever the machine is."""
    monkeypatch.setenv("TZ", "America/New_York")
    time.tzset()
    try:
        assert http_date(text) == expected
    finally:
        monkeypatch.undo()
        time.tzset()


# --- the quota ------------------------------------------------------------------------------------


def test_quota() -> None:
    """What is acquired is gone, never more than there is, and no more comes back than was there."""
    quota = RetryQuota(12)

    assert [quota.acquire(cost) for cost in (5, 10, 5, 5)] == [True, False, True, False]
    assert quota.left == 2
    quota.release(3)
    assert quota.left == 5
    quota.release(100)
    assert quota.left == 12
    quota.release(1)
    assert quota.left == 12


def test_figures_of_the_quota() -> None:
    """The figures are those of AWS's standard mode."""
    assert (RetryQuota().left, QUOTA, COST, COST_OF_TIMEOUT) == (500, 500, 5, 10)


def test_quota_is_shared_by_threads() -> None:
    """However many threads acquire, nothing is lost and nothing is made up."""
    quota, start = RetryQuota(1000), threading.Barrier(8)

    def acquire(_: int) -> int:
        start.wait()
        return sum(quota.acquire(1) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        acquired = sum(pool.map(acquire, range(8)))

    assert (acquired, quota.left) == (1000, 0)
