"""The adaptive mode in calls; tests/engine covers the limiter by itself."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import ThrottlingException, TotalTimeoutException

Calling = Callable[..., ECRClient]
THROTTLED = (400, {}, json.dumps({"__type": "ThrottlingException"}).encode())
FINE = (200, {}, b"{}")


@pytest.mark.parametrize(
    ("mode", "responses", "waits"),
    [
        ("adaptive", [THROTTLED, FINE], [2.0]),  # for its turn, at the lowest rate
        ("standard", [THROTTLED, FINE], []),
        ("adaptive", [(500, {}, b""), b"", b"", FINE], []),  # no reason to send less
    ],
)
def test_only_throttled_operations_wait(
    server: Any, calling: Calling, fake: Any, mode: str, responses: list[Any], waits: list[float]
) -> None:
    """In adaptive mode, an operation that is throttled waits, and others do not."""
    client = calling(mode=mode, base_delay=0, max_attempts=5)
    server.responses = responses
    client.describe_registry()
    waited, fake.waits = fake.waits, []
    client.describe_repositories()

    assert (waited, fake.waits) == (waits, [])


def test_views_share_the_rates(server: Any, calling: Calling, fake: Any) -> None:
    """Throttling of one view's calls slows down those of another view."""
    client = calling(mode="adaptive", base_delay=0)
    server.responses = [THROTTLED, FINE]
    client.with_options(timeout=3_600).describe_registry()
    before = len(fake.waits)
    client.with_options(timeout=1_800).describe_registry()

    assert len(fake.waits) == before + 1


def test_a_turn_after_the_deadline(server: Any, calling: Calling, fake: Any) -> None:
    """A call whose turn would come too late fails at once, and is not sent."""
    client = calling(mode="adaptive", max_attempts=1)
    server.responses = [THROTTLED]
    with pytest.raises(ThrottlingException):
        client.describe_registry()
    hasty = client.with_options(timeout=1)
    with pytest.raises(TotalTimeoutException, match=r"1 s \(total_timeout\)") as caught:
        hasty.describe_registry()

    assert (caught.value.attempts, caught.value.retried_errors) == (1, ())
    assert (len(server.requests), fake.waits) == (1, [])
