"""What results and exceptions tell of earlier attempts, and what they do not hold on to."""

from __future__ import annotations

import contextlib
import gc
import traceback
import weakref
from collections.abc import Callable
from typing import Any

import pytest
import requests
import responses

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client._common.redact import chain
from ecr_client.exceptions import (
    AmazonClientException,
    ConnectionClosedException,
    EndpointConnectionException,
    ReadTimeoutException,
    RepositoryNotFoundException,
    ResponseParseException,
    ThrottlingException,
    TransportException,
)
from ecr_client.models import SetRepositoryPolicyRequest

DOWN = (503, {"x-amzn-RequestId": "id-0"}, b"{}")
THROTTLED = (400, {"x-amzn-RequestId": "id-1"}, b'{"__type": "ThrottlingException"}')
MISSING = (400, {"x-amzn-RequestId": "id-2"}, b'{"__type": "RepositoryNotFoundException"}')
FINE = (200, {"x-amzn-RequestId": "id-3"}, b"{}")
Calling = Callable[..., ECRClient]


def kinds(errors: Any) -> list[str]:
    return [type(each).__name__ for each in errors]


@pytest.fixture
def broken(server: Any, credentials: Credentials, fake: Any) -> Callable[..., TransportException]:
    """Return a function that makes a call with these errors, and returns the last one."""

    def fail(*errors: Exception) -> TransportException:
        config = ClientConfiguration(retry=fake.policy(max_attempts=len(errors)))
        with (
            responses.RequestsMock() as mocked,
            ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
        ):
            for each in errors:
                mocked.post(client.endpoint, body=each)
            with pytest.raises(TransportException) as caught:
                client.describe_registry()
        return caught.value

    return fail


# --- what they tell -------------------------------------------------------------------------------


def test_a_success_at_once(server: Any, calling: Calling) -> None:
    """A result that took one attempt says so."""
    metadata = calling().describe_registry().response_metadata

    assert (metadata.retry_attempts, metadata.retried_errors) == (0, ())


def test_a_result(server: Any, calling: Calling) -> None:
    """A result tells how often the call was retried, and after which errors, in their order."""
    server.answers = [DOWN, b"", THROTTLED, FINE]
    metadata = calling(max_attempts=4).describe_registry().response_metadata

    assert (metadata.retry_attempts, metadata.request_id) == (3, "id-3")
    assert kinds(metadata.retried_errors) == [
        "AmazonECRException",
        "ConnectionClosedException",
        "ThrottlingException",
    ]


def test_an_error_of_the_service(server: Any, calling: Calling) -> None:
    """An error of the service tells the same, in its text, too, and botocore's form of it."""
    server.answers = [DOWN, THROTTLED, MISSING]
    with pytest.raises(RepositoryNotFoundException, match="; Attempts: 3; ") as caught:
        calling().describe_registry()
    error = caught.value

    assert error.attempts == 3
    assert kinds(error.retried_errors) == ["AmazonECRException", "ThrottlingException"]
    assert error.response["ResponseMetadata"]["RetryAttempts"] == 2
    assert [each.attempts for each in error.retried_errors] == [1, 2]  # type: ignore[attr-defined]


def test_errors_of_the_first_attempt_do_not_count(server: Any, calling: Calling) -> None:
    """The text of an error that was not retried says nothing of attempts."""
    server.answers = [MISSING]
    with pytest.raises(RepositoryNotFoundException) as caught:
        calling().describe_registry()

    assert "Attempts" not in str(caught.value)
    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())


def test_a_failure_without_a_response(broken: Any) -> None:
    """An error without a response tells how often the call was sent, in its text, too."""
    error = broken(requests.ConnectionError("a"), requests.ReadTimeout("b"), ConnectionError("c"))

    assert str(error).endswith(" (Attempts: 3)")
    assert error.attempts == 3
    assert kinds(error.retried_errors) == ["TransportException", "ReadTimeoutException"]
    assert "Attempts" not in str(error.retried_errors[0])


