"""What a server does when it cannot write."""

from __future__ import annotations

import errno
import json
import shutil
import signal
import sqlite3
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
from ecr_client.oci import Digest

MIB = 1024 * 1024
NO_SPACE = "no space left on the device"
TOO_LARGE = "the file would be larger than this machine allows"
MANIFEST = "application/vnd.oci.image.manifest.v1+json"


@pytest.mark.slow
@pytest.mark.skipif(sys.platform != "linux", reason="sets resource limits of another process")
def test_a_part_that_cannot_be_written(
    start: Callable[..., Any], tmp_path: Path, uploads: Any
) -> None:
    """A part that does not fit is an error, and leaves the upload unchanged and usable."""
    import resource

    command = start("--data", str(tmp_path))
    limit = 8 * MIB
    resource.prlimit(command.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    first, last = bytes(5 * MIB), b"x" * 100
    with command.client() as client:
        client.create_repository(repository_name="app")
        upload = uploads(client)
        upload.part(first)
        with pytest.raises(ServerException, match="larger than this machine allows"):
            upload.part(first, len(first))
        received = upload.part(last, len(first))
        done = upload.complete(Digest.of(first + last))
    _, _, errors = command.stop(signal.SIGTERM)

    assert received == len(first) + len(last) - 1
    assert done == Digest.of(first + last)
    assert set(errors.splitlines()) == {f"UploadLayerPart failed: {TOO_LARGE}"}


class Disk:
    """A small disk that a server keeps its data on, with a repository and an image.

    Args:
        start: A function that starts a server.
        folder: The mount point.
        execute: A function that runs a command.
        plain: A function that makes a client that takes dicts.
        login: A function that returns the password of a client.
        manifests: A function that makes a manifest.
    """

    def __init__(
        self, start: Any, folder: Path, execute: Any, plain: Any, login: Any, manifests: Any
    ) -> None:
        script = 'mount -t tmpfs -o size=24m tmpfs "$0" && exec "$@"'
        prefix = ("unshare", "-rm", "sh", "-c", script, str(folder))
        if not shutil.which("unshare") or execute(*prefix, "true", check=False).returncode:
            pytest.skip("cannot mount file systems: be root, and apt-get install util-linux")
        self.command = start("--data", str(folder), prefix=prefix)
        root = Path(f"/proc/{self.command.process.pid}/root")
        self._filler = root / folder.relative_to("/") / "x"
        self.client = plain(self.command.client(retry=RetryPolicy(max_attempts=1)))
        self.client.create_repository()
        self._auth, self._manifests = login(self.client), manifests
        self.upload = self.send("POST", "blobs/uploads/").headers["Location"]
        self.send("PUT", self.upload, b"{}", digest=Digest.of(b"{}"))
        self.send("PUT", "manifests/v1", self.manifest("1"))

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

    def manifest(self, number: str) -> bytes:
        return json.dumps(self._manifests(b"{}", annotations={"number": number})).encode()

    def fill(self) -> None:
        """Fill the disk to the last byte."""
        with self._filler.open("wb", buffering=0) as file, suppress(OSError):
            while True:
                file.write(bytes(4_096))

    def fails(self, call: Callable[..., Any], *args: Any, **members: Any) -> Any:
        """Make a call that fails on the full disk; return its result once the disk is freed."""
        self.fill()
        with pytest.raises(ServerException, match=NO_SPACE):
            call(*args, **members)
        self._filler.unlink()
        return call(*args, **members)

    def fails_to(self, *request: Any, **query: str) -> requests.Response:
        """Send a request that fails on the full disk, and send it again once the disk is freed."""
        self.fill()
        refused = self.send(*request)
        self._filler.unlink()
        assert refused.status_code == 507
        assert refused.json()["errors"][0]["message"] == NO_SPACE
        return self.send(*request, **query)

    def log(self) -> list[str]:
        """Stop the server, and return the lines that it logged."""
        _, _, errors = self.command.stop(signal.SIGTERM)
        return str(errors).splitlines()


@pytest.fixture
def disk(
    start: Any, tmp_path: Path, execute: Any, plain: Any, login: Any, manifests: Any
) -> Iterator[Disk]:
    """Yield a disk that a server keeps its data on."""
    found = Disk(start, tmp_path, execute, plain, login, manifests)
    yield found
    found.client.shutdown()


@pytest.mark.slow
def test_writing_on_a_full_disk(disk: Disk, uploads: Any) -> None:
    """Both protocols report a full disk, log one line, and recover once there is space."""
    first = bytes(5 * MIB)
    place = disk.send("POST", "blobs/uploads/").headers["Location"]
    disk.send("PATCH", place, first)
    assert disk.fails_to("PATCH", place, bytes(MIB)).status_code == 201
    assert disk.send("GET", place).headers["Range"] == f"0-{6 * MIB - 1}"
    for size in (100, 2 * MIB):
        upload = uploads(disk.client)
        assert disk.fails(upload.part, bytes(size)) == size - 1
    done = disk.fails(upload.complete, Digest.of(bytes(size)))
    assert disk.send("GET", f"blobs/{done}").content == bytes(size)
    second, third = disk.manifest("2"), disk.manifest("3").decode()
    assert disk.fails_to("PUT", "manifests/v2", second).status_code == 201
    disk.fails(disk.client.put_image, image_manifest=third)

    assert disk.log() == [
        f"{request} failed: {NO_SPACE}"
        for request in (
            *(f"PATCH {place}", "UploadLayerPart", "UploadLayerPart", "CompleteLayerUpload"),
            *("PUT /v2/app/manifests/v2", "PutImage"),
        )
    ]


@pytest.mark.slow
def test_pulling_from_a_full_disk(disk: Disk) -> None:
    """Existing images can be pulled even if the pull cannot be recorded."""
    disk.fill()
    by_tag = disk.send("GET", "manifests/v1")
    (by_api,) = disk.client.batch_get_image(image_ids=[{"image_tag": "v1"}]).images
    found = disk.client.get_download_url_for_layer(layer_digest=Digest.of(b"{}"))
    layer = requests.get(str(found.download_url), timeout=60)
    blob = disk.send("GET", f"blobs/{Digest.of(b'{}')}")
    (described,) = disk.client.describe_images().image_details
    log = disk.log()

    assert by_tag.content == by_api.image_manifest.encode() == disk.manifest("1")
    assert layer.content == blob.content == b"{}"
    assert described.last_recorded_pull_time is None
    assert len(log) == 2
    assert all("was not recorded" in line for line in log)


@pytest.mark.parametrize(
    ("error", "status"),
    [
        *((OSError(each, "x"), 507) for each in (errno.ENOSPC, errno.EDQUOT, errno.EFBIG)),
        *((OSError(each, "x"), 503) for each in (errno.EMFILE, errno.ENFILE)),
        (OSError(errno.ENOENT, "x"), None),
        (sqlite3.OperationalError("database or disk is full"), 507),
        (sqlite3.OperationalError("disk I/O error"), 507),
        (sqlite3.OperationalError("unable to open database file"), 503),
        (sqlite3.OperationalError("no such table: x"), None),
        (ValueError("disk is full"), None),
    ],
    ids=repr,
)
def test_exhausted_resources(error: Exception, status: int | None) -> None:
    """Errors that mean that the machine has run out of something are told apart from others."""
    found = exhaustion_of(error)

    assert (found and found.status) == status


def test_blobs(tmp_path: Path) -> None:
    """A failed append leaves the earlier bytes, and a blob does not change with its upload."""
    blobs = Blobs(tmp_path)
    upload = blobs.begin()
    upload.append(b"1234")
    with pytest.raises(TypeError):
        upload.append([b"lost", "no bytes"])  # type: ignore[list-item]
    assert blobs.upload_path(upload.id).read_bytes() == b"1234"
    names = [upload.commit()]
    upload.append(b"5")
    names.append(upload.commit())
    upload.truncate(2)
    upload.append(b"x")
    names.append(upload.commit())
    upload.remove()

    assert names[1] == Digest.of(b"12345")
    assert [blobs.read(each) for each in names] == [b"1234", b"12345", b"12x"]
    assert blobs.uploads() == set()
