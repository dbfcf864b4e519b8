"""OCI image layouts: reading and writing folders."""

from __future__ import annotations

import errno
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import attrs
import pytest

from ecr_client.oci import Descriptor, Digest, Index, Layout, Manifest, media_types, unfinished
from ecr_client.oci.unfinished import full_disks_named, locked_folder
from ecr_client.testing import random_image


@pytest.fixture
def layout(tmp_path: Path, make_layout: Any) -> Layout:
    """Return an empty layout."""
    return make_layout(tmp_path / "layout")  # type: ignore[no-any-return]


def test_blobs(layout: Layout) -> None:
    """A blob is found under its digest, and nothing else is left in the folder."""
    descriptor = layout.write_blob("text/plain", iter([b"con", b"tent"]))

    assert descriptor == Descriptor.of(b"content", "text/plain")
    with layout.open_blob(descriptor) as file:
        assert file.read() == b"content"
    assert [each.name for each in layout.blob_folder("sha256").iterdir()] == [
        descriptor.digest.encoded
    ]


def test_truncated_blobs(layout: Layout) -> None:
    """A blob that could not be written completely leaves nothing behind."""

    def pieces() -> object:
        yield b"con"
        raise OSError("disk")

    with pytest.raises(OSError, match="disk"):
        layout.write_blob("text/plain", pieces())  # type: ignore[arg-type]

    assert list(layout.blob_folder("sha256").iterdir()) == []


def test_manifests(layout: Layout) -> None:
    """A manifest is returned with the bytes that were stored."""
    config = layout.write_blob(media_types.OCI_EMPTY, b"{}")
    manifest = Manifest(config=config)
    content = manifest.to_bytes() + b"\n"
    descriptor = layout.write_blob(manifest.media_type, content)
    layout.write_index(Index(manifests=(descriptor,)))

    assert layout.read_index().manifests == (descriptor,)
    assert layout.read_manifest(descriptor) == (content, manifest)


def test_creating_again(layout: Layout) -> None:
    """Creating an existing layout changes nothing; a folder with other files is refused."""
    layout.write_index(Index(manifests=(layout.write_blob(media_types.OCI_MANIFEST, b"{}"),)))
    layout.create()

    assert len(layout.read_index().manifests) == 1
    with pytest.raises(ValueError, match="neither empty nor an OCI image layout"):
        Layout(layout.path / "blobs").create()


@pytest.mark.parametrize(
    ("name", "content", "problem"),
    [
        ("oci-layout", None, "not an OCI image layout"),
        ("oci-layout", "[]", "must be a JSON object"),
        ("oci-layout", '{"imageLayoutVersion": "2.0.0"}', "'1.0.0', got '2.0.0'"),
        ("oci-layout", " " * 5000, "oci-layout has more than 4096 bytes"),
        ("index.json", "{}", "index.json is not an index: schemaVersion must be 2"),
        ("index.json", '{"schemaVersion": 2, "manifests": 1}', "must be a list"),
        (
            "index.json",
            json.dumps({"schemaVersion": 2, "mediaType": media_types.OCI_MANIFEST}),
            "declared as",
        ),
    ],
)
def test_invalid_layouts(layout: Layout, name: str, content: str | None, problem: str) -> None:
    """An invalid layout is a ValueError that names the file."""
    (layout.path / name).unlink()
    if content is not None:
        (layout.path / name).write_text(content)

    with pytest.raises(ValueError, match=problem):
        layout.read_index()


