"""Wrong clocks and expired credentials: corrected or refreshed once, and the call retried."""

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


def refusal(code: str, date: str | None) -> tuple[int, dict[str, str], bytes]:
    """Return a response with an error and perhaps a date."""
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


# --- clocks ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("hours", [-24, -1, 0.1, 24])
def test_a_wrong_clock_is_corrected(server: Any, calling: Calling, fake: Any, hours: float) -> None:
    """An error that a wrong clock may have caused is retried at once with the service's time."""
    there = fake.utc() + timedelta(hours=hours)
    server.answers = [refusal("RequestExpired", format_datetime(there, usegmt=True)), FINE]
    result = calling().describe_registry()

    assert signed_at(server) == [fake.utc(), there]
    assert fake.waits == []
    assert result.response_metadata.retry_attempts == 1


def test_the_correction_is_kept(server: Any, calling: Calling, fake: Any) -> None:
    """Later calls, also those of views, have the right time in their first attempt."""
    client, ahead = calling(), timedelta(hours=5)
    server.answers = [refusal("RequestExpired", format_datetime(fake.utc() + ahead)), FINE]
    client.describe_registry()
    fake.passed += 60
    client.describe_registry()
    client.with_options(timeout=50).describe_registry()

    assert signed_at(server)[2:] == [fake.utc() + ahead] * 2


def test_a_clock_is_corrected_once_in_a_call(server: Any, calling: Calling, fake: Any) -> None:
    """A service that refuses the corrected time, too, ends the call."""
    server.answers = [
        refusal("RequestExpired", format_datetime(fake.utc() + timedelta(hours=hours)))
        for hours in (5, 10, 15)
    ]
    with pytest.raises(AmazonECRException) as caught:
        calling(max_attempts=9).describe_registry()

    assert (len(server.requests), caught.value.attempts) == (2, 2)


def test_a_clock_that_changes_back_is_followed(server: Any, calling: Calling, fake: Any) -> None:
    """When the machine's own clock is set right, the correction is taken back."""
    client = calling()
    there = fake.utc() + timedelta(hours=5)
    server.answers = [refusal("RequestExpired", format_datetime(there)), FINE]
    client.describe_registry()
    fake.passed += 5 * 3600
    server.answers = [refusal("RequestExpired", format_datetime(fake.utc())), FINE]
    client.describe_registry()

    assert signed_at(server)[-1] == fake.utc()


@pytest.mark.parametrize("date", [None, "yesterday", "Thu, 01 Jan 2026 00:03:59 GMT"])
def test_what_is_no_reason(server: Any, calling: Calling, date: str | None) -> None:
    """Without a date that is far from ours, the error is raised at once, and the clock stays."""
    client = calling()
    server.answers = [refusal("RequestExpired", date), FINE]
    with pytest.raises(AmazonECRException) as caught:
        client.describe_registry()
    client.describe_registry()

    assert (caught.value.error_code, caught.value.attempts) == ("RequestExpired", 1)
    assert len(set(signed_at(server))) == 1


def test_no_attempt_is_left(server: Any, calling: Calling, fake: Any) -> None:
    """The retry counts as an attempt: with one only, the error is raised, and the time learnt."""
    wrong = refusal("RequestExpired", format_datetime(fake.utc() + timedelta(hours=5)))
    server.answers = [wrong, (200, {}, b"{}")]
    client = calling(max_attempts=1)
    with pytest.raises(AmazonECRException):
        client.describe_registry()
    assert len(server.requests) == 1
    client.describe_registry()

    assert server.requests[1].headers["x-amz-date"] == "20260101T050000Z"


def test_another_thread_was_faster(server: Any, calling: Calling, fake: Any) -> None:
    """A call that was signed before another one has corrected the clock is retried, too."""

    def other_thread(event: Any) -> None:
        if event.attempt == 1:
            offsets = client._shared.pipeline.clock.offsets  # type: ignore[union-attr]
            offsets[client.endpoint] = timedelta(hours=5)

    client = calling(config={"hooks": Hooks(response=other_thread)})
    there = fake.utc() + timedelta(hours=5)
    server.answers = [refusal("RequestExpired", format_datetime(there)), FINE]
    client.describe_registry()

    assert signed_at(server) == [fake.utc(), there]


def test_a_correction_is_for_its_endpoint(server: Any, calling: Calling, fake: Any) -> None:
    """What one endpoint says of the time does not move the signatures for another one."""
    there = fake.utc() + timedelta(hours=5)
    server.answers = [refusal("RequestExpired", format_datetime(there, usegmt=True)), FINE]
    client = calling()
    client.describe_registry()
    client.set_endpoint(server.url.replace("127.0.0.1", "localhost"))
    client.describe_registry()

    assert signed_at(server) == [fake.utc(), there, fake.utc()]


@pytest.mark.parametrize("skew", [-86_400.0, -301.0, 301.0, 7_200.0])
def test_the_corrected_signature_is_accepted(ecr: LocalECR, fake: Any, skew: float) -> None:
    """A service that checks signatures accepts the second attempt, and the first one from then."""
    config = ClientConfiguration(retry=fake.policy())
    with ecr.client(config=config) as client:
        fake.rules(client, skew=skew)
        first = client.create_repository(repository_name="app").response_metadata
        second = client.describe_repositories().response_metadata

    assert (first.retry_attempts, second.retry_attempts) == (1, 0)
    assert [request.status for request in ecr.requests] == [400, 200, 200]


