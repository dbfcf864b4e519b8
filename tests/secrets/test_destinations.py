"""Credentials go to the endpoint and nowhere else, and not unencrypted without a warning."""

from __future__ import annotations

import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient
from ecr_client.exceptions import AmazonECRException

GIVEN: dict[str, Any] = {"region": "eu-west-1", "credentials": Credentials("AKIDEXAMPLE", "secret")}


def warnings(caplog: pytest.LogCaptureFixture) -> list[str]:
    """Return the warnings of the package."""
    found = [each for each in caplog.records if each.name == "ecr_client"]
    return [each.getMessage() for each in found if each.levelno >= logging.WARNING]


class Elsewhere(ThreadingHTTPServer):
    """A server that counts its connections."""

    def __init__(self) -> None:
        self.connections = 0
        super().__init__(("127.0.0.1", 0), BaseHTTPRequestHandler)

    def process_request(self, request: Any, client_address: Any) -> None:
        self.connections += 1
        self.shutdown_request(request)


@pytest.fixture
def elsewhere() -> Iterator[Elsewhere]:
    """Yield another server, to which nothing may be sent."""
    with Elsewhere() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.01,))
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.mark.parametrize("status", [300, 301, 302, 303, 307, 308])
@pytest.mark.parametrize("form", ["http://localhost:{}/", "//localhost:{}/path", "/other"])
def test_redirects_are_not_followed(
    server: Any, client: ECRClient, elsewhere: Elsewhere, status: int, form: str
) -> None:
    """A redirect is an error with its status; no second request is sent, here or elsewhere."""
    location = form.format(elsewhere.server_port)
    server.responses = [(status, {"Location": location}, b"")]
    with pytest.raises(AmazonECRException) as raised:
        client.describe_registry()

    assert raised.value.status_code == status
    assert raised.value.response_metadata.http_headers["Location"] == location
    assert len(server.requests) == 1
    assert elsewhere.connections == 0


UNSAFE = [
    "http://ecr.example",
    "http://10.0.0.1:5000",
    "http://localhost.example",
    "http://[fe80::1]",
]
LOOPBACK = [
    "http://localhost:4566",
    "http://LOCALHOST",
    "http://api.localhost:80",
    "http://127.0.0.1:4566",
    "http://127.8.9.1",
    "http://[::1]:4566",
]


@pytest.mark.parametrize("way", ["argument", "variable", "protocol", "set_endpoint"])
@pytest.mark.parametrize("url", [*UNSAFE, *LOOPBACK, "https://ecr.example"])
def test_calls_in_the_clear(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch, url: str, way: str
) -> None:
    """An http endpoint on another machine logs one warning, however it is configured."""
    given = dict(GIVEN)
    if way == "argument":
        given["endpoint"] = url
    elif way == "variable":
        monkeypatch.setenv("AWS_ENDPOINT_URL", url)
    elif way == "protocol":
        scheme, _, host = url.partition("://")
        given.update(endpoint=host, config=ClientConfiguration(protocol=scheme))
    client = ECRClient(**given)
    if way == "set_endpoint":
        client.set_endpoint(url)

    expected = [f"calls to {url} are not encrypted: the endpoint does not use https"]
    assert warnings(caplog) == (expected if url in UNSAFE else [])
    assert client.endpoint.lower() == url.lower()


def test_a_region_in_the_clear(caplog: pytest.LogCaptureFixture) -> None:
    """The http endpoint of a region logs a warning, for a new client and for a new region."""
    client = ECRClient(**GIVEN, config=ClientConfiguration(protocol="http"))
    client.set_region("us-east-1")

    assert [each.split()[2] for each in warnings(caplog)] == [
        "http://api.ecr.eu-west-1.amazonaws.com",
        "http://api.ecr.us-east-1.amazonaws.com",
    ]


def test_certificates_that_are_not_verified(caplog: pytest.LogCaptureFixture) -> None:
    """Without verification of certificates, each https endpoint logs a warning."""
    client = ECRClient(
        **GIVEN, endpoint="https://ecr.example", config=ClientConfiguration(verify=False)
    )
    client.set_endpoint("https://other.example")
    client.set_endpoint("http://localhost:4566")

    assert warnings(caplog) == [
        "calls to https://ecr.example are not safe: certificates are not verified",
        "calls to https://other.example are not safe: certificates are not verified",
    ]
