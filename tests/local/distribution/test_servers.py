"""Servers of their own: without passwords, with a clock, started again, with a large blob."""

from __future__ import annotations

import json
import shutil
from datetime import datetime, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR
from ecr_client.local.store import Limits

#: An index that lists nothing.
EMPTY: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}


def repositories(ecr: LocalECR, auth: tuple[str, str] | None = None) -> Any:
    return requests.get(f"{ecr.endpoint}/v2/_catalog", auth=auth, timeout=60).json()


def test_no_password_without_auth() -> None:
    """With auth off, who has no password or a wrong one uses the server's own registry."""
    with LocalECR(auth=False) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")

        assert repositories(ecr) == {"repositories": ["team/app"]}
        assert repositories(ecr, ("AWS", "wrong")) == {"repositories": ["team/app"]}


def test_a_password_selects_the_registry_without_auth(login: Any) -> None:
    """With auth off, the password of another region's token opens that region's registry."""
    with LocalECR(auth=False) as ecr, ecr.client(region="eu-west-1") as client:
        client.create_repository(repository_name="team/app")

        assert repositories(ecr, login(client)) == {"repositories": ["team/app"]}
        assert repositories(ecr) == {"repositories": []}


@pytest.mark.parametrize(
    ("protocol", "status", "code"), [("ecr", 403, "DENIED"), ("oci", 401, "UNAUTHORIZED")]
)
def test_a_password_ends_after_twelve_hours(
    protocol: Any, status: int, code: str, clocks: Any, login: Any
) -> None:
    """The password of a token opens for twelve hours and is then refused as an expired one."""
    clock = clocks(datetime.now(timezone.utc))
    with LocalECR(clock=clock, registry_protocol=protocol) as ecr:
        with ecr.client() as client:
            pair = login(client)
        statuses = []
        for minutes in (719, 1):
            clock.advance(minutes=minutes)
            response = requests.get(f"{ecr.endpoint}/v2/", auth=pair, timeout=60)
            statuses.append(response.status_code)
    (error,) = response.json()["errors"]

    assert statuses == [200, status]
    assert error == {
        "code": code,
        "message": "Your authorization token has expired. Reauthenticate and try again.",
    }
    # ECR has no challenge for it, which is why clients that wait for one never log in again.
    assert ("WWW-Authenticate" in response.headers) == (protocol == "oci")


def test_an_upload_goes_on_after_a_restart(tmp_path: Path, registries: Any) -> None:
    """Chunks that were acknowledged are there when the server comes back, and so is the login."""
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        before = registries(client)
        address = before.start("team/app")
        before.send("PATCH", address, data=b"first ")
    digest, length = before.digest(b"first second"), {"Content-Range": "6-11"}

    with LocalECR(tmp_path, registry_protocol="oci") as ecr, ecr.client() as client:
        after = registries(client)
        after.session.auth = before.session.auth
        progress = after.send("GET", address)
        query = {"digest": digest}
        finished = after.send("PUT", address, params=query, data=b"second", headers=length)
        blob = after.send("GET", f"team/app/blobs/{digest}")

    assert progress.headers["Range"] == "0-5"
    assert finished.status_code == 201
    assert blob.content == b"first second"


def test_a_start_deletes_what_nothing_refers_to(tmp_path: Path, registries: Any) -> None:
    """The blobs of deleted repositories go at the next start, and no others."""
    with LocalECR(tmp_path, auth=False) as ecr, ecr.client() as client:
        for name in ("kept", "gone"):
            client.create_repository(repository_name=name)
            registries(client).blob(name, name.encode())
        client.delete_repository(repository_name="gone", force=True)
    with LocalECR(tmp_path, auth=False):
        blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]

    assert [path.read_text() for path in blobs] == ["kept"]


def test_a_start_deletes_abandoned_uploads(tmp_path: Path, clocks: Any) -> None:
    """An upload is kept for a week after it has begun."""
    clock, uploads = clocks(), []
    with LocalECR(tmp_path, auth=False, clock=clock) as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        for _ in range(2):
            uploads.append(client.initiate_layer_upload(repository_name="app").upload_id)
            clock.advance(days=3, seconds=1)
    clock.advance(days=1)
    with LocalECR(tmp_path, auth=False, clock=clock):
        found = [path.name for path in (tmp_path / "uploads").iterdir()]

    assert found == uploads[1:]


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_failures_have_the_form_of_the_protocol(kind: str, tmp_path: Path, registries: Any) -> None:
    """When the server fails, here because its files are gone, callers get an error of it."""
    with LocalECR(tmp_path, registry_protocol="oci") as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        registry = registries(client)
        digest = registry.index("team/app", "v1").digest
        registry.blob("team/app", json.dumps(EMPTY).encode())
        shutil.rmtree(tmp_path / "blobs")
        response = registry.send("GET", f"team/app/{kind}/{digest}")

    assert registry.code(response) == (500, "UNKNOWN")


def test_quotas(registries: Any) -> None:
    """A blob or an image above a quota is refused, and what was there before is kept."""
    limits = Limits(layer_size=10, smallest_part=8, images=1)
    with LocalECR(limits=limits) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        registry = registries(client)
        address = registry.start("team/app")
        chunks = [registry.send("PATCH", address, data=bytes(size)) for size in (8, 3)]
        progress = registry.send("GET", address)
        images = [
            registry.put("team/app", "v1", json.dumps({**EMPTY, **members}).encode(), None)
            for members in ({}, {"artifactType": "application/vnd.example"})
        ]

    assert (chunks[0].status_code, images[0].status_code) == (201, 201)
    assert registry.code(chunks[1]) == (413, "SIZE_INVALID")
    assert progress.headers["Range"] == "0-7"
    assert registry.code(images[1]) == (403, "DENIED")
