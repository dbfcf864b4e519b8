"""The host names that a server accepts, and the web pages that may call it."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from typing import Any
from urllib.parse import urlsplit

import pytest
from starlette.requests import Request

from ecr_client.local import LocalECR
from ecr_client.local.hosts import Hosts

EVIL = "evil.example"


def send(
    url: str, method: str = "GET", path: str = "/v2/", **headers: str
) -> tuple[int, dict[str, str], str]:
    """Send a request with exactly these headers; return the status, the headers and the body."""
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


@pytest.mark.parametrize(
    "headers",
    [
        *(
            {"Host": host}
            for host in (
                *(EVIL, f"{EVIL}:5001", f"127.0.0.1.{EVIL}", f"localhost.{EVIL}"),
                *("evillocalhost", "192.0.2.7:5001", "", f"{EVIL}\u00e9"),
            )
        ),
        *(
            {"Host": "localhost", "Origin": origin}
            for origin in (f"https://{EVIL}", "null", "http://[", f"http://localhost.{EVIL}")
        ),
        {"Host": "localhost:5001", "Origin": "http://localhost:3000"},
        {"Host": EVIL, "Origin": f"http://{EVIL}", "X_Forwarded_Host": "localhost"},
        # Forwarded headers are ignored by default.
        {"Host": "localhost", "Origin": f"http://{EVIL}", "X_Forwarded_Host": EVIL},
    ],
)
def test_foreign_hosts_and_pages(unsigned: LocalECR, headers: dict[str, str]) -> None:
    """Without signatures, requests for another host or from another page are refused."""
    for method, path in (("POST", "/"), ("GET", "/v2/"), ("GET", "/_layers/x"), ("GET", "/other")):
        status, _, body = send(unsigned.endpoint, method, path, **headers)

        assert status == 403
        assert "--allow-host" in body


def test_refusals(unsigned: LocalECR) -> None:
    """The API, the registry and downloads refuse in the form that their clients can read."""
    api, registry, download = (
        send(unsigned.endpoint, method, path, Host=EVIL)[2]
        for method, path in (("POST", "/"), ("GET", "/v2/"), ("GET", "/_layers/x"))
    )

    assert json.loads(api)["__type"] == "AccessDeniedException"
    assert json.loads(registry)["errors"][0]["code"] == "DENIED"
    assert "<Code>AccessDenied</Code>" in download


@pytest.mark.parametrize(
    "headers",
    [
        {},
        *(
            {"Host": host}
            for host in (
                *("localhost", "LOCALHOST:5001", "localhost.:5001", "registry.localhost"),
                *("127.0.0.1:5001", "127.1.2.3", "[::1]:5001"),
            )
        ),
        {"Host": "localhost:5001", "Origin": "http://localhost:5001"},
    ],
)
def test_loopback(unsigned: LocalECR, headers: dict[str, str]) -> None:
    """Any name of the loopback is accepted, and so are the server's own pages."""
    assert send(unsigned.endpoint, **headers)[0] == 200


ALLOWED = {"allow_hosts": ["ecr.example", "2001:db8::1"]}


@pytest.mark.parametrize(
    ("options", "headers", "status"),
    [
        (ALLOWED, {"Host": "ecr.example:443"}, 200),
        (ALLOWED, {"Host": "[2001:db8::1]:5001"}, 200),
        (ALLOWED, {"Host": "localhost", "Origin": "https://ecr.example"}, 200),
        (ALLOWED, {"Host": "ecr2.example"}, 403),
        ({"allow_hosts": ["*"]}, {"Host": EVIL, "Origin": "null"}, 200),
        ({"host": "0.0.0.0"}, {"Host": "192.0.2.7"}, 403),
        ({"auth": True}, {"Host": "ecr.example"}, 401),
        ({"auth": True}, {"Host": "ecr.example", "Origin": f"https://{EVIL}"}, 403),
    ],
)
def test_options(options: dict[str, Any], headers: dict[str, str], status: int) -> None:
    """Hosts are allowed by name; with signatures any host is, but no foreign page."""
    with LocalECR(**{"auth": False, **options}) as ecr:
        assert send(ecr.endpoint, **headers)[0] == status


def test_listening_on_all_addresses() -> None:
    """A server that listens on all addresses accepts each of them."""
    headers = [(b"host", b"192.0.2.7:5001")]
    request = Request({"type": "http", "headers": headers, "server": ("192.0.2.7", 5001)})

    assert Hosts().refusal(request) is None


@pytest.mark.parametrize("name", ["", "ecr.example:5001", "http://ecr.example", "a b", "*.example"])
def test_malformed_hosts(name: str) -> None:
    """A malformed host name is refused before the server starts."""
    with pytest.raises(ValueError, match="host must be"):
        LocalECR(allow_hosts=[name])


@pytest.mark.slow
def test_the_option_of_the_command(start: Callable[..., Any]) -> None:
    """``--allow-host`` may be repeated."""
    command = start("--no-auth", "--allow-host", "one.example", "--allow-host", "two.example")
    found = [send(command.endpoint, Host=f"{name}.example")[0] for name in ("one", "two", "three")]

    assert found == [200, 200, 403]


def realm(url: str) -> str:
    """Return the server's own address as it appears in its challenge behind a proxy."""
    forwarded = {"Proto": "https", "Host": "ecr.example", "For": "192.0.2.7"}
    headers = {f"X_Forwarded_{name}": value for name, value in forwarded.items()}
    return send(url, Host="localhost", **headers)[1]["www-authenticate"].split('"')[1]


@pytest.mark.slow
def test_forwarded_headers(start: Callable[..., Any]) -> None:
    """Behind a trusted proxy, URLs have the scheme and the host that the proxy forwards."""
    with LocalECR() as ecr:
        untrusted = realm(ecr.endpoint)
    with LocalECR(trust_forwarded=True) as ecr:
        ecr.faults.add("Registry", drop=True, count=1)
        with pytest.raises(ConnectionError):
            realm(ecr.endpoint)
        trusted = realm(ecr.endpoint)

    assert untrusted == "http://localhost/"
    assert trusted == "https://ecr.example/"
    assert realm(start("--trust-forwarded").endpoint) == "https://ecr.example/"
