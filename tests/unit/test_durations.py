"""Durations are in seconds, and what can only be milliseconds is refused."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.local.faults import Fault
from ecr_client.models import ImageIdentifier

CLIENT = ECRClient(endpoint="http://localhost:1", credentials=Credentials("AKID", "secret"))


def wait(**given: Any) -> object:
    """Wait for an image."""
    image = ImageIdentifier(image_tag="v1")
    return CLIENT.wait_until_image_exists(repository_name="app", image_ids=[image], **given)


@pytest.mark.parametrize(
    ("make", "name", "longest"),
    [
        (ClientConfiguration, "connect_timeout", 3_600),
        (ClientConfiguration, "read_timeout", 3_600),
        (ClientConfiguration, "total_timeout", 3_600),
        (ClientConfiguration, "connection_max_idle_time", 3_600),
        (CLIENT.with_options, "timeout", 3_600),
        (RetryPolicy, "base_delay", 3_600),
        (RetryPolicy, "max_delay", 3_600),
        (wait, "delay", 3_600),
        (wait, "max_wait", 86_400),
        (Fault, "latency", 3_600),
    ],
)
@pytest.mark.parametrize("times", [1.001, 50.0, float("inf")])
def test_milliseconds(make: Callable[..., object], name: str, longest: int, times: float) -> None:
    """A number that is too large is refused with the bound, the number, and the unit."""
    given = longest * times
    with pytest.raises(ValueError, match=f"{name} must be a number of seconds ") as caught:
        make(**{name: given})

    end = f"{longest:,}, got {given!r}; it is in seconds, not milliseconds"
    assert str(caught.value).endswith(end)
