"""Bytes by their digest, one file each, and uploads on their way to become one."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecr_client.local.store.folder import FILE_MODE, FOLDER_MODE

if TYPE_CHECKING:
    from collections.abc import Iterable

#: What the store names things by; other algorithms are valid digests but never found.
DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_CHUNK = 1 << 20


def digest_of(data: bytes) -> str:
    """Give the digest that names some bytes."""
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


class UploadChangedError(Exception):
    """Another request has added to an upload, or ended it, while bytes for it arrived."""


class Upload:
    """A file that grows until it is committed or aborted; got from `Blobs.begin` or `Blobs.resume`.

    Callers that may work on one upload from several threads hold `lock` meanwhile, and never while
    they wait for bytes: those go into a `Stream`.
    """

    def __init__(self, blobs: Blobs, upload_id: str, size: int = 0) -> None:
        self.id = upload_id
        self.size = size
        self.lock = threading.Lock()
        self._blobs = blobs
        self._path = blobs.upload_path(upload_id)
        # None until it is asked for: a large file is not read while others wait for the lock.
        self._hash = None if size else hashlib.sha256()
        self._stream: Stream | None = None

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes at the end; after an error the upload is what it was before."""
        known = self._known_hash()
        self._stream = None
        self.write(self.size, data)
        self.size += len(data)
        known.update(data)

    def write(self, position: int, data: bytes | bytearray | memoryview) -> None:
        """Write bytes that do not count yet, and drop what is behind them."""
        if self._path.stat().st_nlink > 1:
            _cut(self._path, position)
        try:
            with self._path.open("r+b") as file:
                file.seek(position)
                file.write(data)
                file.truncate()
        except BaseException:
            _cut(self._path, position)
            raise

    def stream(self) -> Stream:
        """Return a new stream that begins at the end; it takes the place of an earlier one."""
        self._stream = Stream(self, self._known_hash().copy())
        return self._stream

    def check_current(self, stream: Stream) -> None:
        """Raise UploadChangedError if something has happened to the upload since a stream began."""
        if self._stream is not stream:
            raise UploadChangedError(self.id)

    def keep(self, stream: Stream) -> None:
        """Let the bytes of a stream count."""
        self.check_current(stream)
        self._stream = None
        self.size, self._hash = stream.size, stream.hash

    def drop(self, stream: Stream) -> None:
        """Remove the bytes of a stream unless it has lost its place already."""
        if self._stream is stream:
            self._stream = None
            _cut(self._path, self.size)

    def truncate(self, size: int) -> None:
        """Drop all bytes after the first `size` ones."""
        if size != self.size:
            _cut(self._path, size)
            self.size, self._hash, self._stream = size, None, None

    def digest(self) -> str:
        """Give the digest of all bytes so far."""
        return f"sha256:{self._known_hash().hexdigest()}"

    def commit(self) -> str:
        """Make the bytes a blob and give its digest; `end` follows once that is written down."""
        digest = self.digest()
        if self._stream is not None:
            self._stream = None
            _cut(self._path, self.size)
        self._blobs.adopt(self._path, digest)
        return digest

    def end(self) -> None:
        """Remove the file; the upload is over. A second call does nothing."""
        self._stream = None
        self._path.unlink(missing_ok=True)
        self._blobs.forget(self.id)

    def _known_hash(self) -> hashlib._Hash:
        if self._hash is None:
            self._hash = hashlib.sha256()
            left = self.size
            with self._path.open("rb") as file:
                while left and (chunk := file.read(min(_CHUNK, left))):
                    left -= len(chunk)
                    self._hash.update(chunk)
        return self._hash


