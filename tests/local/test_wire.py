"""What a caller may get wrong on the wire, and batches that fail for some of their items."""

from __future__ import annotations

import json
import re
import socket
from collections.abc import Iterator
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    LayerInaccessibleException,
    LayersNotFoundException,
    RepositoryNotFoundException,
)
from ecr_client.local import LocalECR
from ecr_client.models import (
    ImageIdentifier,
    ImageTagMutabilityExclusionFilter,
)

TARGET = "AmazonEC2ContainerRegistry_V20150921"
ACCOUNT = "123456789012"
DIGEST = f"sha256:{'0' * 64}"


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    with LocalECR(auth=False, allow_hosts=["*"]) as running:
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        made.create_repository(repository_name="app")
        yield made


def send(ecr: LocalECR, operation: str, body: bytes, **headers: str) -> requests.Response:
    """Send a body as it is."""
    with requests.Session() as session:
        session.trust_env = False
        return session.post(
            f"{ecr.endpoint}/",
            data=body,
            headers={"X-Amz-Target": f"{TARGET}.{operation}", **headers},
            timeout=30,
        )


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b'"text"',
        b"\xff\xfe",
        b"[" * 100_000,
        b'{"maxResults": NaN}',
        b'{"a": "\\ud800"}',
        b'{"maxResults": "ten"}',
        b'{"repositoryNames": "app"}',
        b'{"repositoryNames": [1]}',
    ],
)
def test_bodies_that_cannot_be_read(ecr: LocalECR, body: bytes) -> None:
    """A body that is not JSON of the right kinds is a SerializationException."""
    response = send(ecr, "DescribeRepositories", body)

    assert response.status_code == 400
    assert response.json()["__type"] == "SerializationException"
    assert response.headers["x-amzn-ErrorType"] == "SerializationException"


@pytest.mark.parametrize("operation", ["Nonsense", "describeRepositories", ""])
def test_unknown_operations(ecr: LocalECR, operation: str) -> None:
    """An operation that the service does not have is named as such."""
    assert send(ecr, operation, b"{}").json()["__type"] == "UnknownOperationException"


def test_responses_do_not_wait(ecr: LocalECR, client: ECRClient) -> None:
    """The body of a response does not wait for the client to acknowledge the headers."""
    client.describe_repositories()
    connections = [each.transport for each in ecr._server.server_state.connections]
    delays = [
        connection.get_extra_info("socket").getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        for connection in connections
    ]

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
def test_the_address_of_images(ecr: LocalECR, host: str, address: str) -> None:
    """Images are pushed to where the caller reached the API, or to the service's name of it."""
    made = send(ecr, "CreateRepository", b'{"repositoryName": "app"}', Host=host).json()
    (data,) = send(ecr, "GetAuthorizationToken", b"{}", Host=host).json()["authorizationData"]

    assert made["repository"]["repositoryUri"] == f"{address}/app"
    assert data["proxyEndpoint"].partition("://")[2] == address


def test_other_paths(ecr: LocalECR) -> None:
    """Other paths are refused."""
    with requests.Session() as session:
        session.trust_env = False
        lost = session.get(f"{ecr.endpoint}/nothing", timeout=30)
        forged = session.get(f"{ecr.endpoint}/_layers/1/2/3/4?X-Amz-Signature=5", timeout=30)

    assert (lost.status_code, forged.status_code) == (404, 403)


@pytest.mark.parametrize(
    ("members", "problem"),
    [
        ({"repositoryName": "A"}, "repositoryName.*length"),
        ({"repositoryName": "UPPER"}, "repositoryName.*regular expression"),
        ({"repositoryName": "a" * 257}, "repositoryName.*length"),
        ({}, "repositoryName.*must not be null"),
        ({"repositoryName": "app2", "imageTagMutability": "MAYBE"}, "imageTagMutability.*enum"),
        (
            {"repositoryName": "app2", "encryptionConfiguration": {}},
            "encryptionConfiguration.encryptionType.*must not be null",
        ),
    ],
)
def test_parameters_that_are_not_allowed(
    ecr: LocalECR, members: dict[str, Any], problem: str
) -> None:
    """A member that the model does not allow is named, with its constraint."""
    response = send(ecr, "CreateRepository", json.dumps(members).encode())

    assert response.json()["__type"] == "InvalidParameterException"
    assert re.search(problem, response.json()["message"])


def test_failures_of_batches(client: ECRClient) -> None:
    """Each item that fails has its documented code, in the order in which it was asked for."""
    wanted = [
        ImageIdentifier(image_tag="missing"),
        ImageIdentifier(),
        ImageIdentifier(image_digest="nonsense"),
        ImageIdentifier(image_tag="-"),
    ]
    got = client.batch_get_image(repository_name="app", image_ids=wanted).failures
    deleted = client.batch_delete_image(repository_name="app", image_ids=wanted).failures
    codes = ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "InvalidImageTag"]

    assert [failure.failure_code for failure in got] == codes
    assert [failure.failure_code for failure in deleted] == codes


def test_missing_layers(client: ECRClient, pushers: Any) -> None:
    """Layers are looked up one by one, and only those of images can be downloaded."""
    found = client.batch_check_layer_availability(
        repository_name="app", layer_digests=[DIGEST, "sha256:short"]
    )

    assert [layer.layer_availability for layer in found.layers] == ["UNAVAILABLE"]
    assert [failure.failure_code for failure in found.failures] == ["InvalidLayerDigest"]
    with pytest.raises(LayersNotFoundException):
        client.get_download_url_for_layer(repository_name="app", layer_digest=DIGEST)
    digest = pushers(client).layer("app", b"x")
    with pytest.raises(LayerInaccessibleException):
        client.get_download_url_for_layer(repository_name="app", layer_digest=digest)


def test_repositories_that_are_named(client: ECRClient) -> None:
    """Named repositories come in their order, without pages, and each has to be there."""
    client.create_repository(repository_name="two")
    found = client.describe_repositories(repository_names=["two", "app"]).repositories

    assert [repository.repository_name for repository in found] == ["two", "app"]
    with pytest.raises(RepositoryNotFoundException):
        client.describe_repositories(repository_names=["app", "missing"])
    with pytest.raises(InvalidParameterException, match="maxResults"):
        client.describe_repositories(repository_names=["app"], max_results=1)


@pytest.mark.parametrize(
    ("mutability", "filters"),
    [("IMMUTABLE", 1), ("MUTABLE_WITH_EXCLUSION", 0), ("IMMUTABLE_WITH_EXCLUSION", 6)],
)
def test_exclusion_filters_that_do_not_fit(
    client: ECRClient, mutability: str, filters: int
) -> None:
    """Exclusion filters go with the kinds of mutability that have exclusions, five at most."""
    given = [
        ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter=f"v{number}*")
        for number in range(filters)
    ]
    with pytest.raises(InvalidParameterException, match="ExclusionFilters"):
        client.put_image_tag_mutability(
            repository_name="app",
            image_tag_mutability=mutability,
            image_tag_mutability_exclusion_filters=given or None,
        )


def test_exclusion_filters_that_fit(client: ECRClient) -> None:
    """The filters that were put are described."""
    given = [ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter="latest*")]
    put = client.put_image_tag_mutability(
        repository_name="app",
        image_tag_mutability="IMMUTABLE_WITH_EXCLUSION",
        image_tag_mutability_exclusion_filters=given,
    )
    (repository,) = client.describe_repositories().repositories

    assert put.image_tag_mutability_exclusion_filters == tuple(given)
    assert repository.image_tag_mutability_exclusion_filters == tuple(given)