def test_corrupt_blobs(layout: Layout) -> None:
    """A blob that is missing, corrupt or of another size is detected before it is used."""
    good = layout.write_blob(media_types.OCI_MANIFEST, b"{}")
    missing = attrs.evolve(good, digest=Digest.of(b"missing"))
    with pytest.raises(ValueError, match="has no blob"):
        layout.read_manifest(missing)
    with pytest.raises(ValueError, match="has 2 bytes instead of 3"):
        layout.read_manifest(attrs.evolve(good, size=3))
    with pytest.raises(ValueError, match="must have at most 16,777,216 bytes"):
        layout.read_manifest(attrs.evolve(good, size=2**40))
    with pytest.raises(ValueError, match="is malformed"):
        layout.read_manifest(good)
    layout.blob_path(good.digest).write_bytes(b"[]")
    with pytest.raises(ValueError, match="is corrupt"):
        layout.read_manifest(good)


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_blobs_that_are_not_files(layout: Layout, make: Callable[[Path], None]) -> None:
    """Anything but a regular file is refused as a blob, and reading a pipe does not block."""
    blob = layout.write_blob("text/plain", b"content")
    layout.blob_path(blob.digest).unlink()
    make(layout.blob_path(blob.digest))

    with pytest.raises(ValueError, match="is not a file"):
        layout.open_blob(blob)


@pytest.mark.slow
def test_skopeo(tmp_path: Path, tool: Any) -> None:
    """Skopeo reads the layouts that this package writes, and vice versa."""
    image = random_image(tmp_path / "ours", layers=2)
    tool("skopeo", "copy", f"oci:{image.path}", f"oci:{tmp_path / 'theirs'}:v1")
    theirs = Layout(tmp_path / "theirs")
    (found,) = theirs.read_index().manifests

    assert found.digest == image.digest
    assert found.annotations == {"org.opencontainers.image.ref.name": "v1"}
    assert theirs.read_manifest(found) == Layout(image.path).read_manifest(image.root)


@pytest.mark.parametrize("left", [["blobs"], ["blobs/sha256"], ["blobs/sha256", ".incomplete-1"]])
def test_interrupted_create(tmp_path: Path, left: list[str]) -> None:
    """What an interrupted `create` leaves becomes a layout; a folder with other files does not."""
    for name in left:
        (tmp_path / name).mkdir(parents=True)
    Layout(tmp_path).create()

    assert Layout(tmp_path).read_index() == Index()


@pytest.mark.parametrize("name", ["src", "blobs/sha256/more", "blobs-1"])
def test_other_folders(tmp_path: Path, name: str) -> None:
    """A folder with other content is refused, even if that is only a folder."""
    (tmp_path / name).mkdir(parents=True)
    with pytest.raises(ValueError, match="neither empty nor an OCI image layout"):
        Layout(tmp_path).create()


#: In a process of its own: this one has threads, and should not be forked.
FORK = """
import os, pathlib, signal, time
from ecr_client.oci.unfinished import locked_folder
with locked_folder(pathlib.Path()):
    child = os.fork()
    if not child:
        time.sleep(20)
        os._exit(0)
signal.alarm(10)
with locked_folder(pathlib.Path()):
    os.kill(child, signal.SIGKILL)
    print("locked")
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no fork")
def test_locks_and_forks(tmp_path: Path) -> None:
    """A process that is forked while a folder is locked does not keep the lock."""
    done = subprocess.run([sys.executable, "-c", FORK], cwd=tmp_path, capture_output=True)

    assert done.stdout == b"locked\n", done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_no_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Threads wait for each other where folders cannot be locked, as on NFS."""
    monkeypatch.setattr("fcntl.flock", Mock(side_effect=OSError(errno.EBADF, "as on NFS")))
    inside: list[int] = []

    def work(number: int) -> None:
        with locked_folder(tmp_path):
            inside.append(number)
            time.sleep(0.001)
            assert inside == [number]
            inside.clear()

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(work, range(32)))


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_locks_that_are_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A process that never releases a folder is not waited for without end."""
    monkeypatch.setattr(unfinished, "_LOCK_TIMEOUT", 0.05)
    with locked_folder(tmp_path), pytest.raises(TimeoutError, match=f"{tmp_path} locked"):
        Layout(tmp_path).create()


def test_full_disks(tmp_path: Path) -> None:
    """The error for a full disk names the folder."""
    with pytest.raises(OSError, match=str(tmp_path)), full_disks_named(tmp_path):
        raise OSError(errno.ENOSPC, "No space left on device")
