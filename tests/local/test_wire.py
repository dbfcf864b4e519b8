"""Malformed requests, and throttling."""

from __future__ import annotations

import re
import socket
from collections import Counter
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR
from ecr_client.local.throttling import CALLS_PER_SECOND
from ecr_client.local.validation import operations

ACCOUNT = "123456789012"


@pytest.fixture(scope="module")
def ecr() -> Iterator[LocalECR]:
    with LocalECR(auth=False, allow_hosts=["*"]) as running:
        yield running


@pytest.mark.parametrize(
    "body",
    [
        *(b"{", b"[]", b'"text"', b"\xff\xfe", b"[" * 100_000),
        *(b'{"maxResults": NaN}', b'{"a": "\\ud800"}', b'{"maxResults": "ten"}'),
        *(b'{"repositoryNames": "app"}', b'{"repositoryNames": [1]}'),
    ],
    ids=lambda body: repr(body[:25]),
)
def test_malformed_bodies(ecr: LocalECR, post: Any, body: bytes) -> None:
    """A body that is not JSON of the right types is a SerializationException."""
    response = post(ecr.endpoint, "DescribeRepositories", body)

    assert response.status_code == 400
    assert response.json()["__type"] == "SerializationException"
    assert response.headers["x-amzn-ErrorType"] == "SerializationException"


@pytest.mark.parametrize("operation", ["Nonsense", "describeRepositories", ""])
def test_unknown_operations(ecr: LocalECR, post: Any, operation: str) -> None:
    """An operation that the service does not have is refused by name."""
    assert post(ecr.endpoint, operation).json()["__type"] == "UnknownOperationException"


def test_responses_are_not_delayed(ecr: LocalECR) -> None:
    """The body of a response is sent without waiting for the client to acknowledge the headers."""
    with ecr.client() as client:
        client.describe_repositories()
        sockets = [
            each.transport.get_extra_info("socket") for each in ecr._server.server_state.connections
        ]
        delays = [each.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) for each in sockets]

    assert delays
    assert all(delays)


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("api.ecr.eu-west-1.amazonaws.com", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"),
        ("ecr.eu-west-1.amazonaws.com:443", f"{ACCOUNT}.dkr.ecr.eu-west-1.amazonaws.com"),
        ("api.ecr-fips.us-east-1.amazonaws.com", f"{ACCOUNT}.dkr.ecr-fips.us-east-1.amazonaws.com"),
        ("api.ecr.cn-north-1.amazonaws.com.cn", f"{ACCOUNT}.dkr.ecr.cn-north-1.amazonaws.com.cn"),
        ("ecr.example", "ecr.example"),
        ("api.ecr.eu-west-1.amazonaws.com.example", "api.ecr.eu-west-1.amazonaws.com.example"),
    ],
)
def test_repository_uris(ecr: LocalECR, post: Any, host: str, address: str) -> None:
    """Repository URIs have the host of the request, or the service's name for the registry."""
    ecr.reset()
    made = post(ecr.endpoint, "CreateRepository", {"repositoryName": "app"}, Host=host).json()
    token = post(ecr.endpoint, "GetAuthorizationToken", Host=host).json()
    (data,) = token["authorizationData"]

    assert made["repository"]["repositoryUri"] == f"{address}/app"
    assert data["proxyEndpoint"].partition("://")[2] == address


def test_other_paths(ecr: LocalECR) -> None:
    """Unknown paths are refused."""
    lost, forged = (
        requests.get(f"{ecr.endpoint}/{path}", timeout=30).status_code
        for path in ("nothing", "_layers/1/2/3/4?X-Amz-Signature=5")
    )

    assert (lost, forged) == (404, 403)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"repositoryName": "UPPER"}, "repositoryName.*regular expression"),
        ({}, "repositoryName.*must not be null"),
        ({"repositoryName": "app2", "imageTagMutability": "MAYBE"}, "imageTagMutability.*enum"),
        (
            {"repositoryName": "app2", "encryptionConfiguration": {}},
            "encryptionConfiguration.encryptionType.*must not be null",
        ),
    ],
)
def test_parameters_that_are_not_allowed(
    ecr: LocalECR, post: Any, members: dict[str, Any], problem: str
) -> None:
    """A member that violates the model is named, with its constraint."""
    error = post(ecr.endpoint, "CreateRepository", members).json()

    assert error["__type"] == "InvalidParameterException"
    assert re.search(problem, error["message"])


# --- throttling -----------------------------------------------------------------------------------

#: The error code of calls that are not throttled.
WORKED = "RepositoryNotFoundException"


@pytest.fixture
def codes(post: Any) -> Any:
    """Return a function that counts the error codes of PutImage calls, sent without retries."""

    def codes(ecr: LocalECR, times: int, where: str = f"{ACCOUNT}/us-east-1") -> Counter[str]:
        account, region = where.split("/")
        scope = f"{account}/20261120/{region}/ecr/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
        body = {"repositoryName": "missing", "imageManifest": "{}"}
        responses = [post(ecr.endpoint, "PutImage", body, **headers) for _ in range(times)]
        return Counter(response.json()["__type"] for response in responses)

    return codes


def test_throttling(codes: Any, clocks: Any) -> None:
    """Ten PutImage calls are accepted at once, and five more after half a second."""
    clock, taken = clocks(), []
    with LocalECR(clock=clock, auth=False, throttle=True) as ecr:
        for seconds in (0, 0, 0.5, 60):
            clock.advance(seconds=seconds)
            taken.append(codes(ecr, 12))

    assert [each[WORKED] for each in taken] == [10, 0, 5, 10]
    assert taken[2] == {WORKED: 5, "ThrottlingException": 7}


def test_rates_are_per_registry(codes: Any, clocks: Any) -> None:
    """Rates are counted for each account and region, and are not limited by default."""
    places = (f"{ACCOUNT}/us-east-1", f"{ACCOUNT}/eu-west-1", "210987654321/us-east-1")
    with LocalECR(clock=clocks(), auth=False, throttle=True) as ecr:
        assert [codes(ecr, 11, where)[WORKED] for where in places] == [10, 10, 10]
    with LocalECR(clock=clocks(), auth=False) as ecr:
        assert codes(ecr, 12) == {WORKED: 12}


def test_rates_name_operations() -> None:
    """The table of rates names only operations of the service."""
    assert CALLS_PER_SECOND.keys() <= operations().keys()
