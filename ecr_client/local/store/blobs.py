"""Content by its digest, one file for each blob, and the files of uploads that become blobs."""

from __future__ import annotations

import hashlib
import os
import re
import threading
import uuid
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, cast

from ecr_client.local.store.folder import FILE_MODE, FOLDER_MODE
from ecr_client.oci import Digest

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_UPLOAD_ID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_PIECE = 1 << 20
Buffer = bytes | bytearray | memoryview


def sha256_digest(text: str) -> Digest | None:
    """Return a SHA-256 digest, the only kind that the store knows, or None for any other string."""
    try:
        digest = Digest(text)
    except ValueError:
        return None
    return digest if digest.algorithm == "sha256" else None


class UploadChangedError(Exception):
    """Another request has added to an upload, or ended it, while the bytes of a chunk arrived."""


class BlobWriter:
    """A file that grows until it becomes a blob or is removed; from `Blobs.begin` or `resume`.

    Callers that may work on one upload from several threads hold `lock` meanwhile, but never while
    they wait for bytes: those go into a `Chunk`.
    """

    def __init__(self, blobs: Blobs, upload_id: str, size: int = 0) -> None:
        self.id = upload_id
        self.size: int = size
        self.lock: threading.Lock = threading.Lock()
        self._blobs = blobs
        self._path = blobs.upload_path(upload_id)
        # Computed when it is needed, so that nobody waits for the lock while a large file is read.
        self._hash = None if size else hashlib.sha256()
        self._chunk: Chunk | None = None

    def append(self, data: Buffer | Iterable[Buffer]) -> None:
        """Add bytes, or pieces of them, at the end; an error leaves the upload as it was."""
        hasher = self._hasher().copy()
        self._chunk = None
        is_whole = isinstance(data, (bytes, bytearray, memoryview))
        pieces = cast("Iterable[Buffer]", [data] if is_whole else data)
        added = 0

        def hashed() -> Iterator[Buffer]:
            nonlocal added
            for piece in pieces:
                hasher.update(piece)
                added += len(piece)
                yield piece

        self.write(self.size, hashed())
        self.size += added
        self._hash = hasher

    def write(self, position: int, pieces: Iterable[Buffer]) -> None:
        """Write bytes that do not count yet, and drop everything after them."""
        if self._path.stat().st_nlink > 1:
            _cut(self._path, position)
        try:
            with self._path.open("r+b") as file:
                file.seek(position)
                file.writelines(pieces)
                file.truncate()
        except BaseException:
            _cut(self._path, position)
            raise

    def begin_chunk(self) -> Chunk:
        """Return a new chunk at the end, which replaces an earlier one."""
        self._chunk = Chunk(self, self._hasher().copy())
        return self._chunk

    def check_current(self, chunk: Chunk) -> None:
        """Raise UploadChangedError if something has happened to the upload since a chunk began."""
        if self._chunk is not chunk:
            raise UploadChangedError(self.id)

    def commit_chunk(self, chunk: Chunk) -> None:
        """Make the bytes of a chunk count."""
        self.check_current(chunk)
        self._chunk = None
        self.size, self._hash = chunk.size, chunk.hasher

    def discard_chunk(self, chunk: Chunk) -> None:
        """Remove the bytes of a chunk, unless something else has happened to the upload."""
        if self._chunk is chunk:
            self._chunk = None
            _cut(self._path, self.size)

    def truncate(self, size: int) -> None:
        """Drop all bytes after the first `size` ones."""
        if size != self.size:
            _cut(self._path, size)
            self.size, self._hash, self._chunk = size, None, None

    def digest(self) -> Digest:
        """Return the digest of all bytes that count."""
        return _digest(self._hasher())

    def commit(self) -> Digest:
        """Turn the bytes into a blob, and return its digest; call `remove` once it is recorded."""
        digest = self.digest()
        if self._chunk is not None:
            self._chunk = None
            _cut(self._path, self.size)
        self._blobs.adopt(self._path, digest)
        return digest

    def remove(self) -> None:
        """Remove the file and end the upload. A second call does nothing."""
        self._chunk = None
        self._path.unlink(missing_ok=True)
        self._blobs.forget(self.id)

    def _hasher(self) -> hashlib._Hash:
        if self._hash is None:
            self._hash = hashlib.sha256()
            left = self.size
            with self._path.open("rb") as file:
                while left and (piece := file.read(min(_PIECE, left))):
                    left -= len(piece)
                    self._hash.update(piece)
        return self._hash


class Chunk:
    """The bytes of one request to an upload, which count only once all of them have arrived.

    Nothing waits for them: anything else may happen to the upload meanwhile, as if they were not
    there, and the chunk is then lost. From `BlobWriter.begin_chunk`.
    """

    def __init__(self, writer: BlobWriter, hasher: hashlib._Hash) -> None:
        self.writer = writer
        #: The size that the upload will have.
        self.size: int = writer.size
        self.hasher = hasher

    def append(self, data: bytes | bytearray | memoryview) -> None:
        """Add bytes.

        Raises:
            UploadChangedError: The chunk is lost.
        """
        with self.writer.lock:
            self.writer.check_current(self)
            self.writer.write(self.size, [data])
            self.size += len(data)
        self.hasher.update(data)

    def digest(self) -> Digest:
        """Return the digest that the upload will have."""
        return _digest(self.hasher)


