"""Faults of downloads and of the registry protocol, latency, and mistakes of the server itself."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import json
from collections.abc import Callable, Iterator
from datetime import datetime, timezone
from typing import Any

import pytest
import requests
from starlette.responses import Response

from ecr_client import ECRClient
from ecr_client.exceptions import ServerException
from ecr_client.local import LocalECR
from ecr_client.local.connections import Connections
from ecr_client.local.fault_injection import FaultInjection
from ecr_client.local.faults import Faults
from ecr_client.local.operations import HANDLERS
from ecr_client.local.request_log import RequestLog

DATA = b"0123456789" * 1000
MANIFEST = "application/vnd.oci.image.manifest.v1+json"

Send = Callable[..., requests.Response]


@pytest.fixture
def ecr() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture
def client(ecr: LocalECR) -> Iterator[ECRClient]:
    with ecr.client() as made:
        made.create_repository(repository_name="app")
        yield made


@pytest.fixture
def send(ecr: LocalECR, client: ECRClient) -> Iterator[Send]:
    """Yield a function that asks the registry, or any other address."""
    (data,) = client.get_authorization_token().authorization_data
    user, _, password = base64.b64decode(str(data.authorization_token)).decode().partition(":")
    with requests.Session() as session:
        session.trust_env, session.auth = False, (user, password)

        def send(method: str, path: str, **options: Any) -> requests.Response:
            address = path if path.startswith("http") else f"{ecr.endpoint}/v2/{path}"
            return session.request(method, address, timeout=60, **options)

        yield send


@pytest.fixture
def address(client: ECRClient, send: Send) -> str:
    """Return the presigned address of a layer."""
    names = []
    for data in (b"{}", DATA):
        names.append(f"sha256:{hashlib.sha256(data).hexdigest()}")
        send("POST", "app/blobs/uploads/", params={"digest": names[-1]}, data=data)
    config, layer = (
        {"mediaType": "text/plain", "digest": name, "size": size}
        for name, size in zip(names, (2, len(DATA)), strict=True)
    )
    document = {"schemaVersion": 2, "config": config, "layers": [layer]}
    send("PUT", "app/manifests/v1", data=json.dumps(document), headers={"Content-Type": MANIFEST})
    found = client.get_download_url_for_layer(repository_name="app", layer_digest=names[1])
    return str(found.download_url)


@pytest.mark.parametrize("damage", ["cut", "overlong", "short", "garbage"])
def test_a_damaged_download(ecr: LocalECR, send: Send, address: str, damage: str) -> None:
    """A download may break off, or have other bytes than the layer; the next one is whole."""
    ecr.faults.add("DownloadLayer", body=damage)  # type: ignore[arg-type]
    try:
        received = send("GET", address).content
    except requests.RequestException:
        received = None
    # Not on the same connection, where the rest of an overlong response would come next.
    again = requests.get(address, timeout=60).content

    assert (received is None) == (damage == "cut")
    assert received != DATA
    assert again == DATA


def test_a_download_that_is_dropped(ecr: LocalECR, send: Send, address: str) -> None:
    """A download may end before it begins."""
    ecr.faults.add("DownloadLayer", drop=True)

    with pytest.raises(requests.ConnectionError):
        send("GET", address)
    assert send("GET", address).content == DATA


def test_an_error_of_the_registry(ecr: LocalECR, send: Send) -> None:
    """An error has the form of the registry protocol there."""
    ecr.faults.add("Registry", error="TOOMANYREQUESTS", status=429, headers={"Retry-After": "2"})
    response = send("GET", "app/tags/list")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert [error["code"] for error in response.json()["errors"]] == ["TOOMANYREQUESTS"]
    assert send("GET", "app/tags/list").status_code == 200


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_a_push_that_is_dropped(ecr: LocalECR, send: Send, when: str, status: int) -> None:
    """The work of a dropped request was done, or was not, as the fault says."""
    name = f"sha256:{hashlib.sha256(DATA).hexdigest()}"
    ecr.faults.add("Registry", drop=True, when=when)  # type: ignore[arg-type]

    with pytest.raises(requests.ConnectionError):
        send("POST", "app/blobs/uploads/", params={"digest": name}, data=DATA)
    assert send("HEAD", f"app/blobs/{name}").status_code == status


def test_latency_comes_first() -> None:
    """A fault with latency waits for so many seconds before the work is done."""
    events: list[object] = []
    faults = Faults(lambda: ["PutImage"])
    faults.add(latency=2.5)

    async def application(scope: Any, receive: Any, send: Any) -> None:
        events.append("work")
        await Response("done")(scope, receive, send)

    async def sleep(seconds: float) -> None:
        events.append(seconds)

    async def receive() -> Any:
        return {"type": "http.request"}

    async def send(message: Any) -> None:
        events.append(message.get("body"))

    interference = FaultInjection(
        application,
        faults=faults,
        requests=RequestLog(),
        connections=Connections(),
        clock=lambda: datetime(2026, 11, 20, tzinfo=timezone.utc),
        sleep=sleep,
    )
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(interference(scope, receive, send))

    assert events == [2.5, "work", None, b"done"]


def test_unexpected_errors(
    client: ECRClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected error is a ServerException, and the log has the traceback."""

    def broken(*_: object) -> dict[str, Any]:
        raise RuntimeError("a mistake")

    monkeypatch.setitem(HANDLERS, "DescribeRegistry", broken)

    with pytest.raises(ServerException, match="failed in DescribeRegistry; its log"):
        client.describe_registry()
    assert "RuntimeError: a mistake" in caplog.text
