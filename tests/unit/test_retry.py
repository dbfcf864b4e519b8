"""What a client does about failed attempts; which decision is made when is in tests/engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses

from ecr_client import ClientConfiguration, Credentials, ECRClient, exceptions
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ParamValidationException,
    ResponseParseException,
    ServerException,
    ThrottlingException,
)
from ecr_client.metadata import ResponseMetadata

DOWN = (503, {}, b"{}")
FINE = (200, {}, b"{}")
Calling = Callable[..., ECRClient]


def failing(code: str, status: int = 400, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return a response with an error."""
    return status, headers, json.dumps({"__type": code, "message": "no"}).encode()


# --- what is retried ------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ServerException", "ThrottlingException"])
def test_errors_that_are_retried(server: Any, calling: Calling, code: str) -> None:
    """A transient fault or throttling is retried by its code, whatever the status is."""
    server.answers = [failing(code), FINE]
    result = calling().describe_registry()

    assert len(server.requests) == 2
    assert result.response_metadata.retry_attempts == 1
    assert [each.error_code for each in result.response_metadata.retried_errors] == [code]  # type: ignore[attr-defined]


def test_statuses_that_are_retried(server: Any, calling: Calling) -> None:
    """A status is enough, without any code, and with one that means nothing."""
    server.answers = [(503, {}, b"<html>"), failing("SomethingNew", 503), FINE]
    calling().describe_registry()

    assert len(server.requests) == 3


@pytest.mark.parametrize("answer", [failing("RepositoryNotFoundException"), (501, {}, b"{}")])
def test_errors_that_are_not_retried(server: Any, calling: Calling, answer: Any) -> None:
    """Any other error is raised at once."""
    server.answers = [answer, FINE]
    with pytest.raises(AmazonECRException) as caught:
        calling().describe_registry()

    assert (len(server.requests), caught.value.attempts) == (1, 1)


def test_no_modeled_error_but_the_servers_is_retried() -> None:
    """Of the errors that the model names, only the server's own fault is retried."""
    classes = [getattr(exceptions, name) for name in exceptions.__all__]
    modeled = [each for each in classes if getattr(each, "_IS_MODELED", False)]
    metadata = ResponseMetadata(http_status_code=400)

    assert len(modeled) > 40
    assert [each for each in modeled if each(response_metadata=metadata).retryable] == [
        ServerException
    ]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"<html>", b'{"registryId": 5}'])
def test_unreadable_responses_are_not_retried(server: Any, calling: Calling, body: bytes) -> None:
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
def test_failures_without_a_response(
    fake: Any, credentials: Credentials, error: Exception, sent: int
) -> None:
    """Timeouts and connections that fail are retried; a certificate will not get better."""
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
    """A retry has the time at which it is sent in its signature, and the same body."""
    server.answers = [DOWN, DOWN, FINE]
    calling().describe_repositories(max_results=5)
    dates = [request.headers["x-amz-date"] for request in server.requests]

    assert dates == ["20260101T000000Z", "20260101T000001Z", "20260101T000003Z"]
    assert len({request.headers["authorization"] for request in server.requests}) == 3
    assert {request.body for request in server.requests} == {b'{"maxResults": 5}'}


# --- after what delay -----------------------------------------------------------------------------


def test_delays(server: Any, calling: Calling, fake: Any) -> None:
    """The delays are those of the policy, and go through its sleep if they are any."""
    drawn = iter([0.5, 1.0, 0.25, 0.0, 0.75, 1.0])
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException):
        calling(max_attempts=7, random=lambda: next(drawn)).describe_registry()

    assert fake.waits == [0.5, 2.0, 1.0, 12.0, 20.0]


@pytest.mark.parametrize(
    ("headers", "wait"), [({"retry-after": "7"}, 7.0), ({"X-AMZ-RETRY-AFTER": "2500"}, 2.5)]
)
def test_what_the_server_asks_for(
    server: Any, calling: Calling, fake: Any, headers: dict[str, str], wait: float
) -> None:
    """A server that asks for a longer delay gets it, however it writes its headers."""
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


def test_a_broken_connection_is_retried_at_once_and_then_no_more(
    server: Any, calling: Calling, fake: Any
) -> None:
    """The first broken connection of a call costs neither time nor quota; a second one does."""
    client = calling(max_attempts=4)
    server.answers = [b"", b"", b"", FINE]
    client.describe_registry()

    assert fake.waits == [2.0, 4.0]
    assert left(client) == 500 - 5


# --- for how much of the quota --------------------------------------------------------------------


def left(client: ECRClient) -> int:
    """Return what is left of a client's quota."""
    assert client._shared.pipeline is not None
    return client._shared.pipeline.quota.left


def test_costs(server: Any, calling: Calling) -> None:
    """A retry costs 5; a success releases what the last retry has cost, or else 1."""
    client = calling()
    server.answers = [DOWN, DOWN, FINE]
    client.describe_registry()
    after_retries = left(client)
    client.describe_registry()

    assert (after_retries, left(client)) == (495, 496)


def test_a_timeout_costs_more(fake: Any, credentials: Credentials) -> None:
    """A retry after a timeout costs 10."""
    config = ClientConfiguration(retry=fake.policy())
    with (
        responses.RequestsMock() as mocked,
        ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
    ):
        mocked.post(client.endpoint, body=requests.ReadTimeout("slow"))
        with pytest.raises(exceptions.ReadTimeoutException) as caught:
            client.describe_registry()

    assert (caught.value.attempts, left(client)) == (3, 480)


def test_an_empty_quota_ends_retries(server: Any, calling: Calling) -> None:
    """Once the quota is spent, calls of the client and of its views fail at their first attempt.

    Successes fill it, and then there are retries again.
    """
    client = calling(max_attempts=11)
    view = client.with_options(timeout=3_600)
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
