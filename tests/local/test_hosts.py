"""Which names a server goes by, and which web pages may call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR
from ecr_client.local.hosts import Hosts

PATHS = [("POST", "/"), ("GET", "/v2/"), ("GET", "/_layers/x"), ("GET", "/nothing")]


def send(
    url: str, method: str = "GET", path: str = "/v2/", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send a request with exactly these headers; give status, headers and body."""
    place = urlsplit(url)
    connection = HTTPConnection(str(place.hostname), int(place.port or 0), timeout=60)
    connection.putrequest(method, path, skip_host=True)
    for name, value in headers.items():
        connection.putheader(name.replace("_", "-"), value)
    connection.endheaders()
    response = connection.getresponse()
    body = response.read().decode()
    connection.close()
    return response.status, {name.lower(): value for name, value in response.getheaders()}, body


@pytest.fixture(scope="module")
def unsigned() -> Iterator[LocalECR]:
    """Yield a server that checks no signatures."""
    with LocalECR(auth=False) as running:
        yield running


@pytest.mark.parametrize(("method", "path"), PATHS)
@pytest.mark.parametrize(
    "headers",
    [
        {"Host": "evil.example"},
        {"Host": "evil.example:5001"},
        {"Host": "127.0.0.1.evil.example"},
        {"Host": "localhost.evil.example"},
        {"Host": "192.0.2.7:5001"},
        {"Host": ""},
        {"Host": "evil.example\N{LATIN SMALL LETTER E WITH ACUTE}"},
        {"Host": "localhost", "Origin": "https://evil.example"},
        {"Host": "localhost", "Origin": "null"},
        {"Host": "localhost", "Origin": "http://["},
        {"Host": "localhost:5001", "Origin": "http://localhost:3000"},
        {"Host": "localhost", "Origin": "http://localhost.evil.example"},
        {"Host": "evil.example", "Origin": "http://evil.example", "X_Forwarded_Host": "localhost"},
    ],
)
def test_strangers_are_refused(
    unsigned: LocalECR, method: str, path: str, headers: dict[str, str]
) -> None:
    """Without signatures, what was sent to another name or by another page is refused."""
    status, _, body = send(unsigned.endpoint, method, path, **headers)

    assert status == 403
    assert "--allow-host" in body


@pytest.mark.parametrize(
    "headers",
    [
        {},
        {"Host": "localhost"},
        {"Host": "LOCALHOST:5001"},
        {"Host": "localhost.:5001"},
        {"Host": "registry.localhost"},
        {"Host": "127.0.0.1:5001"},
        {"Host": "127.1.2.3"},
        {"Host": "[::1]:5001"},
        {"Host": "localhost:5001", "Origin": "http://localhost:5001"},
    ],
)
def test_the_loopback_is_let_in(unsigned: LocalECR, headers: dict[str, str]) -> None:
    """Any name of the loopback is accepted, and so are the server's own pages."""
    status, _, _ = send(unsigned.endpoint, **headers)

    assert status == 200


ALLOWED = ["ecr.example", "2001:db8::1"]
EVIL = "https://evil.example"


@pytest.mark.parametrize(
    ("options", "headers", "status"),
    [
        ({"allow_hosts": ALLOWED}, {"Host": "ecr.example:443"}, 200),
        ({"allow_hosts": ALLOWED}, {"Host": "[2001:db8::1]:5001"}, 200),
        ({"allow_hosts": ALLOWED}, {"Host": "localhost", "Origin": "https://ecr.example"}, 200),
        ({"allow_hosts": ALLOWED}, {"Host": "ecr2.example"}, 403),
        ({"allow_hosts": ["*"]}, {"Host": "evil.example", "Origin": "null"}, 200),
        ({"host": "0.0.0.0"}, {"Host": "192.0.2.7"}, 403),
        ({"auth": True}, {"Host": "ecr.example"}, 401),
        ({"auth": True}, {"Host": "ecr.example", "Origin": EVIL}, 403),
    ],
)
def test_options(options: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """Hosts are allowed by name; with signatures any host is, but no foreign page."""
    with LocalECR(**{"auth": False, **options}) as ecr:
        assert send(ecr.endpoint, **headers)[0] == status


def test_the_called_address_is_allowed() -> None:
    """A server that listens on all addresses accepts each of them."""
    assert Hosts().refusal(request({"host": "192.0.2.7:5001"}, server="192.0.2.7")) is None


@pytest.mark.parametrize("name", ["", "ecr.example:5001", "http://ecr.example", "a b", "*.example"])
def test_malformed_names(name: str) -> None:
    """A name that cannot be one is refused before the server starts."""
    with pytest.raises(ValueError, match="host must be"):
        LocalECR(allow_hosts=[name])


@pytest.mark.slow
def test_the_command_takes_names(start: Callable[..., Any]) -> None:
    """``--allow-host`` may be given several times."""
    names = ("--allow-host", "one.example", "--allow-host", "two.example")
    command = start("--no-auth", *names)
    found = [send(command.endpoint, Host=f"{name}.example")[0] for name in ("one", "two", "three")]

    assert found == [200, 200, 403]


def test_the_forms_of_the_refusal(unsigned: LocalECR) -> None:
    """The API, the registry and downloads refuse in the form that their clients read."""
    _, _, api = send(unsigned.endpoint, "POST", "/", Host="evil.example")
    _, _, registry = send(unsigned.endpoint, "GET", "/v2/", Host="evil.example")
    _, _, download = send(unsigned.endpoint, "GET", "/_layers/x", Host="evil.example")

    assert json.loads(api)["__type"] == "AccessDeniedException"
    assert json.loads(registry)["errors"][0]["code"] == "DENIED"
    assert "<Code>AccessDenied</Code>" in download


FORWARDED = {
    "Host": "localhost",
    "X_Forwarded_Proto": "https",
    "X_Forwarded_Host": "ecr.example",
    "X_Forwarded_For": "192.0.2.7",
}


def realm(url: str) -> str:
    """Return the address that a server takes for its own."""
    return send(url, **FORWARDED)[1]["www-authenticate"].split('"')[1]


def test_untrusted_forwarded_headers() -> None:
    """Anybody can send these headers, so they are ignored by default."""
    with LocalECR() as ecr:
        found = realm(ecr.endpoint)

    assert found == "http://localhost/"


@pytest.mark.slow
def test_trusted_forwarded_headers(start: Callable[..., Any]) -> None:
    """Behind a proxy that sets them, URLs have the scheme and host of the proxy."""
    with LocalECR(trust_forwarded=True) as ecr:
        ecr.faults.add("Registry", drop=True, count=1)
        with pytest.raises(ConnectionError):
            realm(ecr.endpoint)
        found = realm(ecr.endpoint)

    assert found == "https://ecr.example/"
    assert realm(start("--trust-forwarded").endpoint) == "https://ecr.example/"


def request(headers: dict[str, str], server: str) -> Any:
    """Return a request that has come to an address of the machine."""
    from starlette.requests import Request

    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return Request({"type": "http", "headers": raw, "server": (server, 5001)})
