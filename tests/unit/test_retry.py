"""What a client does after failed attempts; tests/engine covers when it decides what."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses

from ecr_client import ECRClient, Hooks, exceptions
from ecr_client.exceptions import AmazonECRException, ResponseParseException

DOWN = (503, {}, b"{}")
FINE = (200, {}, b"{}")
Calling = Callable[..., ECRClient]


def failing(code: str, status: int = 400, **headers: str) -> tuple[int, dict[str, str], bytes]:
    """Return an error response."""
    return status, headers, json.dumps({"__type": code, "message": "no"}).encode()


@pytest.mark.parametrize(
    "script",
    [
        [failing("ServerException"), FINE],
        [failing("ThrottlingException"), FINE],
        [(503, {}, b"<html>"), failing("SomethingNew", 503), FINE],
        [failing("RepositoryNotFoundException")],
        [(501, {}, b"{}")],
    ],
    ids=lambda script: f"{script[0][0]}, {len(script)}",
)
def test_errors_that_are_retried(server: Any, calling: Calling, script: list[Any]) -> None:
    """An error is retried for its code or its status alone; other errors are raised at once."""
    server.responses = [*script, FINE]
    try:
        found = calling().describe_registry().response_metadata
    except AmazonECRException as error:
        found = error.response_metadata

    assert len(server.requests) == len(script)
    assert found.retry_attempts == len(found.retried_errors) == len(script) - 1
    assert found.http_status_code == script[-1][0]


@pytest.mark.parametrize("body", [b"", b"{", b'{"registryId": 5}'])
def test_unreadable_responses_are_not_retried(server: Any, calling: Calling, body: bytes) -> None:
    """A success that cannot be read is an error at once, with its attempts."""
    server.responses = [DOWN, (200, {}, body), FINE]
    with pytest.raises(ResponseParseException) as caught:
        calling().describe_registry()

    assert len(server.requests) == 2
    assert caught.value.response_metadata.retry_attempts == 1


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
def test_failures_without_a_response(calling: Calling, fake: Any, error: Any, sent: int) -> None:
    """Timeouts and failed connections are retried; certificate errors are not."""
    client = calling()
    with responses.RequestsMock(assert_all_requests_are_fired=False) as mocked:
        mocked.post(client.endpoint, body=error)
        mocked.post(client.endpoint, json={})
        if sent == 1:
            with pytest.raises(exceptions.TLSException):
                client.describe_registry()
        else:
            client.describe_registry()

        assert len(mocked.calls) == sent
    assert fake.waits == [1.0] * (sent - 1)


@pytest.mark.parametrize("attempts", [1, 7])
def test_attempts(server: Any, calling: Calling, attempts: int) -> None:
    """A call is sent as often as the policy says, and the last error is raised."""
    server.responses = [DOWN]
    with pytest.raises(AmazonECRException) as caught:
        calling(max_attempts=attempts).describe_registry()

    assert len(server.requests) == caught.value.attempts == attempts


def test_each_attempt_is_signed_anew(server: Any, calling: Calling) -> None:
    """A retry has the time at which it is sent in its signature, and the same body."""
    server.responses = [DOWN, DOWN, FINE]
    calling().describe_repositories(max_results=5)
    dates = [request.headers["x-amz-date"] for request in server.requests]

    assert dates == ["20260101T000000Z", "20260101T000001Z", "20260101T000003Z"]
    assert len({request.headers["authorization"] for request in server.requests}) == 3
    assert {request.body for request in server.requests} == {b'{"maxResults": 5}'}


def test_delays(server: Any, calling: Calling, fake: Any) -> None:
    """The delays are those of the policy, and go through its sleep unless they are 0."""
    drawn = iter([0.5, 1.0, 0.25, 0.0, 0.75, 1.0])
    server.responses = [DOWN]
    with pytest.raises(AmazonECRException):
        calling(max_attempts=7, random=lambda: next(drawn)).describe_registry()

    assert fake.waits == [0.5, 2.0, 1.0, 12.0, 20.0]


def test_retry_after_with_a_wrong_clock(server: Any, calling: Calling, fake: Any) -> None:
    """A Retry-After date is compared with the corrected clock, since it is the service's."""
    there = fake.utc() + timedelta(hours=2)
    server.responses = [
        failing("RequestExpired", Date=format_datetime(there)),
        failing("Throttling", **{"Retry-After": "Thu, 01 Jan 2026 02:00:09 GMT"}),
        FINE,
    ]
    calling().describe_registry()

    assert fake.waits == [9.0]


def test_broken_connections(server: Any, calling: Calling, fake: Any) -> None:
    """The first broken connection of a call costs neither time nor quota; a second one does."""
    client = calling(max_attempts=4)
    server.responses = [b"", b"", b"", FINE]
    client.describe_registry()

    assert fake.waits == [2.0, 4.0]
    assert left(client) == 500 - 5


def left(client: ECRClient) -> int:
    """Return what is left of a client's quota."""
    assert client._shared.pipeline is not None
    return client._shared.pipeline.quota.left


def test_costs(server: Any, calling: Calling) -> None:
    """A retry costs 5; a success releases the cost of the last retry, or else 1."""
    client = calling()
    server.responses = [DOWN, DOWN, FINE]
    client.describe_registry()
    after_retries = left(client)
    client.describe_registry()

    assert (after_retries, left(client)) == (495, 496)


@pytest.mark.parametrize("place", ["hook", "wait"])
def test_an_interrupt_costs_nothing(place: str, server: Any, calling: Calling) -> None:
    """The cost of a retry that is interrupted before it is sent is released."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    server.responses = [DOWN]
    if place == "hook":
        client = calling(config={"hooks": Hooks(retry=interrupt)})
    else:
        client = calling(sleep=interrupt)
    with pytest.raises(KeyboardInterrupt):
        client.describe_registry()

    assert left(client) == 500


def test_a_timeout_costs_more(calling: Calling) -> None:
    """A retry after a timeout costs 10."""
    client = calling()
    with responses.RequestsMock() as mocked:
        mocked.post(client.endpoint, body=requests.ReadTimeout("slow"))
        with pytest.raises(exceptions.ReadTimeoutException) as caught:
            client.describe_registry()

    assert (caught.value.attempts, left(client)) == (3, 480)


def test_an_empty_quota_ends_retries(server: Any, calling: Calling) -> None:
    """Once the quota is spent, calls of the client and of its views fail at their first attempt.

    Successes refill it, and then there are retries again.
    """
    client = calling(max_attempts=11)
    view = client.with_options(timeout=3_600)
    server.responses = [DOWN]
    for each in [client, view] * 5:
        with pytest.raises(AmazonECRException):
            each.describe_registry()
    assert (left(client), len(server.requests)) == (0, 110)
    for each in (client, view):
        with pytest.raises(AmazonECRException) as caught:
            each.describe_registry()

        assert caught.value.attempts == 1
    server.responses = [FINE] * 5 + [DOWN, FINE]
    for _ in range(6):
        view.describe_registry()

    assert len(server.requests) == 110 + 2 + 7
