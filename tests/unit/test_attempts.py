"""What results and exceptions report about earlier attempts, and what they do not keep alive."""

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
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
)
from ecr_client.models import SetRepositoryPolicyRequest

DOWN = (503, {"x-amzn-RequestId": "id-0"}, b"{}")
THROTTLED = (400, {"x-amzn-RequestId": "id-1"}, b'{"__type": "ThrottlingException"}')
MISSING = (400, {"x-amzn-RequestId": "id-2"}, b'{"__type": "RepositoryNotFoundException"}')
FINE = (200, {"x-amzn-RequestId": "id-3"}, b"{}")
#: The errors for DOWN, a connection closed without a response, and THROTTLED.
FAILED = ["AmazonECRException", "ConnectionClosedException", "ThrottlingException"]
Calling = Callable[..., ECRClient]


def kinds(errors: Any) -> list[str]:
    return [type(each).__name__ for each in errors]


def test_a_result(server: Any, calling: Calling) -> None:
    """A result reports how often the call was retried, and after which errors, in order."""
    server.responses = [DOWN, b"", THROTTLED, FINE]
    client = calling(max_attempts=4)
    metadata, at_once = (client.describe_registry().response_metadata for _ in range(2))

    assert (metadata.retry_attempts, metadata.request_id) == (3, "id-3")
    assert kinds(metadata.retried_errors) == FAILED
    assert (at_once.retry_attempts, at_once.retried_errors) == (0, ())


def test_an_error_of_the_service(server: Any, calling: Calling) -> None:
    """An error reports the same, and its message the attempts.

    The errors before it are not chained to it, and hold no frames.
    """
    client = calling(max_attempts=4)
    server.responses = [DOWN, b"", THROTTLED, MISSING]
    with pytest.raises(RepositoryNotFoundException, match="; Attempts: 4; ") as caught:
        client.describe_registry()
    with pytest.raises(RepositoryNotFoundException) as at_once:
        client.describe_registry()
    error = caught.value
    functions = [frame.name for frame in traceback.extract_tb(error.__traceback__)]

    assert error.attempts == 4
    assert kinds(error.retried_errors) == FAILED
    assert error.response["ResponseMetadata"]["RetryAttempts"] == 3
    assert [each.attempts for each in error.retried_errors] == [1, 1, 3]  # type: ignore[attr-defined]
    assert functions[-4:] == ["_call", "call", "_attempt", "parse"]
    assert (at_once.value.attempts, at_once.value.retried_errors) == (1, ())
    assert "Attempts" not in str(at_once.value)
    assert list(chain(error)) == [error]
    for each in error.retried_errors:
        assert {error, *error.retried_errors} & {*chain(each)} == {each}
        assert {link.__traceback__ for link in chain(each)} == {None}


def test_a_failure_without_a_response(credentials: Credentials, fake: Any) -> None:
    """An error without a response reports how often the call was sent, and holds no request."""
    request = requests.Request("POST", "https://example.org", headers={"a": "s3cret"}).prepare()
    config = ClientConfiguration(retry=fake.policy(max_attempts=3))
    with (
        responses.RequestsMock() as mocked,
        ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
    ):
        for kind in (requests.ConnectionError, requests.ReadTimeout, requests.ConnectionError):
            mocked.post(client.endpoint, body=kind("no", request=request))
        with pytest.raises(TransportException) as caught:
            client.describe_registry()
    error = caught.value

    assert str(error).endswith(" (Attempts: 3)")
    assert error.attempts == 3
    assert kinds(error.retried_errors) == ["TransportException", "ReadTimeoutException"]
    assert "Attempts" not in str(error.retried_errors[0])
    for each in (error, *error.retried_errors):
        for link in chain(each):
            assert getattr(link, "request", None) is None
            assert link.__traceback__ is None or link is error


def test_an_unreadable_response(server: Any, calling: Calling) -> None:
    """The error for an unreadable or overlong response reports the attempts before it."""
    for body in (b"{", b'{"registryId": "' + b"1" * 99 + b'"}'):
        server.responses = [DOWN, (200, {}, body)]
        with pytest.raises(ResponseParseException) as caught:
            calling(config={"max_response_size": 99}).describe_registry()
        metadata = caught.value.response_metadata

        assert metadata.retry_attempts == 1
        assert kinds(metadata.retried_errors) == ["AmazonECRException"]


@pytest.mark.parametrize("response", [MISSING, b"", DOWN, (200, {}, b"{"), None])
def test_an_error_frees_its_request(
    server: Any, calling: Calling, monkeypatch: pytest.MonkeyPatch, response: Any
) -> None:
    """Once an exception or an interrupt is gone, its request is freed without a collection."""

    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    if response is None:
        monkeypatch.setattr(requests.Session, "send", interrupt)
    server.responses = [response]
    request = SetRepositoryPolicyRequest(repository_name="app", policy_text="x" * 1000)
    client, alive = calling(base_delay=0), weakref.ref(request)
    gc.collect()
    gc.disable()
    try:
        with contextlib.suppress(AmazonClientException, KeyboardInterrupt):
            client.set_repository_policy(request)
        del request

        assert alive() is None
    finally:
        gc.enable()
