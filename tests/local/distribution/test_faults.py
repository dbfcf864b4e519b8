"""Faults of downloads and of the registry protocol, latency, and mistakes of the server itself."""

from __future__ import annotations

import asyncio
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


@pytest.fixture
def address(api: ECRClient, registry: Any) -> str:
    """Return the presigned address of a layer."""
    pushed = registry.image("team/app", "v1", DATA)
    found = api.get_download_url_for_layer(
        repository_name="team/app", layer_digest=pushed.layers[0]
    )
    return str(found.download_url)


@pytest.mark.parametrize("damage", ["cut", "overlong", "short", "garbage"])
def test_a_damaged_download(ecr: LocalECR, registry: Any, address: str, damage: str) -> None:
    """A download may break off, or have other bytes than the layer; the next one is whole."""
    ecr.faults.add("DownloadLayer", body=damage)  # type: ignore[arg-type]
    try:
        received = registry.send("GET", address).content
    except requests.RequestException:
        received = None
    # Not on the same connection, where the rest of an overlong response would come next.
    again = requests.get(address, timeout=60).content

    assert (received is None) == (damage == "cut")
    assert received != DATA
    assert again == DATA


def test_an_error_of_the_registry(ecr: LocalECR, registry: Any) -> None:
    """An error has the form of the registry protocol there."""
    ecr.faults.add("Registry", error="TOOMANYREQUESTS", status=429, headers={"Retry-After": "2"})
    response = registry.send("GET", "team/app/tags/list")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert [error["code"] for error in response.json()["errors"]] == ["TOOMANYREQUESTS"]
    assert registry.send("GET", "team/app/tags/list").status_code == 200


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_a_push_that_is_dropped(ecr: LocalECR, registry: Any, when: str, status: int) -> None:
    """The work of a dropped request was done, or was not, as the fault says."""
    name = registry.digest(DATA)
    ecr.faults.add("Registry", drop=True, when=when)  # type: ignore[arg-type]

    with pytest.raises(requests.ConnectionError):
        registry.send("POST", "team/app/blobs/uploads/", params={"digest": name}, data=DATA)
    assert registry.send("HEAD", f"team/app/blobs/{name}").status_code == status


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
    api: ECRClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected error is a ServerException, and the log has the traceback."""

    def broken(*_: object) -> dict[str, Any]:
        raise RuntimeError("a mistake")

    monkeypatch.setitem(HANDLERS, "DescribeRegistry", broken)

    with pytest.raises(ServerException, match="failed in DescribeRegistry; its log"):
        api.describe_registry()
    assert "RuntimeError: a mistake" in caplog.text
