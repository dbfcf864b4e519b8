"""Servers with their own settings: authentication, clocks, restarts, quotas and faults."""

from __future__ import annotations

import asyncio
import json
import shutil
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests
from starlette.responses import Response

from ecr_client import ECRClient
from ecr_client.exceptions import ServerException
from ecr_client.local import LocalECR
from ecr_client.local.connections import Connections
from ecr_client.local.fault_middleware import FaultMiddleware
from ecr_client.local.faults import Faults
from ecr_client.local.operations import HANDLERS
from ecr_client.local.request_bodies import RequestBodies
from ecr_client.local.request_log import RequestLog
from ecr_client.local.store import Limits

DATA = b"0123456789" * 1000
#: An empty index.
EMPTY: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}


def test_no_password_without_auth(login: Any) -> None:
    """With ``auth=False``, a valid password selects its registry; any other, the server's own."""
    with LocalECR(auth=False) as ecr, ecr.client() as own, ecr.client(region="eu-west-1") as other:
        own.create_repository(repository_name="team/app")
        found = [
            requests.get(f"{ecr.endpoint}/v2/_catalog", auth=auth, timeout=60).json()
            for auth in (None, ("AWS", "wrong"), login(own), login(other))
        ]

    assert [each["repositories"] for each in found] == [["team/app"]] * 3 + [[]]


@pytest.mark.parametrize(
    ("protocol", "status", "code"), [("ecr", 403, "DENIED"), ("oci", 401, "UNAUTHORIZED")]
)
def test_passwords_expire(protocol: Any, status: int, code: str, clocks: Any, login: Any) -> None:
    """A password is valid for twelve hours, and is then refused as expired."""
    clock, statuses = clocks(datetime.now(timezone.utc)), []
    with LocalECR(clock=clock, registry_protocol=protocol) as ecr:
        with ecr.client() as client:
            pair = login(client)
        for minutes in (719, 1):
            clock.advance(minutes=minutes)
            response = requests.get(f"{ecr.endpoint}/v2/", auth=pair, timeout=60)
            statuses.append(response.status_code)
    (error,) = response.json()["errors"]

    assert statuses == [200, status]
    assert error["code"] == code
    assert error["message"] == (
        "Your authorization token has expired. Reauthenticate and try again."
    )
    # Like ECR, without a challenge, which is why clients that wait for one never log in again.
    assert ("WWW-Authenticate" in response.headers) == (protocol == "oci")


def test_restart(tmp_path: Path, registries: Any) -> None:
    """Acknowledged chunks and passwords survive a restart."""
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        before = registries(client)
        address = before.start("team/app")
        before.send("PATCH", address, data=b"first ")
    query, length = {"digest": before.digest(b"first second")}, {"Content-Range": "6-11"}

    with LocalECR(tmp_path, registry_protocol="oci") as ecr, ecr.client() as client:
        after = registries(client)
        after.session.auth = before.session.auth
        progress = after.send("GET", address)
        finished = after.send("PUT", address, params=query, data=b"second", headers=length)
        blob = after.send("GET", finished.headers["Location"])

    assert progress.headers["Range"] == "0-5"
    assert finished.status_code == 201
    assert blob.content == b"first second"


def test_cleanup(tmp_path: Path, clocks: Any, pushers: Any) -> None:
    """A start deletes the blobs of deleted repositories, and uploads older than a week."""
    clock, uploads = clocks(), []
    with LocalECR(tmp_path, auth=False, clock=clock) as ecr, ecr.client() as client:
        for name in ("kept", "gone"):
            client.create_repository(repository_name=name)
            pushers(client).layer(name, name.encode())
        client.delete_repository(repository_name="gone", force=True)
        for _ in range(2):
            uploads.append(client.initiate_layer_upload(repository_name="kept").upload_id)
            clock.advance(days=3, seconds=1)
    clock.advance(days=1)
    with LocalECR(tmp_path, auth=False, clock=clock):
        blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]
        found = [path.name for path in (tmp_path / "uploads").iterdir()]

    assert [path.read_text() for path in blobs] == ["kept"]
    assert found == uploads[1:]


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_internal_errors(kind: str, tmp_path: Path, registries: Any) -> None:
    """A failure of the server, here because its files are gone, is an error of the protocol."""
    with LocalECR(tmp_path, registry_protocol="oci") as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        registry = registries(client)
        digest = registry.index("team/app", "v1").digest
        registry.blob("team/app", json.dumps(EMPTY).encode())
        shutil.rmtree(tmp_path / "blobs")

        response = registry.send("GET", f"team/app/{kind}/{digest}")
        assert registry.code(response) == (500, "UNKNOWN")