class Blobs:
    """A folder of files that are named by the SHA-256 of their content; all repositories share it.

    A file appears under its name complete and synced to disk, or not at all.

    Args:
        root: The data folder.
        durable: Whether a blob counts as stored only once it is synced to disk.
    """

    def __init__(self, root: Path, *, durable: bool = True) -> None:
        self._durable = durable
        self._folder = root / "blobs" / "sha256"
        self._uploads = root / "uploads"
        for folder in (self._folder.parent, self._folder, self._uploads):
            folder.mkdir(FOLDER_MODE, exist_ok=True)
        self._open: dict[str, BlobWriter] = {}
        self._guard = threading.Lock()

    def path(self, digest: str) -> Path:
        """Return where a blob is, or would be.

        Raises:
            ValueError: The string is not a SHA-256 digest.
        """
        found = sha256_digest(digest)
        if found is None:
            raise ValueError(f"digest must be a SHA-256 digest, got {digest!r}")
        return self._folder / found.encoded[:2] / found.encoded

    def exists(self, digest: str) -> bool:
        """Return whether any repository has such a blob."""
        return sha256_digest(digest) is not None and self.path(digest).is_file()

    def size(self, digest: str) -> int:
        """Return the size of a blob in bytes, without opening it."""
        return self.path(digest).stat().st_size

    def open(self, digest: str) -> BinaryIO:
        """Open a blob for reading."""
        return self.path(digest).open("rb")

    def read(self, digest: str) -> bytes:
        """Return all bytes of a blob; meant for manifests."""
        return self.path(digest).read_bytes()

    def put(self, data: bytes) -> Digest:
        """Store bytes and return their digest."""
        digest = Digest.of(data)
        if self.exists(digest):
            self._sync_folder(self.path(digest).parent)
            return digest
        writer = self.begin()
        try:
            writer.append(data)
            writer.commit()
        finally:
            writer.remove()
        return digest

    def begin(self) -> BlobWriter:
        """Return the writer of a new empty upload.

        The upload does not outlive the process unless it is recorded: see `Uploads.begin`.
        """
        upload_id = str(uuid.uuid4())
        self.upload_path(upload_id).touch(FILE_MODE, exist_ok=False)
        writer = BlobWriter(self, upload_id)
        with self._guard:
            self._open[upload_id] = writer
        return writer

    def resume(self, upload_id: str, size: int | None = None) -> BlobWriter | None:
        """Return the writer of an upload, also of one from before a restart, or None if it is gone.

        Args:
            upload_id: The id of the upload.
            size: How many of its bytes count; None for all. The other ones are dropped.
        """
        with self._guard:
            if found := self._open.get(upload_id):
                return found
            if not _UPLOAD_ID.fullmatch(upload_id):
                return None
            path = self.upload_path(upload_id)
            if not path.is_file():
                return None
            actual = path.stat().st_size
            if size is not None and actual < size:
                return None  # the machine stopped before the bytes were on disk
            if size is not None and actual > size:
                _cut(path, size)
            writer = BlobWriter(self, upload_id, actual if size is None else size)
            self._open[upload_id] = writer
            return writer

    def forget(self, upload_id: str) -> None:
        """Drop the writer of an upload that has ended."""
        with self._guard:
            self._open.pop(upload_id, None)

    def upload_path(self, upload_id: str) -> Path:
        """Return the file of an upload."""
        return self._uploads / upload_id

    def uploads(self) -> set[str]:
        """Return the ids of all uploads that have a file."""
        return {path.name for path in self._uploads.iterdir()}

    def cut(self, upload_id: str, size: int) -> bool:
        """Drop the bytes of an upload after the first `size`; return whether it has that many."""
        path = self.upload_path(upload_id)
        actual = path.stat().st_size
        if actual > size:
            _cut(path, size)
        return actual >= size

    def adopt(self, source: Path, digest: str) -> None:
        """Rename a complete file to a blob, unless the blob exists already.

        The file keeps its old name, too: if the database cannot be written after this, the caller
        can still go on with the upload.
        """
        target = self.path(digest)
        if target.is_file():
            self._sync_folder(target.parent)  # whoever stored it may not have synced it yet
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
        """Delete every blob but these; nothing may store blobs meanwhile."""
        wanted = {digest.removeprefix("sha256:") for digest in digests}
        for folder in self._folder.iterdir():
            for path in folder.iterdir():
                if path.name not in wanted:
                    path.unlink()

    def _sync_folder(self, folder: Path) -> None:
        # Windows cannot open folders, and does not need to.
        if self._durable and hasattr(os, "O_DIRECTORY"):
            _sync(folder, os.O_RDONLY)


def _digest(hasher: hashlib._Hash) -> Digest:
    return Digest(f"sha256:{hasher.hexdigest()}")


def _cut(path: Path, size: int) -> None:
    """Truncate the file of an upload, but not a blob that it may have become by now."""
    if path.stat().st_nlink == 1:
        os.truncate(path, size)
        return
    copy = path.with_suffix(".copy")
    try:
        copy.touch(FILE_MODE)
        with path.open("rb") as source, copy.open("wb") as target:
            while size and (piece := source.read(min(_PIECE, size))):
                size -= target.write(piece)
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
