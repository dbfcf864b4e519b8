"""Which failures are repeated, how often, after what delay, and for how much of the budget."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses

from ecr_client import ClientConfiguration, Credentials, ECRClient, exceptions
from ecr_client._engine.retry import RetryQuota, delay_of
from ecr_client._error_codes import THROTTLING_CODES, TRANSIENT_CODES
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ConnectionClosedException,
    ParamValidationException,
    ResponseParseException,
    ServerException,
    ThrottlingException,
)
from ecr_client.metadata import ResponseMetadata

#: What AWS says of its codes, spelt out here rather than imported.
TRANSIENT, THROTTLING, OTHERS = (
    sorted(re.findall(r"\w+", codes))
    for codes in (
        """
        InternalError InternalFailure InternalFailureException RequestTimeout
        RequestTimeoutException ServerException ServiceUnavailable ServiceUnavailableException
        """,
        """
        BandwidthLimitExceeded PriorRequestNotComplete ProvisionedThroughputExceededException
        RequestLimitExceeded RequestThrottled RequestThrottledException SlowDown Throttling
        ThrottledException ThrottlingException TooManyRequestsException
        TransactionInProgressException
        """,
        """
        AccessDeniedException AuthFailure ExpiredTokenException IncompleteSignatureException
        InvalidParameterException InvalidSignatureException LayerAlreadyExistsException
        LimitExceededException MissingAuthenticationTokenException RepositoryNotFoundException
        RequestExpired SignatureDoesNotMatch SomethingNew TooManyTagsException
        UnrecognizedClientException ValidationException
        """,
    )
)
DOWN = (503, {}, b"{}")
FINE = (200, {}, b"{}")
Calling = Callable[..., ECRClient]


def failing(code: str, status: int = 400, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return an answer with an error."""
    return status, headers, json.dumps({"__type": code, "message": "no"}).encode()


# --- what is repeated -----------------------------------------------------------------------------


def test_codes_are_those_of_aws() -> None:
    """The tables hold AWS's codes and no others."""
    assert set(TRANSIENT) == TRANSIENT_CODES
    assert set(THROTTLING) == THROTTLING_CODES


@pytest.mark.parametrize("code", [*TRANSIENT, *THROTTLING])
def test_codes_that_are_repeated(server: Any, calling: Calling, code: str) -> None:
    """A transient fault or throttling is repeated by its code, whatever the status is."""
    server.answers = [failing(code), FINE]
    result = calling().describe_registry()

    assert len(server.requests) == 2
    assert result.response_metadata.retry_attempts == 1
    assert [each.error_code for each in result.response_metadata.retried_errors] == [code]  # type: ignore[attr-defined]


@pytest.mark.parametrize("status", [429, 500, 502, 503, 504])
def test_statuses_that_are_repeated(server: Any, calling: Calling, status: int) -> None:
    """These statuses are repeated without any code, and with one that means nothing."""
    server.answers = [(status, {}, b"<html>"), failing("SomethingNew", status), FINE]
    calling().describe_registry()

    assert len(server.requests) == 3


@pytest.mark.parametrize("code", OTHERS)
def test_codes_that_are_not_repeated(server: Any, calling: Calling, code: str) -> None:
    """Any other error is raised at once, a quota of the account among them."""
    server.answers = [failing(code), FINE]
    with pytest.raises(AmazonECRException) as caught:
        calling().describe_registry()

    assert (caught.value.error_code, caught.value.attempts) == (code, 1)
    assert len(server.requests) == 1


def test_no_modeled_error_but_the_servers_is_repeated(fake: Any) -> None:
    """Of the errors that the model names, only the server's own fault is repeated."""
    classes = [getattr(exceptions, name) for name in exceptions.__all__]
    modeled = [each for each in classes if getattr(each, "_IS_MODELED", False)]
    metadata = ResponseMetadata(http_status_code=400)

    assert len(modeled) > 40
    assert [each for each in modeled if each(response_metadata=metadata).retryable] == [
        ServerException
    ]


