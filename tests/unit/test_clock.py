"""Wrong clocks and expired credentials: corrected or refreshed once, and the call retried.

tests/engine covers when that is decided.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta, timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING, Any

import attrs
import botocore.session
import pytest
from botocore.credentials import RefreshableCredentials

from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks
from ecr_client._common.redact import chain
from ecr_client.exceptions import (
    AmazonECRException,
    CredentialRetrievalException,
    ExpiredTokenException,
    NoCredentialsException,
)

if TYPE_CHECKING:
    from ecr_client.local import LocalECR

Calling = Callable[..., ECRClient]
FINE = (200, {}, b"{}")
SECRET = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"


def refusal(code: str, date: str | None = None) -> tuple[int, dict[str, str], bytes]:
    """Return an error response, with a Date header if a date is given."""
    headers = {} if date is None else {"Date": date}
    return 403, headers, json.dumps({"__type": code}).encode()


def signed_at(server: Any) -> list[datetime]:
    """Return the times of the signatures that the server has seen."""
    texts = [request.headers["x-amz-date"] for request in server.requests]
    return [
        datetime.strptime(text, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc) for text in texts
    ]


def keys_of(server: Any) -> list[str]:
    """Return the access keys that signed the requests."""
    found = [request.headers["authorization"] for request in server.requests]
    return [text.partition("Credential=")[2].partition("/")[0] for text in found]


@pytest.fixture
def wrong(fake: Any) -> Callable[[float], Any]:
    """Return a function that makes the response of a service whose clock is some hours ahead."""
    return lambda hours: refusal(
        "RequestExpired", format_datetime(fake.utc() + timedelta(hours=hours), usegmt=True)
    )


@pytest.mark.parametrize("hours", [-24, 0.1, 24])
def test_a_wrong_clock_is_corrected(
    server: Any, calling: Calling, fake: Any, wrong: Any, hours: float
) -> None:
    """An error that a wrong clock may have caused is retried at once with the service's time.

    Later calls to the endpoint, including those of views, use it in their first attempt.
    """
    client, ahead, start = calling(), timedelta(hours=hours), fake.utc()
    server.responses = [wrong(hours), FINE]
    metadata = client.describe_registry().response_metadata
    fake.passed += 60
    client.describe_registry()
    client.with_options(timeout=50).describe_registry()
    later = fake.utc()
    client.set_endpoint(server.url.replace("127.0.0.1", "localhost"))
    client.describe_registry()
    # When the machine's own clock is set right, the correction is undone.
    client.set_endpoint(server.url)
    fake.passed += hours * 3600
    server.responses = [wrong(0), FINE]
    client.describe_registry()

    assert signed_at(server)[:5] == [start, start + ahead, *[later + ahead] * 2, later]
    assert signed_at(server)[-1] == fake.utc()
    assert fake.waits == []
    assert metadata.retry_attempts == 1


def test_no_attempt_is_left(server: Any, calling: Calling, wrong: Any) -> None:
    """The retry counts as an attempt: with only one, the error is raised, yet the time learnt."""
    server.responses = [wrong(5), FINE]
    client = calling(max_attempts=1)
    with pytest.raises(AmazonECRException):
        client.describe_registry()
    assert len(server.requests) == 1
    client.describe_registry()

    assert server.requests[1].headers["x-amz-date"] == "20260101T050000Z"


def test_another_thread_was_faster(server: Any, calling: Calling, fake: Any, wrong: Any) -> None:
    """A call that was signed before another one corrected the clock is retried as well."""

    def other_thread(event: Any) -> None:
        if event.attempt == 1:
            offsets = client._shared.pipeline.clock.offsets  # type: ignore[union-attr]
            offsets[client.endpoint] = timedelta(hours=5)

    client = calling(config={"hooks": Hooks(response=other_thread)})
    server.responses = [wrong(5), FINE]
    client.describe_registry()

    assert signed_at(server) == [fake.utc(), fake.utc() + timedelta(hours=5)]


@pytest.mark.parametrize("skew", [-301.0, 7_200.0])
def test_the_corrected_signature_is_accepted(ecr: LocalECR, fake: Any, skew: float) -> None:
    """A service that verifies signatures accepts the retry, and later calls at their first attempt.

    A signature that is wrong for another reason is not retried.
    """
    config = ClientConfiguration(retry=fake.policy())
    wrong = attrs.evolve(ecr.credentials[ecr.account], secret_key="wrong")
    with ecr.client(config=config) as client, ecr.client(credentials=wrong, config=config) as other:
        fake.rules(client, skew=skew)
        first = client.create_repository(repository_name="app").response_metadata
        second = client.describe_repositories().response_metadata
        fake.rules(other)
        with pytest.raises(AmazonECRException) as caught:
            other.describe_registry()

    assert (first.retry_attempts, second.retry_attempts) == (1, 0)
    assert caught.value.error_code == "InvalidSignatureException"
    assert [request.status for request in ecr.requests][:3] == [400, 200, 200]
    assert len(ecr.requests) == 4


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_a_provider_is_called_again(server: Any, calling: Calling, fake: Any, code: str) -> None:
    """When the service reports expired keys, a provider is called again, but once per call."""
    given = iter("ABCDEFGH")
    client = calling(given=lambda: Credentials(next(given), SECRET), max_attempts=9)
    server.responses = [refusal(code), FINE]
    result = client.describe_registry()
    server.responses = [refusal(code)]
    with pytest.raises(ExpiredTokenException) as caught:
        client.describe_registry()
    found = keys_of(server)

    assert found == sorted(set(found))
    assert fake.waits == []
    assert [each.error_code for each in result.response_metadata.retried_errors] == [code]  # type: ignore[attr-defined]
    assert caught.value.attempts == 2


def test_keys_that_stay_the_same(server: Any, calling: Calling, credentials: Credentials) -> None:
    """Expired keys that cannot be replaced by others are not sent again."""
    server.responses = [refusal("ExpiredTokenException")]
    for given in (credentials, lambda: credentials):
        with pytest.raises(ExpiredTokenException) as caught:
            calling(given=given).describe_registry()

        assert caught.value.attempts == 1
    assert len(server.requests) == 2


def test_a_provider_that_fails(server: Any, calling: Calling) -> None:
    """A provider that fails when called again is the error, and the hooks are told of it."""
    given, seen = iter([Credentials("AKID", SECRET)]), []
    client = calling(
        given=lambda: next(given), config={"hooks": Hooks(error=lambda event: seen.append(event))}
    )
    server.responses = [refusal("ExpiredTokenException")]
    with pytest.raises(CredentialRetrievalException) as caught:
        client.describe_registry()

    assert ExpiredTokenException in [type(each) for each in chain(caught.value)]
    assert [event.error for event in seen] == [caught.value]


def test_the_environment_has_changed(
    server: Any, monkeypatch: pytest.MonkeyPatch, fake: Any
) -> None:
    """The default chain searches again and keeps what it finds; finding nothing is an error."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OLD")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    expired = refusal("ExpiredTokenException")
    server.responses = [FINE, expired, FINE, FINE, expired]
    config = ClientConfiguration(retry=fake.policy())
    with ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client:
        client.describe_registry()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NEW")
        client.describe_registry()
        client.describe_registry()
    with ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client:
        client._credentials.resolve()
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(NoCredentialsException):
            client.describe_registry()

    assert keys_of(server) == ["OLD", "OLD", "NEW", "NEW", "NEW"]


def test_a_session_refreshes_by_itself(server: Any, fake: Any) -> None:
    """Expired keys of a session are not sent again; the session refreshes them itself."""
    letters = iter("ABCDEFGH")

    def refresh() -> dict[str, str]:
        soon = datetime.now(timezone.utc) + timedelta(hours=1)
        keys = {"access_key": next(letters), "secret_key": SECRET, "token": "t0ken"}
        return {**keys, "expiry_time": soon.isoformat()}

    session = botocore.session.Session()
    keys = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    session._credentials = keys
    server.responses = [refusal("ExpiredTokenException")]
    config = ClientConfiguration(retry=fake.policy())
    with ECRClient(session=session, endpoint=server.url, config=config) as client:
        for _ in range(2):
            with pytest.raises(ExpiredTokenException) as caught:
                client.describe_registry()
            keys._expiry_time = datetime.now(timezone.utc)

    assert caught.value.attempts == 1
    assert keys_of(server) == ["A", "B"]
