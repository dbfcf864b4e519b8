"""Servers of their own: without passwords, with a clock, started again, with a large blob."""

from __future__ import annotations

import base64
import hashlib
import json
import shutil
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR
from ecr_client.local.store import Limits

MIB = 1 << 20
INDEX = "application/vnd.oci.image.index.v1+json"


class Clock:
    """A clock that is moved by hand."""

    def __init__(self) -> None:
        self.ahead = timedelta(0)

    def __call__(self) -> datetime:
        return datetime.now(timezone.utc) + self.ahead


def password(client: ECRClient) -> tuple[str, str]:
    """Return user and password of a client's token."""
    token = client.get_authorization_token().authorization_data[0].authorization_token
    user, _, secret = base64.b64decode(token or "").decode().partition(":")
    return user, secret


def repositories(ecr: LocalECR, auth: tuple[str, str] | None = None) -> Any:
    return requests.get(f"{ecr.endpoint}/v2/_catalog", auth=auth, timeout=60).json()


def test_no_password_without_auth() -> None:
    """With auth off, who has no password or a wrong one uses the server's own registry."""
    with LocalECR(auth=False) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")

        assert repositories(ecr) == {"repositories": ["team/app"]}
        assert repositories(ecr, ("AWS", "wrong")) == {"repositories": ["team/app"]}


def test_a_password_selects_the_registry_without_auth() -> None:
    """With auth off, the password of another region's token opens that region's registry."""
    with LocalECR(auth=False) as ecr, ecr.client(region="eu-west-1") as client:
        client.create_repository(repository_name="team/app")

        assert repositories(ecr, password(client)) == {"repositories": ["team/app"]}
        assert repositories(ecr) == {"repositories": []}


@pytest.mark.parametrize(
    ("protocol", "status", "code"), [("ecr", 403, "DENIED"), ("oci", 401, "UNAUTHORIZED")]
)
def test_a_password_ends_after_twelve_hours(protocol: Any, status: int, code: str) -> None:
    """The password of a token opens for twelve hours and is then refused as an expired one."""
    clock = Clock()
    with LocalECR(clock=clock, registry_protocol=protocol) as ecr:
        with ecr.client() as client:
            pair = password(client)
        statuses = []
        for ahead in (timedelta(hours=11, minutes=59), timedelta(hours=12)):
            clock.ahead = ahead
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


def test_an_upload_goes_on_after_a_restart(tmp_path: Path) -> None:
    """Chunks that were acknowledged are there when the server comes back, and so is the login."""
    with LocalECR(tmp_path) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        auth = password(client)
        started = requests.post(f"{ecr.endpoint}/v2/team/app/blobs/uploads/", auth=auth, timeout=60)
        address = started.headers["Location"]
        requests.patch(ecr.endpoint + address, data=b"first ", auth=auth, timeout=60)
    digest = f"sha256:{hashlib.sha256(b'first second').hexdigest()}"

    with LocalECR(tmp_path, registry_protocol="oci") as ecr:
        progress = requests.get(ecr.endpoint + address, auth=auth, timeout=60)
        finished = requests.put(
            ecr.endpoint + address,
            params={"digest": digest},
            data=b"second",
            headers={"Content-Range": "6-11"},
            auth=auth,
            timeout=60,
        )
        blob = requests.get(f"{ecr.endpoint}/v2/team/app/blobs/{digest}", auth=auth, timeout=60)

    assert progress.headers["Range"] == "0-5"
    assert finished.status_code == 201
    assert blob.content == b"first second"


def test_a_start_deletes_what_nothing_refers_to(tmp_path: Path) -> None:
    """The blobs of deleted repositories go at the next start, and no others."""
    with LocalECR(tmp_path, auth=False) as ecr, ecr.client() as client:
        for name in ("kept", "gone"):
            client.create_repository(repository_name=name)
            address = f"{ecr.endpoint}/v2/{name}/blobs/uploads/"
            digest = f"sha256:{hashlib.sha256(name.encode()).hexdigest()}"
            requests.post(address, params={"digest": digest}, data=name, timeout=60)
        client.delete_repository(repository_name="gone", force=True)
    with LocalECR(tmp_path, auth=False):
        blobs = [path for path in (tmp_path / "blobs").rglob("*") if path.is_file()]

    assert [path.read_text() for path in blobs] == ["kept"]


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_failures_have_the_form_of_the_protocol(kind: str, tmp_path: Path) -> None:
    """When the server fails, here because its files are gone, callers get an error of it."""
    with LocalECR(tmp_path, auth=False, registry_protocol="oci") as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="team/app")
        base = f"{ecr.endpoint}/v2/team/app"
        data = json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode()
        digest = f"sha256:{hashlib.sha256(data).hexdigest()}"
        requests.post(
            f"{base}/blobs/uploads/", params={"digest": digest}, data=data, timeout=60
        ).raise_for_status()
        requests.put(f"{base}/manifests/{digest}", data=data, timeout=60).raise_for_status()
        shutil.rmtree(tmp_path / "blobs")

        response = requests.get(f"{base}/{kind}/{digest}", timeout=60)

    assert response.status_code == 500
    assert response.json()["errors"][0]["code"] == "UNKNOWN"


def test_quotas() -> None:
    """A blob or an image above a quota is refused, and what was there before is kept."""
    limits = Limits(layer_size=10, smallest_part=8, images=1)
    with LocalECR(auth=False, limits=limits) as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="team/app")
        base = f"{ecr.endpoint}/v2/team/app"
        address = requests.post(f"{base}/blobs/uploads/", timeout=60).headers["Location"]
        manifests = [
            json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": [], **members})
            for members in ({}, {"artifactType": "application/vnd.example"})
        ]

        chunks = [
            requests.patch(ecr.endpoint + address, data=bytes(size), timeout=60) for size in (8, 3)
        ]
        progress = requests.get(ecr.endpoint + address, timeout=60)
        images = [
            requests.put(f"{base}/manifests/v1", data=manifest, timeout=60)
            for manifest in manifests
        ]

    assert [chunk.status_code for chunk in chunks] == [201, 413]
    assert chunks[1].json()["errors"][0]["code"] == "SIZE_INVALID"
    assert progress.headers["Range"] == "0-7"
    assert [image.status_code for image in images] == [201, 403]
    assert images[1].json()["errors"][0]["code"] == "DENIED"
