"""What a server does that cannot write."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import sqlite3
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import RetryPolicy
from ecr_client.exceptions import ServerException
from ecr_client.local.resource_exhaustion import exhaustion_of
from ecr_client.local.store import Blobs
from ecr_client.models import ImageIdentifier
from ecr_client.oci import Digest

pytestmark = pytest.mark.slow

MIB = 1024 * 1024
NO_SPACE = "no space left on the device"
TOO_LARGE = "the file would be larger than this machine allows"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of another process")
def test_a_part_that_cannot_be_written(start: Callable[..., Any], tmp_path: Path) -> None:
    """A part that does not fit is a failure that leaves the upload as it was, and usable."""
    import resource

    command = start("--data", str(tmp_path))
    limit = 8 * MIB
    resource.prlimit(command.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    first, last = bytes(5 * MIB), b"x" * 100
    with command.client() as client:
        client.create_repository(repository_name="app")
        upload: Any = client.initiate_layer_upload(repository_name="app").upload_id
        common = {"repository_name": "app", "upload_id": upload}

        def part(position: int, data: bytes) -> Any:
            end = position + len(data) - 1
            return client.upload_layer_part(
                **common, part_first_byte=position, part_last_byte=end, layer_part_blob=data
            ).last_byte_received

        part(0, first)
        with pytest.raises(ServerException, match="larger than this machine allows"):
            part(len(first), bytes(5 * MIB))
        received = part(len(first), last)
        done = client.complete_layer_upload(**common, layer_digests=[Digest.of(first + last)])
    _, _, errors = command.stop(signal.SIGTERM)

    assert received == len(first) + len(last) - 1
    assert done.layer_digest == Digest.of(first + last)
    assert set(errors.splitlines()) == {f"UploadLayerPart failed: {TOO_LARGE}"}


def test_bytes_that_cannot_be_written(tmp_path: Path) -> None:
    """An append that fails leaves the bytes before it."""
    blobs = Blobs(tmp_path)
    upload = blobs.begin()
    upload.append(b"1234")
    with pytest.raises(TypeError):
        upload.append([b"lost", "no bytes"])  # type: ignore[list-item]
    assert blobs.upload_path(upload.id).read_bytes() == b"1234"
    upload.append(b"5")
    name = upload.commit()

    assert (name, blobs.read(name)) == (Digest.of(b"12345"), b"12345")


class Disk:
    """A small disk of its own, in a server's view of the machine, with a repository and an image.

    Args:
        start: Starts a server.
        folder: Where the disk is.
        login: Returns the password of a client.
    """

    def __init__(self, start: Callable[..., Any], folder: Path, login: Any) -> None:
        mount = ("unshare", "-rm", "sh", "-c")
        script = 'mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@"'
        prefix = (*mount, script, str(folder))
        if not shutil.which("unshare") or subprocess.run([*prefix, "true"], check=False).returncode:
            pytest.skip("file systems cannot be mounted: apt-get install util-linux, and be root")
        self.command = start("--data", str(folder), prefix=prefix)
        self._filler = (
            Path(f"/proc/{self.command.process.pid}/root") / folder.relative_to("/") / "x"
        )
        self.client = self.command.client(retry=RetryPolicy(max_attempts=1))
        self.client.create_repository(repository_name="app")
        self._auth = login(self.client)
        self.upload = self.send("POST", "blobs/uploads/").headers["Location"]
        self.send("PUT", self.upload, b"{}", digest=Digest.of(b"{}"))
        self.send("PUT", "manifests/v1", manifest(b"{}"))

    def send(self, method: str, path: str, data: bytes = b"", **query: str) -> requests.Response:
        """Send a request to a path of the repository."""
        path = path if path.startswith("/") else f"/v2/app/{path}"
        return requests.request(
            method,
            self.command.endpoint + path,
            params=query,
            data=data,
            auth=self._auth,
            headers={"Content-Type": MANIFEST} if "manifests" in path else {},
            timeout=60,
        )

    def part(self, upload: str, data: bytes) -> None:
        self.client.upload_layer_part(
            repository_name="app",
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(data) - 1,
            layer_part_blob=data,
        )

    def fill(self) -> None:
        """Leave no byte of the disk."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))

    def free(self) -> None:
        """Leave some space again."""
        self._filler.unlink()

    def log(self) -> list[str]:
        """End the server, and give the lines that it logged."""
        _, _, errors = self.command.stop(signal.SIGTERM)
        return str(errors).splitlines()


def manifest(config: bytes, **members: str) -> bytes:
    described = {"mediaType": "application/json", "digest": Digest.of(config), "size": len(config)}
    content = {"schemaVersion": 2, "mediaType": MANIFEST, "config": described, "layers": []}
    return json.dumps({**content, "annotations": members}).encode()


@pytest.fixture
def disk(start: Callable[..., Any], tmp_path: Path, login: Any) -> Iterator[Disk]:
    """Yield a disk that a server keeps its data on."""
    found = Disk(start, tmp_path, login)
    with found.client:
        yield found