def test_a_wrong_secret_key_is_not_retried(ecr: LocalECR, fake: Any) -> None:
    """A signature that is wrong for another reason is refused once."""
    wrong = attrs.evolve(ecr.credentials[ecr.account], secret_key="wrong")
    with ecr.client(credentials=wrong, config=ClientConfiguration(retry=fake.policy())) as client:
        fake.rules(client)
        with pytest.raises(AmazonECRException) as caught:
            client.describe_registry()

    assert (caught.value.error_code, len(ecr.requests)) == ("InvalidSignatureException", 1)


# --- credentials ----------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["ExpiredToken", "ExpiredTokenException"])
def test_a_provider_is_asked_again(server: Any, calling: Calling, fake: Any, code: str) -> None:
    """When the service calls keys expired, a function that returns others lets it be retried."""
    given = iter("ABCDEFGH")
    server.answers = [refusal(code, None), FINE]
    result = calling(given=lambda: Credentials(next(given), SECRET)).describe_registry()
    first, second = keys_of(server)

    assert first < second
    assert fake.waits == []
    assert [each.error_code for each in result.response_metadata.retried_errors] == [code]  # type: ignore[attr-defined]


def test_keys_that_stay_the_same(server: Any, calling: Calling, credentials: Credentials) -> None:
    """Expired keys in the place of which there are no others are not sent once more."""
    for given in (credentials, lambda: credentials):
        server.answers = [refusal("ExpiredTokenException", None)]
        with pytest.raises(ExpiredTokenException) as caught:
            calling(given=given).describe_registry()

        assert caught.value.attempts == 1
    assert len(server.requests) == 2


def test_keys_that_have_expired_again(server: Any, calling: Calling) -> None:
    """Credentials are looked for once in a call."""
    given = iter("ABCDEFGH")
    server.answers = [refusal("ExpiredTokenException", None)]
    with pytest.raises(ExpiredTokenException) as caught:
        calling(given=lambda: Credentials(next(given), SECRET), max_attempts=9).describe_registry()

    assert caught.value.attempts == 2


def test_a_provider_that_fails(server: Any, calling: Calling) -> None:
    """A function that fails when it is asked again is the error, and the hooks learn of it."""
    given, seen = iter([Credentials("AKID", SECRET)]), []
    client = calling(
        given=lambda: next(given), config={"hooks": Hooks(error=lambda event: seen.append(event))}
    )
    server.answers = [refusal("ExpiredTokenException", None)]
    with pytest.raises(CredentialRetrievalException) as caught:
        client.describe_registry()

    assert ExpiredTokenException in [type(each) for each in chain(caught.value)]
    assert [event.error for event in seen] == [caught.value]


def test_the_environment_has_changed(
    server: Any, calling: Calling, monkeypatch: pytest.MonkeyPatch, fake: Any
) -> None:
    """The default chain looks at the environment again, and keeps what it finds there."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OLD")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    server.answers = [FINE, refusal("ExpiredTokenException", None), FINE]
    config = ClientConfiguration(retry=fake.policy())
    with ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client:
        client.describe_registry()
        monkeypatch.setenv("AWS_ACCESS_KEY_ID", "NEW")
        client.describe_registry()
        client.describe_registry()

    assert keys_of(server) == ["OLD", "OLD", "NEW", "NEW"]


def test_the_environment_has_nothing_any_more(
    server: Any, monkeypatch: pytest.MonkeyPatch, fake: Any
) -> None:
    """If the default chain finds nothing when it looks again, that is the error."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "OLD")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    server.answers = [FINE, refusal("ExpiredTokenException", None)]
    config = ClientConfiguration(retry=fake.policy())
    with ECRClient(region="eu-west-1", endpoint=server.url, config=config) as client:
        client.describe_registry()
        monkeypatch.delenv("AWS_ACCESS_KEY_ID")
        with pytest.raises(NoCredentialsException):
            client.describe_registry()


def test_a_session_refreshes_by_itself(server: Any, fake: Any) -> None:
    """Keys of a session are used again only if they have refreshed themselves meanwhile."""
    letters = iter("ABCDEFGH")

    def refresh() -> dict[str, str]:
        soon = datetime.now(timezone.utc) + timedelta(hours=1)
        keys = {"access_key": next(letters), "secret_key": SECRET, "token": "t0ken"}
        return {**keys, "expiry_time": soon.isoformat()}

    session = botocore.session.Session()
    keys = RefreshableCredentials.create_from_metadata(refresh(), refresh, "test")
    session._credentials = keys
    server.answers = [refusal("ExpiredTokenException", None)]
    config = ClientConfiguration(retry=fake.policy())
    with ECRClient(
        session=session, region="eu-west-1", endpoint=server.url, config=config
    ) as client:
        with pytest.raises(ExpiredTokenException) as caught:
            client.describe_registry()
        keys._expiry_time = datetime.now(timezone.utc)
        with pytest.raises(ExpiredTokenException):
            client.describe_registry()

    assert caught.value.attempts == 1
    assert keys_of(server) == ["A", "B"]
