"""The time that a call as a whole may take, with all attempts and delays.

What a deadline is by itself is in tests/engine; what it interrupts on the wire is in tests/faults.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from email.utils import format_datetime
from typing import Any

import pytest
import requests
import responses

from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy
from ecr_client.exceptions import (
    AmazonClientException,
    AmazonECRException,
    ClientShutdownException,
    ImageAlreadyExistsException,
    ReadTimeoutException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.models import BatchGetImageResult, Image
from ecr_client.testing import example
from ecr_client.testing.encoding import encode_result

DOWN = (503, {}, b"{}")
FINE = (200, {}, b"{}")
EXISTS = (400, {}, b'{"__type": "ImageAlreadyExistsException"}')
IMAGE: Any = {"repository_name": "app", "image_manifest": "{}", "image_tag": "1"}
Calling = Callable[..., ECRClient]


def ticking(fake: Any, seconds: float) -> Hooks:
    """Return hooks that let each request take some seconds."""

    def request(_: object) -> None:
        fake.passed += seconds

    return Hooks(request=request)


def patient(calling: Calling, **options: Any) -> ECRClient:
    """Return a client whose delays are so long that no machine is too slow for the rest."""
    return calling(**{"base_delay": 100, "max_delay": 1000, **options})


# --- delays ---------------------------------------------------------------------------------------


def test_a_delay_that_would_not_end_in_time(server: Any, calling: Calling, fake: Any) -> None:
    """A delay beyond the deadline is not waited for: the error is raised at once."""
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException) as caught:
        patient(calling, max_attempts=9, config={"total_timeout": 400}).describe_registry()

    assert fake.waits == [100.0, 200.0]  # and not another 400
    assert (caught.value.status_code, caught.value.attempts) == (503, 3)
    assert len(caught.value.retried_errors) == 2


def test_no_quota_is_spent_on_a_delay_that_is_too_long(server: Any, calling: Calling) -> None:
    """A retry that does not take place costs nothing."""
    client = patient(calling, config={"total_timeout": 50})
    server.answers = [DOWN]
    with pytest.raises(AmazonECRException):
        client.describe_registry()

    assert client._shared.pipeline is not None
    assert client._shared.pipeline.quota.left == 500


# --- attempts -------------------------------------------------------------------------------------


def test_attempts_take_time(server: Any, calling: Calling, fake: Any) -> None:
    """The time of attempts counts as well as that of delays."""
    client = calling(
        base_delay=0.1, max_attempts=9, config={"total_timeout": 160, "hooks": ticking(fake, 60)}
    )
    server.answers = [DOWN]
    with pytest.raises(TotalTimeoutException, match=r"did not end within 160 s \(total") as caught:
        client.describe_registry()

    assert len(server.requests) == 2
    assert (caught.value.attempts, len(caught.value.retried_errors)) == (3, 2)
    assert str(caught.value).endswith("(Attempts: 3)")
    assert isinstance(caught.value, TransportException)
    assert isinstance(caught.value, TimeoutError)
    assert not caught.value.retryable


def test_time_is_over_before_anything_is_sent(server: Any, calling: Calling, fake: Any) -> None:
    """A call whose time is over before its request is sent sends nothing, and says so."""
    client = calling(config={"total_timeout": 2.5, "hooks": ticking(fake, 3)})
    with pytest.raises(TotalTimeoutException, match=r"within 2\.5 s \(total_timeout\)$") as caught:
        client.describe_registry()

    assert server.requests == []
    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert not caught.value.request_sent


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        (403, {"Date": "Fri, 02 Jan 2026 00:00:00 GMT"}, b'{"__type": "RequestExpired"}'),
        (400, {}, b'{"__type": "ExpiredTokenException"}'),
    ],
    ids=["broken connection", "wrong clock", "expired credentials"],
)
def test_retries_at_once_need_time(server: Any, calling: Calling, fake: Any, answer: Any) -> None:
    """A retry without delay does not take place when the time is over; its reason is the cause."""

    def error_arrives(_: object) -> None:
        fake.passed += 70

    letters = iter("ABCDEFGH")
    client = calling(
        given=lambda: Credentials(next(letters), "secret"),
        config={"total_timeout": 62.5, "hooks": Hooks(retry=error_arrives)},
    )
    server.answers = [answer, FINE]
    with pytest.raises(TotalTimeoutException, match=r"within 62\.5 s") as caught:
        client.describe_registry()

    assert len(server.requests) == 1
    assert isinstance(caught.value.__cause__, AmazonClientException)
    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert caught.value.request_sent is (answer == b"")


def test_a_call_in_time(server: Any, calling: Calling, fake: Any) -> None:
    """A call that ends in time returns its result, and the next one has as much time."""
    client = calling(config={"total_timeout": 150, "hooks": ticking(fake, 100)})
    for _ in range(3):
        client.describe_registry()

    assert len(server.requests) == 3


def test_a_read_timeout_within_the_time(credentials: Credentials, fake: Any) -> None:
    """A timeout of a single read is called so, as long as there is time left for the call."""
    config = ClientConfiguration(total_timeout=100, retry=fake.policy(max_attempts=1))
    with (
        responses.RequestsMock() as mocked,
        ECRClient(region="eu-west-1", credentials=credentials, config=config) as client,
    ):
        mocked.post(client.endpoint, body=requests.ReadTimeout("slow"))
        with pytest.raises(ReadTimeoutException, match=r"50 s \(read_timeout\)"):
            client.describe_registry()


@pytest.mark.parametrize(
    ("total", "expected"), [(None, (50, 40)), (45, (45, 40)), (32.5, (32.5, 32.5))]
)
def test_timeouts_of_a_request(
    monkeypatch: pytest.MonkeyPatch, server: Any, calling: Calling, total: Any, expected: Any
) -> None:
    """Connecting and reading may take no longer than what is left of the call."""
    seen = []
    original = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> Any:
        seen.append(options["timeout"])
        return original(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", send)
    config = {"total_timeout": total, "connect_timeout": 50, "read_timeout": 40}
    calling(config=config).describe_registry()

    assert seen == [expected]


def test_a_lookup_has_the_rest_of_the_time(
    monkeypatch: pytest.MonkeyPatch, server: Any, calling: Calling, fake: Any
) -> None:
    """What is asked about a lost attempt may take as long as the call has left."""
    seen = []
    original = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> Any:
        seen.append(options["timeout"][1])
        fake.passed += 10
        return original(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", send)
    server.answers = [
        DOWN,
        EXISTS,
        (200, {}, encode_result(BatchGetImageResult(images=[example(Image)]))),
    ]
    calling(base_delay=0, config={"total_timeout": 49}).put_image(**IMAGE)

    assert seen == [49, 39, 29]


def test_no_lookup_when_the_time_is_over(server: Any, calling: Calling, fake: Any) -> None:
    """Without any time left, nobody asks about a lost attempt, and the error is raised."""

    def response(_: object) -> None:
        fake.passed += 60

    client = calling(base_delay=0, config={"total_timeout": 100, "hooks": Hooks(response=response)})
    server.answers = [DOWN, EXISTS]
    with pytest.raises(ImageAlreadyExistsException) as caught:
        client.put_image(**IMAGE)

    assert len(server.requests) == 2
    assert caught.value.earlier_attempt_may_have_succeeded


def test_a_lookup_that_takes_too_long(server: Any, calling: Calling, fake: Any) -> None:
    """A lookup that does not end in time proves nothing, and the error of the retry is raised."""

    def request(event: Any) -> None:
        fake.passed += 60 if event.operation == "BatchGetImage" else 30

    client = calling(base_delay=0, config={"total_timeout": 100, "hooks": Hooks(request=request)})
    server.answers = [DOWN, EXISTS]
    with pytest.raises(ImageAlreadyExistsException):
        client.put_image(**IMAGE)

    assert len(server.requests) == 2


# --- where it comes from --------------------------------------------------------------------------


def test_views_have_a_time_of_their_own(server: Any, calling: Calling) -> None:
    """A view's time replaces the configured one, be it longer or shorter."""
    client = patient(calling, max_attempts=2, config={"total_timeout": 50})
    server.answers = [DOWN]
    for each in (client.with_options(timeout=200), client, client.with_options(timeout=25)):
        with pytest.raises(AmazonECRException):
            each.describe_registry()

    assert len(server.requests) == 2 + 1 + 1