def test_quotas(registries: Any) -> None:
    """A blob or an image above a quota is refused, and what was stored before remains."""
    limits = Limits(layer_size=10, smallest_part=8, images=1)
    with LocalECR(limits=limits) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        registry = registries(client)
        address = registry.start("team/app")
        chunks = [registry.send("PATCH", address, data=bytes(size)) for size in (8, 3)]
        progress = registry.send("GET", address)
        documents = (EMPTY, {**EMPTY, "artifactType": "application/vnd.example"})
        images = [
            registry.put("team/app", "v1", json.dumps(each).encode(), None) for each in documents
        ]

    assert (chunks[0].status_code, images[0].status_code) == (201, 201)
    assert registry.code(chunks[1]) == (413, "SIZE_INVALID")
    assert progress.headers["Range"] == "0-7"
    assert registry.code(images[1]) == (403, "DENIED")


def test_cancelled_requests(tmp_path: Path) -> None:
    """A cancelled request ends only after its work, which is never interrupted, has finished."""
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(timeout=60)
        ended.set()

    async def give_up(executor: ThreadPoolExecutor) -> bool:
        task = asyncio.ensure_future(RequestBodies(executor, tmp_path).run(work))
        await asyncio.get_running_loop().run_in_executor(None, began.wait)
        task.cancel()
        _, waiting = await asyncio.wait({task}, timeout=0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return bool(waiting)

    with ThreadPoolExecutor(1) as executor:
        waited = asyncio.run(give_up(executor))

        assert waited
        assert ended.is_set()


# --- faults ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("damage", ["cut", "overlong", "short", "garbage"])
def test_a_damaged_download(ecr: LocalECR, api: ECRClient, registry: Any, damage: Any) -> None:
    """A download may be truncated, or have other bytes than the layer; the next one is complete."""
    (layer,) = registry.image("team/app", "v1", DATA).layers
    found = api.get_download_url_for_layer(repository_name="team/app", layer_digest=layer)
    ecr.faults.add("DownloadLayer", body=damage)
    try:
        received = registry.send("GET", found.download_url).content
    except requests.RequestException:
        received = None
    # Not on the same connection, where the rest of an overlong response would come first.
    again = requests.get(str(found.download_url), timeout=60).content

    assert (received is None) == (damage == "cut")
    assert received != DATA
    assert again == DATA


def test_registry_errors(ecr: LocalECR, registry: Any) -> None:
    """An error injected into the registry protocol has the protocol's form."""
    ecr.faults.add("Registry", error="TOOMANYREQUESTS", status=429, headers={"Retry-After": "2"})
    response = registry.send("GET", "team/app/tags/list")

    assert (response.status_code, response.headers["Retry-After"]) == (429, "2")
    assert [error["code"] for error in response.json()["errors"]] == ["TOOMANYREQUESTS"]
    assert registry.send("GET", "team/app/tags/list").status_code == 200


@pytest.mark.parametrize(("when", "status"), [("before", 404), ("after", 200)])
def test_dropped_requests(ecr: LocalECR, registry: Any, when: Any, status: int) -> None:
    """A dropped request takes effect, or does not, as the fault specifies."""
    name = registry.digest(DATA)
    ecr.faults.add("Registry", drop=True, when=when)

    with pytest.raises(requests.ConnectionError):
        registry.send("POST", "team/app/blobs/uploads/", params={"digest": name}, data=DATA)
    assert registry.send("HEAD", f"team/app/blobs/{name}").status_code == status


def test_latency_comes_first() -> None:
    """A fault with latency waits for that time before the work is done."""
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

    injection = FaultMiddleware(
        application,
        faults=faults,
        requests=RequestLog(),
        connections=Connections(),
        clock=lambda: datetime(2026, 11, 20, tzinfo=timezone.utc),
        sleep=sleep,
    )
    scope = {"type": "http", "method": "GET", "path": "/", "query_string": b"", "headers": []}
    asyncio.run(injection(scope, receive, send))

    assert events == [2.5, "work", None, b"done"]


def test_unexpected_errors(
    api: ECRClient, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """An unexpected error is a ServerException, and its traceback is logged."""

    def broken(*_: object) -> dict[str, Any]:
        raise RuntimeError("a mistake")

    monkeypatch.setitem(HANDLERS, "DescribeRegistry", broken)

    with pytest.raises(ServerException, match="failed in DescribeRegistry; its log"):
        api.describe_registry()
    assert "RuntimeError: a mistake" in caplog.text
