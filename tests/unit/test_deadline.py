"""The time that a call as a whole may take, with all attempts and delays.

tests/engine covers deadlines by themselves, and tests/faults what they interrupt on the wire.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import requests

from ecr_client import Credentials, ECRClient, Hooks
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
EXPIRED = (400, {}, b'{"__type": "ExpiredTokenException"}')
SKEWED = (403, {"Date": "Fri, 02 Jan 2026 00:00:00 GMT"}, b'{"__type": "RequestExpired"}')
IMAGE: Any = {"repository_name": "app", "image_manifest": "{}", "image_tag": "1"}
#: Delays so long that the speed of the machine does not matter.
LONG = {"base_delay": 100, "max_delay": 1000}
Calling = Callable[..., ECRClient]


def ticking(fake: Any, event: str = "request", **seconds: float) -> Hooks:
    """Return hooks that let some seconds pass at an event, by operation."""

    def passes(event: Any) -> None:
        fake.passed += seconds.get(event.operation, seconds.get("others", 0))

    return Hooks(**{event: passes})


@pytest.fixture
def sending(monkeypatch: pytest.MonkeyPatch, fake: Any) -> list[tuple[float, float]]:
    """Return a list of the timeouts of requests, and let each request take 10 seconds."""
    seen: list[tuple[float, float]] = []
    original = requests.Session.send

    def send(session: Any, request: Any, **options: Any) -> Any:
        seen.append(options["timeout"])
        fake.passed += 10
        return original(session, request, **options)

    monkeypatch.setattr(requests.Session, "send", send)
    return seen


def test_a_delay_that_would_not_end_in_time(server: Any, calling: Calling, fake: Any) -> None:
    """A delay beyond the deadline takes no time and no quota: the error is raised at once."""
    client = calling(max_attempts=9, config={"total_timeout": 400}, **LONG)
    server.responses = [DOWN]
    with pytest.raises(AmazonECRException) as caught:
        client.describe_registry()

    assert fake.waits == [100.0, 200.0]  # and not another 400
    assert (caught.value.status_code, caught.value.attempts) == (503, 3)
    assert len(caught.value.retried_errors) == 2
    assert client._shared.pipeline is not None
    assert client._shared.pipeline.quota.left == 490


def test_attempts_take_time(server: Any, calling: Calling, fake: Any) -> None:
    """The total timeout covers attempts as well as delays, and each call has all of it."""
    hooks = ticking(fake, others=60)
    client = calling(base_delay=0.1, max_attempts=9, config={"total_timeout": 160, "hooks": hooks})
    for _ in range(3):
        client.describe_registry()
    server.responses = [DOWN]
    with pytest.raises(
        TotalTimeoutException, match=r"did not finish within 160 s \(total"
    ) as caught:
        client.describe_registry()

    assert len(server.requests) == 3 + 2
    assert (caught.value.attempts, len(caught.value.retried_errors)) == (3, 2)
    assert str(caught.value).endswith("(Attempts: 3)")
    assert isinstance(caught.value, TransportException)
    assert isinstance(caught.value, TimeoutError)
    assert not caught.value.retryable


def test_time_is_over_before_anything_is_sent(server: Any, calling: Calling, fake: Any) -> None:
    """A call that runs out of time before its request is sent sends nothing, and says so."""
    client = calling(config={"total_timeout": 2.5, "hooks": ticking(fake, others=3)})
    with pytest.raises(TotalTimeoutException, match=r"within 2\.5 s \(total_timeout\)$") as caught:
        client.describe_registry()

    assert server.requests == []
    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert not caught.value.request_sent


@pytest.mark.parametrize("response", [b"", SKEWED, EXPIRED], ids=["closed", "clock", "credentials"])
def test_retries_at_once_need_time(server: Any, calling: Calling, fake: Any, response: Any) -> None:
    """When the time is up, not even a retry without delay is made; its reason is the cause."""
    letters = iter("ABCDEFGH")
    client = calling(
        given=lambda: Credentials(next(letters), "secret"),
        config={"total_timeout": 62.5, "hooks": ticking(fake, "retry", others=70)},
    )
    server.responses = [response, FINE]
    with pytest.raises(TotalTimeoutException, match=r"within 62\.5 s") as caught:
        client.describe_registry()

    assert len(server.requests) == 1
    assert isinstance(caught.value.__cause__, AmazonClientException)
    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert caught.value.request_sent is (response == b"")


def test_a_read_timeout_within_the_time(calling: Calling, monkeypatch: pytest.MonkeyPatch) -> None:
    """A read that times out while the call has time left is a ReadTimeoutException."""

    def send(*_: Any, **__: Any) -> Any:
        raise requests.ReadTimeout("slow")

    monkeypatch.setattr(requests.Session, "send", send)
    client = calling(max_attempts=1, config={"total_timeout": 100})
    with pytest.raises(ReadTimeoutException, match=r"50 s \(read_timeout\)"):
        client.describe_registry()


@pytest.mark.parametrize(
    ("total", "expected"), [(None, (50, 40)), (45, (45, 40)), (32.5, (32.5, 32.5))]
)
def test_timeouts_of_a_request(
    server: Any, calling: Calling, sending: Any, total: Any, expected: Any
) -> None:
    """Connecting and reading may take no longer than the call has left."""
    config = {"total_timeout": total, "connect_timeout": 50, "read_timeout": 40}
    calling(config=config).describe_registry()

    assert sending == [expected]


def test_a_lookup_has_the_rest_of_the_time(server: Any, calling: Calling, sending: Any) -> None:
    """The lookup after a lost attempt may take as long as the call has left."""
    there = encode_result(BatchGetImageResult(images=[example(Image)]))
    server.responses = [DOWN, EXISTS, (200, {}, there)]
    calling(base_delay=0, config={"total_timeout": 49}).put_image(**IMAGE)

    assert [read for _, read in sending] == [49, 39, 29]


@pytest.mark.parametrize(
    ("event", "seconds"),
    [("response", {"others": 60}), ("request", {"BatchGetImage": 60, "others": 30})],
)
def test_no_time_for_a_lookup(
    server: Any, calling: Calling, fake: Any, event: str, seconds: dict[str, float]
) -> None:
    """A lookup that has no time, or takes too long, proves nothing: the retry's error is raised."""
    hooks = ticking(fake, event, **seconds)
    client = calling(base_delay=0, config={"total_timeout": 100, "hooks": hooks})
    server.responses = [DOWN, EXISTS]
    with pytest.raises(ImageAlreadyExistsException) as caught:
        client.put_image(**IMAGE)

    assert len(server.requests) == 2
    assert caught.value.earlier_attempt_may_have_succeeded


def test_views_have_their_own_timeout(server: Any, calling: Calling) -> None:
    """A view's timeout replaces the configured one, whether longer or shorter."""
    client = calling(max_attempts=2, config={"total_timeout": 50}, **LONG)
    server.responses = [DOWN]
    for each in (client.with_options(timeout=200), client, client.with_options(timeout=25)):
        with pytest.raises(AmazonECRException):
            each.describe_registry()

    assert len(server.requests) == 2 + 1 + 1


@pytest.mark.parametrize(("event", "sent"), [("request", 0), ("response", 1)])
@pytest.mark.parametrize("skewed", [False, True])
def test_nothing_is_retried_after_a_shutdown(
    server: Any, calling: Calling, fake: Any, event: str, sent: int, skewed: bool
) -> None:
    """An attempt that fails while the client is being shut down is the last one."""
    server.responses = [SKEWED if skewed else DOWN, FINE]
    client = calling(config={"hooks": Hooks(**{event: lambda _: client.shutdown()})})
    with pytest.raises((AmazonECRException, ClientShutdownException)):
        client.describe_registry()

    assert len(server.requests) == sent