# --- the end of the client ------------------------------------------------------------------------


def test_waiting_ends_with_the_client(server: Any, credentials: Credentials) -> None:
    """A client that is shut down does not wait on: the call ends, and tells what it waited for."""
    server.answers = [DOWN]
    waiting = threading.Event()
    policy = RetryPolicy(base_delay=1000, max_delay=1000, random=lambda: 1.0)
    config = ClientConfiguration(retry=policy, hooks=Hooks(retry=lambda _: waiting.set()))
    client = ECRClient(endpoint=server.url, credentials=credentials, config=config)
    with ThreadPoolExecutor(1) as pool:
        call = pool.submit(client.describe_registry)
        waiting.wait(20)
        client.shutdown()
        error = call.exception(20)

    assert isinstance(error, ClientShutdownException)
    assert isinstance(error.__cause__, AmazonECRException)
    assert len(server.requests) == 1


@pytest.mark.parametrize("event", ["request", "response"])
def test_nothing_is_retried_after_the_end(
    server: Any, credentials: Credentials, event: str
) -> None:
    """An attempt that fails while the client is shut down is the last one."""
    server.answers = [DOWN]
    config = ClientConfiguration(
        retry=RetryPolicy(base_delay=1000), hooks=Hooks(**{event: lambda _: client.shutdown()})
    )
    client = ECRClient(endpoint=server.url, credentials=credentials, config=config)
    with pytest.raises((AmazonECRException, ClientShutdownException)):
        client.describe_registry()

    assert len(server.requests) == (event == "response")


def test_a_clock_is_not_corrected_after_the_end(
    server: Any, credentials: Credentials, fake: Any
) -> None:
    """What could be retried at once is not retried either."""
    headers = {"Date": format_datetime(fake.utc())}
    server.answers = [(403, headers, json.dumps({"__type": "RequestExpired"}).encode())]
    config = ClientConfiguration(
        retry=RetryPolicy(), hooks=Hooks(response=lambda _: client.shutdown())
    )
    client = ECRClient(endpoint=server.url, credentials=credentials, config=config)
    with pytest.raises(AmazonECRException):
        client.describe_registry()

    assert len(server.requests) == 1