@pytest.mark.parametrize("status", [301, 400, 401, 403, 404, 408, 409, 413, 501, 505])
def test_statuses_that_are_not_repeated(server: Any, calling: Calling, status: int) -> None:
    """Any other status is raised at once."""
    server.answers = [(status, {}, b"{}"), FINE]
    with pytest.raises(AmazonECRException):
        calling().describe_registry()

    assert len(server.requests) == 1


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>", b'{"registryId": 5}'])
def test_answers_that_are_none_are_not_repeated(server: Any, calling: Calling, body: bytes) -> None:
    """A success that cannot be read is raised at once, with its attempts."""
    server.answers = [DOWN, (200, {}, body), FINE]
    with pytest.raises(ResponseParseException) as caught:
        calling().describe_registry()

    assert len(server.requests) == 2
    assert caught.value.response_metadata.retry_attempts == 1


def test_a_request_that_is_wrong_is_not_sent(server: Any, calling: Calling) -> None:
    """A request that the operation does not take is never sent."""
    with pytest.raises(ParamValidationException):
        calling().describe_repositories(max_results="many")  # type: ignore[call-overload]

    assert server.requests == []


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (requests.ConnectTimeout("slow"), 2),
        (requests.ReadTimeout("slow"), 2),
        (requests.ConnectionError("no"), 2),
        (requests.exceptions.ProxyError("no"), 2),
        (requests.exceptions.SSLError("no"), 1),
    ],
)
def test_failures_without_an_answer(
    fake: Any, credentials: Credentials, error: Exception, sent: int
) -> None:
    """Time-outs and connections that fail are repeated; a certificate will not get better."""
    config = ClientConfiguration(retry=fake.policy())
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as mocked,
        ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
    ):
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", body=error)
        mocked.post("https://api.ecr.eu-west-1.amazonaws.com/", json={})
        try:
            client.describe_registry()
        except AmazonClientException as raised:
            assert isinstance(raised, exceptions.TLSException)  # noqa: PT017

        assert len(mocked.calls) == sent
    assert fake.waits == [1.0] * (sent - 1)


# --- how often ------------------------------------------------------------------------------------


@pytest.mark.parametrize("attempts", [1, 2, 3, 7])
def test_attempts(server: Any, calling: Calling, attempts: int) -> None:
    """A call is sent as often as the policy says, and the last error is raised."""
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException) as caught:
        calling(max_attempts=attempts).describe_registry()

    assert len(server.requests) == caught.value.attempts == attempts