def test_an_unreadable_response(server: Any, calling: Calling) -> None:
    """A response that cannot be read tells of the attempts before, also one that is too long."""
    for body in (b"{", b'{"registryId": "' + b"1" * 99 + b'"}'):
        server.answers = [DOWN, (200, {}, body)]
        with pytest.raises(ResponseParseException) as caught:
            calling(config={"max_response_size": 99}).describe_registry()
        metadata = caught.value.response_metadata

        assert metadata.retry_attempts == 1
        assert kinds(metadata.retried_errors) == ["AmazonECRException"]


@pytest.mark.parametrize(
    ("error", "sent"),
    [
        (ConnectionClosedException(), True),
        (ReadTimeoutException(), True),
        (EndpointConnectionException(), False),
    ],
)
def test_whether_the_request_was_sent(error: TransportException, sent: bool) -> None:
    """An error says whether the service may have received the request."""
    assert error.request_sent is sent


# --- what they do not hold on to ------------------------------------------------------------------


def test_retried_errors_have_no_frames(server: Any, calling: Calling) -> None:
    """No earlier error has a traceback, and the last one shows where it came from."""
    server.answers = [DOWN, b"", THROTTLED]
    with pytest.raises(ThrottlingException) as caught:
        calling().describe_registry()
    functions = [frame.name for frame in traceback.extract_tb(caught.value.__traceback__)]

    assert functions[-4:] == ["_call", "call", "_attempt", "parse"]
    for error in caught.value.retried_errors:
        for each in chain(error):
            assert each.__traceback__ is None


def test_no_requests_are_kept(broken: Any) -> None:
    """Neither the last error nor those before it hold a request, whose headers are secret."""
    request = requests.Request("POST", "https://example.org", headers={"a": "s3cret"}).prepare()
    errors = [requests.ConnectionError("no", request=request) for _ in range(3)]
    last = broken(*errors)

    for error in (last, *last.retried_errors):
        for each in chain(error):
            assert getattr(each, "request", None) is None
            assert each.__traceback__ is None or each is last


def test_no_error_leads_to_another_attempt(server: Any, calling: Calling) -> None:
    """The errors of a call are not chained: each has its own reason only."""
    server.answers = [b"", THROTTLED, MISSING]
    with pytest.raises(RepositoryNotFoundException) as caught:
        calling().describe_registry()
    closed, throttled = caught.value.retried_errors

    assert list(chain(caught.value)) == [caught.value]
    assert list(chain(throttled)) == [throttled]
    assert throttled not in list(chain(closed))


@pytest.mark.parametrize("answers", [[MISSING], [b""], [DOWN], [(200, {}, b"{")]])
def test_an_error_lets_its_request_go(server: Any, calling: Calling, answers: list[Any]) -> None:
    """When an exception is gone, so is the request, without any collection of garbage."""
    client = calling(base_delay=0)
    server.answers = answers
    request = SetRepositoryPolicyRequest(repository_name="app", policy_text="x" * 1000)
    alive = weakref.ref(request)
    gc.collect()
    gc.disable()
    try:
        try:
            client.set_repository_policy(request)
        except AmazonClientException as error:
            assert error.operation_name == "SetRepositoryPolicy"  # type: ignore[attr-defined]  # noqa: PT017
        del request

        assert alive() is None
    finally:
        gc.enable()


def test_an_interrupt_lets_its_request_go(
    monkeypatch: pytest.MonkeyPatch, calling: Calling
) -> None:
    """The same holds for an exception that comes from elsewhere, through the transport."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(requests.Session, "send", interrupt)
    request = SetRepositoryPolicyRequest(repository_name="app", policy_text="x" * 1000)
    client, alive = calling(), weakref.ref(request)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(KeyboardInterrupt):
            client.set_repository_policy(request)
        del request

        assert alive() is None
    finally:
        gc.enable()
