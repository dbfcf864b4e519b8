"""What a caller may get wrong on the wire, and calls that come too fast."""

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
def test_bodies_that_cannot_be_read(ecr: LocalECR, post: Any, body: bytes) -> None:
    """A body that is not JSON of the right kinds is a SerializationException."""
    response = post(ecr.endpoint, "DescribeRepositories", body)

    assert response.status_code == 400
    assert response.json()["__type"] == "SerializationException"
    assert response.headers["x-amzn-ErrorType"] == "SerializationException"


@pytest.mark.parametrize("operation", ["Nonsense", "describeRepositories", ""])
def test_unknown_operations(ecr: LocalECR, post: Any, operation: str) -> None:
    """An operation that the service does not have is named as such."""
    assert post(ecr.endpoint, operation).json()["__type"] == "UnknownOperationException"


def test_responses_do_not_wait(ecr: LocalECR) -> None:
    """The body of a response does not wait for the client to acknowledge the headers."""
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
def test_the_address_of_images(ecr: LocalECR, post: Any, host: str, address: str) -> None:
    """Images are pushed to where the caller reached the API, or to the service's name of it."""
    ecr.reset()
    made = post(ecr.endpoint, "CreateRepository", {"repositoryName": "app"}, Host=host).json()
    token = post(ecr.endpoint, "GetAuthorizationToken", Host=host).json()
    (data,) = token["authorizationData"]

    assert made["repository"]["repositoryUri"] == f"{address}/app"
    assert data["proxyEndpoint"].partition("://")[2] == address


def test_other_paths(ecr: LocalECR) -> None:
    """Other paths are refused."""
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
    """A member that the model does not allow is named, with its constraint."""
    error = post(ecr.endpoint, "CreateRepository", members).json()

    assert error["__type"] == "InvalidParameterException"
    assert re.search(problem, error["message"])


# --- throttling -----------------------------------------------------------------------------------

#: The error of calls that are not throttled.
WORKED = "RepositoryNotFoundException"


@pytest.fixture
def codes(post: Any) -> Any:
    """Return a function that counts the codes of some calls of PutImage, which nobody retries."""

    def codes(ecr: LocalECR, times: int, where: str = f"{ACCOUNT}/us-east-1") -> Counter[str]:
        account, region = where.split("/")
        scope = f"{account}/20261120/{region}/ecr/aws4_request"
        headers = {"Authorization": f"AWS4-HMAC-SHA256 Credential={scope}"}
        body = {"repositoryName": "missing", "imageManifest": "{}"}
        responses = [post(ecr.endpoint, "PutImage", body, **headers) for _ in range(times)]
        return Counter(response.json()["__type"] for response in responses)

    return codes


def test_calls_come_back_with_time(codes: Any, clocks: Any) -> None:
    """Ten PutImage are taken in a second, five of them in half a second, and never more at once."""
    clock, taken = clocks(), []
    with LocalECR(clock=clock, auth=False, throttle=True) as ecr:
        for seconds in (0, 0, 0.5, 60):
            clock.advance(seconds=seconds)
            taken.append(codes(ecr, 12))

    assert [each[WORKED] for each in taken] == [10, 0, 5, 10]
    assert taken[2] == {WORKED: 5, "ThrottlingException": 7}


def test_accounts_and_regions_are_counted_apart(codes: Any, clocks: Any) -> None:
    """Rates are counted for each account in each region, and not limited by default."""
    places = (f"{ACCOUNT}/us-east-1", f"{ACCOUNT}/eu-west-1", "210987654321/us-east-1")
    with LocalECR(clock=clocks(), auth=False, throttle=True) as ecr:
        assert [codes(ecr, 11, where)[WORKED] for where in places] == [10, 10, 10]
    with LocalECR(clock=clocks(), auth=False) as ecr:
        assert codes(ecr, 12) == {WORKED: 12}


def test_operations_of_the_service_are_limited() -> None:
    """The table names operations of the service only."""
    assert CALLS_PER_SECOND.keys() <= operations().keys()
