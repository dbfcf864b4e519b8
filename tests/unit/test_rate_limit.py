"""The adaptive mode in calls; the limiter by itself is in tests/engine."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    AmazonECRException,
    ThrottlingException,
    TotalTimeoutException,
)

Calling = Callable[..., ECRClient]
THROTTLED = (400, {}, json.dumps({"__type": "ThrottlingException"}).encode())
FINE = (200, {}, b"{}")


def test_a_throttled_operation_waits_and_others_do_not(
    server: Any, calling: Calling, fake: Any
) -> None:
    """Each operation has a rate of its own, and its waits go through the policy's sleep."""
    client = calling(mode="adaptive", base_delay=0)
    server.answers = [THROTTLED, FINE]
    client.describe_registry()
    waited, fake.waits = fake.waits, []
    client.describe_repositories()

    assert waited == [2.0]  # for a place, at the lowest rate
    assert fake.waits == []


def test_standard_mode_waits_for_no_place(server: Any, calling: Calling, fake: Any) -> None:
    """Outside of the adaptive mode, throttling delays its own call only."""
    client = calling(base_delay=0)
    server.answers = [THROTTLED, FINE]
    for _ in range(5):
        client.describe_registry()

    assert fake.waits == []


def test_views_share_the_rates(server: Any, calling: Calling, fake: Any) -> None:
    """What the calls of one view have met slows down those of another one."""
    client = calling(mode="adaptive", base_delay=0)
    server.answers = [THROTTLED, FINE]
    client.with_options(timeout=3_600).describe_registry()
    before = len(fake.waits)
    client.with_options(timeout=1_800).describe_registry()

    assert len(fake.waits) == before + 1


def test_errors_that_are_no_throttling_do_not_slow_down(
    server: Any, calling: Calling, fake: Any
) -> None:
    """A fault of the service, or a broken connection, is no reason to send less."""
    client = calling(mode="adaptive", base_delay=0, max_attempts=5)
    server.answers = [(500, {}, b""), b"", b"", FINE]
    client.describe_registry()

    assert fake.waits == []


def test_a_deadline_before_the_place_in_the_queue(server: Any, calling: Calling, fake: Any) -> None:
    """A call whose turn would come too late fails at once, unsent."""
    client = calling(mode="adaptive", max_attempts=1)
    server.answers = [THROTTLED]
    with pytest.raises(ThrottlingException):
        client.describe_registry()
    hasty = client.with_options(timeout=1)
    with pytest.raises(TotalTimeoutException, match=r"1 s \(total_timeout\)") as caught:
        hasty.describe_registry()

    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert (len(server.requests), fake.waits) == (1, [])


def test_a_client_finds_the_rate_of_the_service(server: Any, calling: Calling, fake: Any) -> None:
    """Calls come near to the limit of a token bucket that allows 10 a second, few in vain."""
    admitted, throttled, tokens, filled = [], [], 10.0, 0.0

    class Answers(list[Any]):
        def __getitem__(self, _: Any) -> Any:
            nonlocal tokens, filled
            fake.passed += 0.02
            tokens, filled = min(10.0, tokens + 10 * (fake.passed - filled)), fake.passed
            if tokens < 1:
                throttled.append(fake.passed)
                return THROTTLED
            tokens -= 1
            admitted.append(fake.passed)
            return FINE

    server.answers = Answers([FINE])
    client, start = calling(mode="adaptive", max_attempts=10), fake.passed
    while fake.passed < 60:
        try:
            client.describe_registry()
        except AmazonECRException:
            fake.passed += 1
    rate = len(admitted) / (fake.passed - start)

    assert 6 <= rate <= 10.5
    assert len(throttled) < 0.15 * len(admitted)
