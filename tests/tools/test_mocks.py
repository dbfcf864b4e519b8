"""responses, requests-mock and moto respond to new and used clients while they are active."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from typing import Any

import pytest
import requests_mock
import responses
from moto import mock_aws

from ecr_client import ECRClient
from ecr_client.exceptions import TransportException

REAL: tuple[int, dict[str, str], bytes] = (200, {}, b'{"registryId": "111111111111"}')
MOCKED = {"registryId": "222222222222"}
AWS = "https://api.ecr.eu-west-1.amazonaws.com"

Mock = Callable[[str], AbstractContextManager[Any]]


@contextmanager
def by_responses(url: str) -> Iterator[None]:
    with responses.RequestsMock() as mock:
        mock.post(url, json=MOCKED)
        yield


@contextmanager
def by_requests_mock(url: str) -> Iterator[None]:
    with requests_mock.Mocker() as mock:
        mock.post(url, json=MOCKED)
        yield


@pytest.fixture(params=[by_responses, by_requests_mock], ids=["responses", "requests-mock"])
def mocked(request: pytest.FixtureRequest) -> Mock:
    """Return a context manager in which calls to a URL get a mocked response."""
    return request.param  # type: ignore[no-any-return]


@pytest.mark.parametrize("used", [False, True])
def test_mocks(mocked: Mock, client: ECRClient, server: Any, used: bool) -> None:
    """A mock responds to a new or used client, which reaches its server afterwards."""
    server.responses = [REAL]
    if used:
        client.describe_registry()
    with mocked(server.url):
        inside = client.describe_registry()
    sent = len(server.requests)
    outside = client.describe_registry()

    assert sent == used
    assert [inside.registry_id, outside.registry_id] == ["222222222222", "111111111111"]


def test_unknown_calls(mocked: Mock, client: ECRClient, server: Any) -> None:
    """A call without a mocked response fails, and is not sent."""
    client.describe_registry()
    with mocked(AWS):
        with pytest.raises((TransportException, requests_mock.NoMockAddress)):
            client.describe_registry()
        client.set_endpoint(AWS)
        client.describe_registry()  # or the mock would complain

    assert len(server.requests) == 1


@pytest.mark.parametrize("used", [False, True])
def test_moto_in_process(client: ECRClient, server: Any, used: bool) -> None:
    """``mock_aws`` responds to a new or used client, which reaches its server afterwards."""
    if used:
        client.describe_registry()
    with mock_aws():
        client.set_endpoint(AWS)
        client.create_repository(repository_name="team/app")
        (found,) = client.describe_repositories().repositories
        client.set_endpoint(server.url)
    sent = len(server.requests)
    client.describe_registry()

    assert found.repository_name == "team/app"
    assert [sent, len(server.requests)] == [used, used + 1]