class Stream:
    """Bytes that arrive for an upload and do not count before all of them are there.

    Nothing waits for them: whoever does something else with the upload meanwhile finds it as it was
    before, and the stream has lost its place. Got from `Upload.stream`.
    """

    def __init__(self, upload: Upload, known: hashlib._Hash) -> None:
        self.upload = upload
        #: The size that the upload will have.
        self.size = upload.size
        self.hash = known

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes.

        Raises:
            UploadChangedError: The stream has lost its place.
        """
        with self.upload.lock:
            self.upload.check_current(self)
            self.upload.write(self.size, data)
            self.size += len(data)
        self.hash.update(data)

    def digest(self) -> str:
        """Return the digest that the upload will have."""
        return f"sha256:{self.hash.hexdigest()}"


class Blobs:
    """A folder of files that are named by the SHA-256 of what is in them.

    A file appears under its name complete and synced to disk, or not at all. Repositories share it.

    Args:
        root: The data folder.
        durable: Whether to wait for the disk before a blob counts as stored.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._durable = durable
        self._folder = root / "blobs" / "sha256"
        self._uploads = root / "uploads"
        for folder in (self._folder.parent, self._folder, self._uploads):
            folder.mkdir(FOLDER_MODE, exist_ok=True)
        self._open: dict[str, Upload] = {}
        self._guard = threading.Lock()

    def path(self, digest: str) -> Path:
        """Give where a blob is, or would be.

        Raises:
            ValueError: It is not a SHA-256 digest in lower case.
        """
        if not DIGEST.fullmatch(digest):
            raise ValueError(f"not a sha256 digest: {digest!r}")
        name = digest.removeprefix("sha256:")
        return self._folder / name[:2] / name

    def exists(self, digest: str) -> bool:
        """Tell whether there is such a blob in any repository."""
        return DIGEST.fullmatch(digest) is not None and self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Give the number of bytes of a blob."""
        return self.path(digest).stat().st_size

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading."""
        return self.path(digest).open("rb")

    def read(self, digest: str) -> bytes:
        """Give all bytes of a blob; meant for manifests."""
        return self.path(digest).read_bytes()

    def put(self, data: bytes) -> str:
        """Store bytes that are at hand and give their digest."""
        digest = digest_of(data)
        if self.exists(digest):
            self._sync_folder(self.path(digest).parent)
            return digest
        upload = self.begin()
        try:
            upload.append(data)
            upload.commit()
        finally:
            upload.end()
        return digest

    def begin(self) -> Upload:
        """Give a new empty upload.

        It is gone after a restart unless it is in the table of uploads: see `Uploads.begin`.
        """
        upload_id = str(uuid.uuid4())
        self.upload_path(upload_id).touch(FILE_MODE, exist_ok=False)
        upload = Upload(self, upload_id)
        with self._guard:
            self._open[upload_id] = upload
        return upload

    def resume(self, upload_id: str, size: int | None = None) -> Upload | None:
        """Give an upload by its id, also one from before a restart, or None if it is not there.

        Args:
            upload_id: The id of the upload.
            size: How many of its bytes count; what follows them was cut off on its way and is
                dropped. None if all count.
        """
        with self._guard:
            if found := self._open.get(upload_id):
                return found
            if not _UPLOAD_ID.fullmatch(upload_id):
                return None
            path = self.upload_path(upload_id)
            if not path.is_file():
                return None
            there = path.stat().st_size
            if size is not None and there < size:
                return None  # the machine stopped before the bytes were on disk
            if size is not None and there > size:
                _cut(path, size)
            upload = self._open[upload_id] = Upload(
                self, upload_id, there if size is None else size
            )
            return upload

    def forget(self, upload_id: str) -> None:
        """Let go of an upload that is over."""
        with self._guard:
            self._open.pop(upload_id, None)

    def upload_path(self, upload_id: str) -> Path:
        """Give the file of an upload."""
        return self._uploads / upload_id

    def uploads(self) -> set[str]:
        """Give the ids of all uploads that have a file."""
        return {path.name for path in self._uploads.iterdir()}

    def cut(self, upload_id: str, size: int) -> bool:
        """Drop all bytes of an upload after the first `size`; tell whether it has so many."""
        path = self.upload_path(upload_id)
        there = path.stat().st_size
        if there > size:
            _cut(path, size)
        return there >= size

    def adopt(self, source: Path, digest: str) -> None:
        """Give a complete file its name as a blob, unless that is there already.

        The file keeps its old name, too: if the database cannot be written after this, the caller
        still has an upload to go on with.
        """
        target = self.path(digest)
        if target.is_file():
            self._sync_folder(target.parent)  # whoever stored it may not have come so far
            return
        if self._durable:
            _sync(source, os.O_RDWR)
        if not target.parent.is_dir():
            target.parent.mkdir(FOLDER_MODE, exist_ok=True)
            self._sync_folder(self._folder)
        try:
            os.link(source, target)
        except FileExistsError:
            pass  # somebody has stored the same bytes meanwhile
        except OSError:
            source.replace(target)  # a file system without links
        self._sync_folder(target.parent)

    def keep_only(self, digests: Iterable[str]) -> None:
        """Delete every blob but these; nothing may be storing blobs meanwhile."""
        wanted = {digest.removeprefix("sha256:") for digest in digests}
        for folder in self._folder.iterdir():
            for path in folder.iterdir():
                if path.name not in wanted:
                    path.unlink()

    def _sync_folder(self, folder: Path) -> None:
        # Windows cannot open folders, and does not need to.
        if self._durable and hasattr(os, "O_DIRECTORY"):
            _sync(folder, os.O_RDONLY)


def _cut(path: Path, size: int) -> None:
    """Truncate the file of an upload, but not a blob that it may have become by now."""
    if path.stat().st_nlink == 1:
        os.truncate(path, size)
        return
    copy = path.with_suffix(".copy")
    try:
        copy.touch(FILE_MODE)
        with path.open("rb") as source, copy.open("wb") as target:
            while size and (chunk := source.read(min(_CHUNK, size))):
                size -= target.write(chunk)
        copy.replace(path)
    except BaseException:
        copy.unlink(missing_ok=True)
        raise


def _sync(path: Path, flags: int) -> None:
    handle = os.open(path, flags)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