def test_the_default_is_three_attempts(
    server: Any, credentials: Credentials, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Where nobody says anything, a call is sent three times."""
    monkeypatch.delenv("AWS_MAX_ATTEMPTS")
    server.answers = [failing("Throttling", **{"x-amz-retry-after": "0"})]
    with ECRClient(endpoint=server.url, credentials=credentials) as client:
        client._shared.retry = {"sleep": lambda _: None}
        with pytest.raises(ThrottlingException):
            client.describe_registry()

    assert len(server.requests) == 3


def test_each_attempt_is_signed_anew(server: Any, calling: Calling) -> None:
    """A repeat has the time at which it is sent in its signature, and the same body."""
    server.answers = [DOWN, DOWN, FINE]
    calling().describe_repositories(max_results=5)
    dates = [request.headers["x-amz-date"] for request in server.requests]

    assert dates == ["20260101T000000Z", "20260101T000001Z", "20260101T000003Z"]
    assert len({request.headers["authorization"] for request in server.requests}) == 3
    assert {request.body for request in server.requests} == {b'{"maxResults": 5}'}


# --- after what delay -----------------------------------------------------------------------------


def test_full_jitter(server: Any, calling: Calling, fake: Any) -> None:
    """The delay is a random part of a bound that doubles, up to a cap."""
    drawn = iter([0.5, 1.0, 0.25, 0.0, 0.75, 1.0])
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException):
        calling(max_attempts=7, random=lambda: next(drawn)).describe_registry()

    assert fake.waits == [0.5, 2.0, 1.0, 12.0, 20.0]  # there is no wait of no seconds


@pytest.mark.parametrize(
    ("base", "longest", "waits"),
    [(1, 20, [1, 2, 4, 8, 16, 20, 20]), (0.1, 0.3, [0.1, 0.2] + [0.3] * 5), (5, 0, [])],
)
def test_base_and_cap(
    server: Any, calling: Calling, fake: Any, base: float, longest: float, waits: list[float]
) -> None:
    """Base and cap are those of the policy."""
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException):
        calling(max_attempts=8, base_delay=base, max_delay=longest).describe_registry()

    assert fake.waits == waits


def test_many_attempts_do_not_overflow(fake: Any) -> None:
    """The delay before a repeat of any number is a number."""
    delay = delay_of(fake.policy(), ConnectionClosedException(), 10**9, fake.utc())

    assert delay == 20.0


@pytest.mark.parametrize(
    ("headers", "wait"),
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
        ({"X-Amz-Retry-After": "100"}, 1.0),
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
def test_what_the_server_asks_for(
    server: Any, calling: Calling, fake: Any, headers: dict[str, str], wait: float
) -> None:
    """A server that asks for a longer delay gets it, up to the cap; nonsense asks for nothing."""
    server.answers = [failing("ThrottlingException", **headers), FINE]
    calling().describe_registry()

    assert fake.waits == [wait]


def test_an_http_date_counts_by_the_clock_of_the_service(
    server: Any, calling: Calling, fake: Any
) -> None:
    """A date is compared with the corrected time, since it is the service's."""
    there = fake.utc() + timedelta(hours=2)
    server.answers = [
        failing("RequestExpired", Date=format_datetime(there)),
        failing("Throttling", **{"Retry-After": "Thu, 01 Jan 2026 02:00:09 GMT"}),
        FINE,
    ]
    calling().describe_registry()

    assert fake.waits == [9.0]


def test_a_broken_connection_is_repeated_at_once_and_then_no_more(
    server: Any, calling: Calling, fake: Any
) -> None:
    """The first broken connection of a call costs neither time nor budget; a second one does."""
    client = calling(max_attempts=4)
    server.answers = [b"", b"", b"", FINE]
    client.describe_registry()

    assert fake.waits == [2.0, 4.0]
    assert left(client) == 500 - 5


# --- for how much of the budget -------------------------------------------------------------------


def left(client: ECRClient) -> int:
    """Return what is left of a client's budget."""
    assert client._shared.pipeline is not None
    return client._shared.pipeline.quota.left


def test_quota() -> None:
    """What is taken is gone, no more is taken than there is, and no more comes back than was."""
    quota = RetryQuota(12)

    assert [quota.take(5), quota.take(10), quota.take(5), quota.take(5)] == [
        True,
        False,
        True,
        False,
    ]
    assert quota.left == 2
    quota.give(3)
    assert quota.left == 5
    quota.give(100)
    assert quota.left == 12


def test_quota_is_shared_by_threads() -> None:
    """However many threads take and give, nothing is lost and nothing is made up."""
    quota, start = RetryQuota(1000), threading.Barrier(8)

    def take(_: int) -> int:
        start.wait()
        return sum(quota.take(1) for _ in range(200))

    with ThreadPoolExecutor(8) as pool:
        taken = sum(pool.map(take, range(8)))

    assert (taken, quota.left) == (1000, 0)


def test_costs(server: Any, calling: Calling) -> None:
    """A repeat costs 5; a success gives back what its last repeat has cost, or else 1."""
    client = calling()
    server.answers = [DOWN, DOWN, FINE]
    client.describe_registry()
    after_repeats = left(client)
    client.describe_registry()

    assert (after_repeats, left(client)) == (495, 496)


def test_a_time_out_costs_more(fake: Any, credentials: Credentials) -> None:
    """A repeat after a time-out costs 10."""
    config = ClientConfiguration(retry=fake.policy())
    with (
        responses.RequestsMock() as mocked,
        ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
    ):
        mocked.post(client.endpoint, body=requests.ReadTimeout("slow"))
        with pytest.raises(exceptions.ReadTimeoutException) as caught:
            client.describe_registry()

    assert (caught.value.attempts, left(client)) == (3, 480)


def test_an_empty_budget_ends_repeats(server: Any, calling: Calling) -> None:
    """Once the budget is spent, calls of the client and of its views fail at their first attempt.

    Successes fill it, and then there are repeats again.
    """
    client = calling(max_attempts=11)
    view = client.with_options(timeout=1e6)
    server.answers = [DOWN]
    for each in [client, view] * 5:
        with pytest.raises(AmazonECRException):
            each.describe_registry()
    assert (left(client), len(server.requests)) == (0, 110)
    for each in (client, view):
        with pytest.raises(AmazonECRException) as caught:
            each.describe_registry()

        assert caught.value.attempts == 1
    server.answers = [FINE] * 5 + [DOWN, FINE]
    for _ in range(6):
        view.describe_registry()

    assert len(server.requests) == 110 + 2 + 7