def test_a_chunk_on_a_full_disk(disk: Disk) -> None:
    """The registry says that there is no space, logs a line, and goes on when there is some."""
    first = bytes(5 * MIB)
    upload = disk.send("POST", "blobs/uploads/").headers["Location"]
    disk.send("PATCH", upload, first)
    disk.fill()
    refused = disk.send("PATCH", upload, bytes(MIB))
    disk.free()
    progress = disk.send("GET", upload).headers["Range"]
    done = disk.send("PUT", upload, b"second", digest=Digest.of(first + b"second"))

    assert refused.status_code == 507
    assert refused.json()["errors"][0]["message"] == NO_SPACE
    assert (progress, done.status_code) == (f"0-{5 * MIB - 1}", 201)
    assert disk.log() == [f"PATCH {upload} failed: {NO_SPACE}"]


@pytest.mark.parametrize("size", [100, 2 * MIB])
def test_a_part_on_a_full_disk(disk: Disk, size: int) -> None:
    """The API says that there is no space, logs a line, and goes on when there is some."""
    upload = str(disk.client.initiate_layer_upload(repository_name="app").upload_id)
    disk.fill()
    with pytest.raises(ServerException, match=NO_SPACE):
        disk.part(upload, bytes(size))
    disk.free()
    disk.part(upload, bytes(size))

    assert disk.log() == [f"UploadLayerPart failed: {NO_SPACE}"]


def test_completing_a_layer_on_a_full_disk(disk: Disk) -> None:
    """A layer whose bytes are there can be completed once there is space for the rest."""
    upload = str(disk.client.initiate_layer_upload(repository_name="app").upload_id)
    disk.part(upload, b"layer")
    common: dict[str, Any] = {
        "repository_name": "app",
        "upload_id": upload,
        "layer_digests": [Digest.of(b"layer")],
    }
    disk.fill()
    with pytest.raises(ServerException, match=NO_SPACE):
        disk.client.complete_layer_upload(**common)
    disk.free()
    done = disk.client.complete_layer_upload(**common).layer_digest

    assert done == Digest.of(b"layer")
    assert disk.send("GET", f"blobs/{done}").content == b"layer"
    assert disk.log() == [f"CompleteLayerUpload failed: {NO_SPACE}"]


def test_a_manifest_on_a_full_disk(disk: Disk) -> None:
    """An image is not pushed as long as there is no space."""
    data = manifest(b"{}", number="2")
    disk.fill()
    refused = disk.send("PUT", "manifests/v2", data)
    with pytest.raises(ServerException, match=NO_SPACE):
        disk.client.put_image(repository_name="app", image_manifest=data.decode())
    disk.free()
    done = disk.send("PUT", "manifests/v2", data)

    assert (refused.status_code, done.status_code) == (507, 201)
    assert disk.log() == [
        f"PUT /v2/app/manifests/v2 failed: {NO_SPACE}",
        f"PutImage failed: {NO_SPACE}",
    ]


def test_an_image_is_pulled_from_a_full_disk(disk: Disk) -> None:
    """Existing images can be pulled although the pull cannot be recorded."""
    disk.fill()
    by_tag = disk.send("GET", "manifests/v1")
    ids = [ImageIdentifier(image_tag="v1")]
    by_api = disk.client.batch_get_image(repository_name="app", image_ids=ids).images
    address = disk.client.get_download_url_for_layer(
        repository_name="app", layer_digest=Digest.of(b"{}")
    ).download_url
    layer = requests.get(str(address), timeout=60)
    blob = disk.send("GET", f"blobs/{Digest.of(b'{}')}")
    (described,) = disk.client.describe_images(repository_name="app").image_details
    log = disk.log()

    assert by_tag.content == manifest(b"{}")
    assert [image.image_manifest for image in by_api] == [manifest(b"{}").decode()]
    assert layer.content == blob.content == b"{}"
    assert described.last_recorded_pull_time is None
    assert len(log) == 2
    assert all("was not recorded" in line for line in log)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (OSError(errno.ENOSPC, "x"), 507),
        (OSError(errno.EDQUOT, "x"), 507),
        (OSError(errno.EFBIG, "x"), 507),
        (OSError(errno.EMFILE, "x"), 503),
        (OSError(errno.ENFILE, "x"), 503),
        (OSError(errno.ENOENT, "x"), None),
        (sqlite3.OperationalError("database or disk is full"), 507),
        (sqlite3.OperationalError("disk I/O error"), 507),
        (sqlite3.OperationalError("unable to open database file"), 503),
        (sqlite3.OperationalError("no such table: x"), None),
        (ValueError("disk is full"), None),
    ],
)
def test_exhausted_resources(error: Exception, status: int | None) -> None:
    """Errors that say that the machine has run out of something are told from others."""
    found = exhaustion_of(error)

    assert (found and found.status) == status


def test_a_blob_does_not_change_with_its_upload(tmp_path: Path) -> None:
    """Until the database knows of a blob its upload may go on, with bytes of its own."""
    blobs = Blobs(tmp_path)
    upload = blobs.begin()
    upload.append(b"1234")
    name = upload.commit()
    upload.append(b"5")
    longer = upload.commit()
    upload.truncate(2)
    upload.append(b"x")
    shorter = upload.commit()
    upload.remove()

    assert [blobs.read(each) for each in (name, longer, shorter)] == [b"1234", b"12345", b"12x"]
    assert blobs.uploads() == set()
