"""Calls that come faster than the service takes them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR
from ecr_client.local.throttling import CALLS_PER_SECOND
from ecr_client.local.validation import operations

#: The error of calls that are not throttled.
WORKED = "RepositoryNotFoundException"


@pytest.fixture
def clock(clocks: Any) -> Any:
    return clocks()


@pytest.fixture
def ecr(clock: Any) -> Iterator[LocalECR]:
    with LocalECR(clock=clock, auth=False, throttle=True) as running:
        yield running


def codes(ecr: LocalECR, times: int, where: str = "123456789012/us-east-1") -> Counter[str]:
    """Count the error codes of some calls of PutImage, which no client retries."""
    account, region = where.split("/")
    caller = f"{account}/20261120/{region}/ecr/aws4_request"
    headers = {
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.PutImage",
        "Authorization": f"AWS4-HMAC-SHA256 Credential={caller}",
    }
    body = {"repositoryName": "missing", "imageManifest": "{}"}
    with requests.Session() as session:
        session.trust_env = False
        responses = [
            session.post(ecr.endpoint, json=body, headers=headers, timeout=60) for _ in range(times)
        ]
    return Counter(response.json()["__type"] for response in responses)


def test_calls_come_back_with_time(ecr: LocalECR, clock: Any) -> None:
    """Ten PutImage are taken in a second, five of them in half a second, and never more at once."""
    taken = []
    for seconds in (0, 0, 0.5, 60):
        clock.advance(seconds=seconds)
        taken.append(codes(ecr, 12))

    assert [each[WORKED] for each in taken] == [10, 0, 5, 10]
    assert taken[2] == {WORKED: 5, "ThrottlingException": 7}


def test_accounts_and_regions_are_counted_apart(ecr: LocalECR) -> None:
    """Rates are counted for each account in each region."""
    places = ("123456789012/us-east-1", "123456789012/eu-west-1", "210987654321/us-east-1")

    assert [codes(ecr, 11, where)[WORKED] for where in places] == [10, 10, 10]


def test_operations_of_the_service_are_limited() -> None:
    """The table names operations of the service only."""
    assert CALLS_PER_SECOND.keys() <= operations().keys()


def test_no_throttling_by_default(clock: Any) -> None:
    """Rates are not limited by default."""
    with LocalECR(clock=clock, auth=False) as ecr:
        assert codes(ecr, 12) == {WORKED: 12}
