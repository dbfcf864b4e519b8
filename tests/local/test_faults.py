"""Fault injection as a client experiences it, and the log of requests."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from email.utils import parsedate_to_datetime
from typing import Any

import pytest

from ecr_client import ClientConfiguration, ECRClient, RetryPolicy
from ecr_client import exceptions as errors
from ecr_client.local import LocalECR


@pytest.fixture(scope="module")
def _running() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture
def ecr(_running: LocalECR) -> LocalECR:
    _running.reset()
    return _running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    once = ClientConfiguration(retry=RetryPolicy(max_attempts=1))
    with ecr.client(config=once) as made:
        yield made


def test_an_error_has_a_count(ecr: LocalECR, client: ECRClient) -> None:
    """An error affects as many requests of its operation as its count says, and no others."""
    ecr.faults.add("DescribeRepositories", count=2, error="ThrottlingException")
    client.create_repository(repository_name="app")

    for _ in range(2):
        with pytest.raises(errors.ThrottlingException):
            client.describe_repositories()
    assert len(client.describe_repositories().repositories) == 1
    assert ecr.faults.pending() == ()


def test_an_error_has_members(ecr: LocalECR, client: ECRClient, uploads: Any) -> None:
    """The exception has the members of an injected error."""
    code, members = "InvalidLayerPartException", {"lastValidByteReceived": 7}
    ecr.faults.add("UploadLayerPart", error=code, members=members)

    with pytest.raises(errors.InvalidLayerPartException) as raised:
        uploads(client, upload_id="6b7d4cc0-0000-0000-0000-000000000000").part(b"x")
    assert raised.value.last_valid_byte_received == 7


def test_a_bare_status(ecr: LocalECR, client: ECRClient) -> None:
    """A bare status has a response like that of a proxy."""
    ecr.faults.add(status=503, headers={"Retry-After": "1"})

    with pytest.raises(errors.AmazonECRException) as raised:
        client.describe_repositories()
    assert (raised.value.error_code, raised.value.status_code) == ("503", 503)
    assert raised.value.response_metadata.http_headers["Retry-After"] == "1"


@pytest.mark.parametrize("damage", ["cut", "short", "overlong", "garbage"])
def test_a_damaged_body(ecr: LocalECR, client: ECRClient, damage: Any) -> None:
    """A damaged response is an error of the client, and the next call succeeds."""
    ecr.faults.add("GetAuthorizationToken", body=damage)

    with pytest.raises((errors.ResponseParseException, errors.TransportException)):
        client.get_authorization_token()
    # After an overlong body, the client cannot know yet that the server closes the connection, so
    # the request may meet a reset, which costs a retry at once.
    again = client.with_options(retry=RetryPolicy(base_delay=0))
    assert len(again.get_authorization_token().authorization_data) == 1


def test_the_clock_is_skewed(ecr: LocalECR, client: ECRClient) -> None:
    """A skewed clock shows in the Date header, and makes the server refuse the signature."""
    before = client.describe_repositories().response_metadata
    ecr.faults.add(clock_skew=timedelta(hours=1))

    with pytest.raises(errors.AmazonECRException) as raised:
        client.describe_repositories()
    dates = [
        parsedate_to_datetime(metadata.http_headers["Date"])
        for metadata in (before, raised.value.response_metadata)
    ]
    assert timedelta(minutes=59) < dates[1] - dates[0] < timedelta(minutes=61)


def test_a_server_error(ecr: LocalECR, client: ECRClient) -> None:
    """A server error has status 500; here it is injected after the work was done."""
    ecr.faults.add(error="ServerException", when="after")

    with pytest.raises(errors.ServerException) as raised:
        client.create_repository(repository_name="app")
    assert raised.value.status_code == 500
    assert len(client.describe_repositories().repositories) == 1


@pytest.mark.parametrize(
    "arguments",
    [
        *({}, {"latency": -1.0}, {"body": "nonsense"}, {"message": "without an error"}),
        *({"operation": "Nonsense", "error": "X"}, {"error": errors.ThrottlingException}),
        *({"error": "X", "drop": True}, {"status": 500, "body": "cut"}),
        *({"error": "X", "count": 0}, {"error": "X", "count": "2"}, {"error": "X", "when": "no"}),
        *({"status": "503"}, {"status": 9999}),
    ],
    ids=repr,
)
def test_invalid_faults(ecr: LocalECR, arguments: Any) -> None:
    """A fault that contradicts itself, or has no effect, is refused when it is added."""
    with pytest.raises(ValueError, match=r"."):
        ecr.faults.add(**arguments)
    assert ecr.faults.pending() == ()


def test_requests_are_recorded(ecr: LocalECR, client: ECRClient) -> None:
    """Each request is logged with its operation, members and status."""
    client.create_repository(repository_name="app")
    with pytest.raises(errors.RepositoryAlreadyExistsException):
        client.create_repository(repository_name="app")

    assert ecr.requests.operations() == ["CreateRepository"] * 2
    assert [request.status for request in ecr.requests] == [200, 400]
    assert ecr.requests[0].members["repositoryName"] == "app"
    ecr.reset()
    assert len(ecr.requests) == 0
