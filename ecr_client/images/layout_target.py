"""The targets of a pull: a folder or an archive in the form of an OCI layout."""

from __future__ import annotations

import errno
import os
import shutil
import tarfile
import threading
import uuid
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

import attrs

from ecr_client.exceptions import ImageSourceException, LayerVerificationException
from ecr_client.images.sources import REF_NAME, RepositorySource, VerifyingReader
from ecr_client.images.trees import blobs_of
from ecr_client.oci import Descriptor, Layout
from ecr_client.oci.unfinished import lock, locked_folder, remove_leftovers, unfinished_file

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from ecr_client.images.events import Reporter
    from ecr_client.images.sources import Reader, Source
    from ecr_client.images.trees import Node, Tree

_CHUNK = 1 << 20


class LayoutTarget:
    """A folder that an image is pulled into, beside the images that it already holds.

    Args:
        layout: The folder, which is created if it is missing.
        name: The name of the target in results.
    """

    def __init__(self, layout: Layout, name: str | None = None) -> None:
        self.layout: Layout = layout
        self.name: str = name or str(layout.path)

    def find_missing(
        self, tree: Tree, tags: Sequence[str], reporter: Reporter
    ) -> Sequence[Descriptor]:
        self.layout.create()
        folders = [self.layout.path / "blobs", *self.layout.path.glob("blobs/*")]
        for folder in folders:
            if folder.is_symlink():
                raise ValueError(
                    f"{folder} is a symbolic link, which may lead out of the layout; replace it"
                    " with a folder, or pull into another layout"
                )
        for folder in (self.layout.path, *folders):
            remove_leftovers(folder)
        missing = []
        for blob in blobs_of(tree.all_nodes):
            # A blob whose digest cannot be verified is refused before anything is pulled.
            blob.digest.hasher()
            reporter.check()
            if not self._has(blob):
                missing.append(blob)
        check_space(self.layout.path, sum(blob.size for blob in missing))
        return missing

    def write_blob(
        self, blob: Descriptor, source: Source, reporter: Reporter, streams: int
    ) -> None:
        path = self.layout.blob_path(blob.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with unfinished_file(path.parent) as (file, publish):
            if streams > 1 and isinstance(source, RepositorySource):
                _pull_ranges(file, blob, source, reporter, streams)
            else:
                _pull(file, blob, source, reporter)
            publish(path)

    def write_manifest(self, node: Node) -> None:
        self.layout.write_blob(node.document.media_type, node.content)

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        self.write_manifest(tree.root)
        root = attrs.evolve(tree.root.descriptor, platform=None, annotations={})
        names: Sequence[str | None] = tags or (None,)
        added = [
            root if name is None else attrs.evolve(root, annotations={REF_NAME: name})
            for name in names
        ]
        # Tools look for signatures and the like among what the index lists.
        added += [node.descriptor for node in tree.nodes if node.document.subject is not None]
        with locked_folder(self.layout.path):  # Others may add images at the same time.
            index = self.layout.read_index()
            kept = [
                each
                for each in index.manifests
                if each.annotations.get(REF_NAME) not in tags and each not in added
            ]
            self.layout.write_index(attrs.evolve(index, manifests=(*kept, *added)))

    def close(self) -> None:
        """Do nothing: what was pulled stays."""

    def _has(self, blob: Descriptor) -> bool:
        """Return whether the layout holds a blob, and its content matches the digest."""
        try:
            with self.layout.open_blob(blob) as file:
                read_through(VerifyingReader(file, blob, self.name))
        except ValueError:
            return False
        return True


class ArchiveTarget(LayoutTarget):
    """An archive that an image is pulled into; it appears when it is complete.

    The same image results in the same archive, whatever the time and the order of arrival.

    Args:
        path: The archive, which is replaced if it exists.

    Raises:
        FileExistsError: The path is not that of a file, but of a folder or a device, for example.
    """

    def __init__(self, path: Path) -> None:
        if path.exists() and not path.is_file():
            # A device would be replaced by the archive, for everybody on the machine.
            raise FileExistsError(errno.EEXIST, "an archive can only replace a file", str(path))
        self._path = path
        self._lock: BinaryIO | None = None
        self._new_folders: list[Path] = []
        # Beside the archive, since another file system may have no space. The next pull finds what
        # a killed one has left there.
        self.folder: Path = path.with_name(f".{path.name}.incomplete")
        super().__init__(Layout(self.folder / "layout"), str(path))

    def find_missing(
        self, tree: Tree, tags: Sequence[str], reporter: Reporter
    ) -> Sequence[Descriptor]:
        self._new_folders = [each for each in self.folder.parents if not each.exists()]
        self._lock = self._lock_folder()
        remove_leftovers(self.folder)
        missing = super().find_missing(tree, tags, reporter)
        # A file is removed once it is in the archive: the largest one takes its space twice.
        largest = max((blob.size for blob in blobs_of(tree.all_nodes)), default=0)
        check_space(self.folder, sum(blob.size for blob in missing) + largest)
        return missing

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        super().finish(tree, tags)
        folder = self.layout.path
        with self.packed() as archive:
            for path in sorted(folder.rglob("*")):
                add_file(archive, path, path.relative_to(folder).as_posix())
                if path.is_file():
                    path.unlink()  # so that it does not take up space twice

    @contextmanager
    def packed(self) -> Iterator[tarfile.TarFile]:
        """Yield the archive to write, which gets its final name once it is complete."""
        with unfinished_file(self.folder) as (file, publish):
            with tarfile.open(fileobj=file, mode="w", format=tarfile.PAX_FORMAT) as archive:
                yield archive
            publish(self._path)

    def close(self) -> None:
        """Remove what was pulled; the archive stays."""
        if self._lock is None:
            return  # Nothing was begun, or the folder belongs to another pull.
        if os.name == "nt":
            self._lock.close()  # Windows does not rename a folder with an open file.
        # Under another name, so that no other pull begins in it meanwhile.
        removed = self.folder.with_name(f".incomplete-{uuid.uuid4()}")
        with suppress(OSError):
            self.folder.rename(removed)
            shutil.rmtree(removed, ignore_errors=True)
        self._lock.close()
        for folder in self._new_folders:
            with suppress(OSError):  # The archive is in it.
                folder.rmdir()

    def _lock_folder(self) -> BinaryIO:
        """Make the folder unless a killed pull has left it; return the file that locks it.

        Raises:
            FileExistsError: Another pull is writing the archive, or another user has begun one.
        """
        path = self.folder / "lock"
        self.folder.parent.mkdir(parents=True, exist_ok=True)
        while True:
            is_new = _make(self.folder)
            with suppress(FileNotFoundError):  # Another pull has just removed it.
                if not is_new:
                    _check_owner(self.folder)
                file = path.open("ab")
                try:
                    lock(file)
                except BlockingIOError:
                    file.close()
                    raise FileExistsError(
                        errno.EEXIST,
                        "another process or thread is writing this archive",
                        str(self._path),
                    ) from None
                if _has_name(file, path):
                    return file
                file.close()


def _make(folder: Path) -> bool:
    """Make a folder and return whether it was missing."""
    try:
        folder.mkdir()
    except FileExistsError:
        return False
    return True


def _check_owner(folder: Path) -> None:
    """Refuse the folder of another user, who could let it lead anywhere.

    Raises:
        FileExistsError: It belongs to another user, or is a link.
    """
    if os.name != "nt" and (folder.is_symlink() or folder.stat().st_uid != os.geteuid()):
        raise FileExistsError(
            errno.EEXIST,
            "another user has begun an archive of this name; remove this folder, or pull to"
            " another path",
            str(folder),
        )


def _has_name(file: BinaryIO, path: Path) -> bool:
    """Return whether an open file has not been removed or replaced."""
    try:
        return os.path.samestat(os.fstat(file.fileno()), path.stat())
    except FileNotFoundError:
        return False


def add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file or a folder to an archive, without timestamps and owners."""
    entry = tarfile.TarInfo(name)
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    entry.size, entry.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)


def check_space(folder: Path, needed: int) -> None:
    """Refuse to write more than the disk can hold.

    Raises:
        OSError: There is not enough space (``ENOSPC``).
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"the image needs {needed:,} bytes, but only {free:,} are free",
            str(folder),
        )


def _pull(file: BinaryIO, blob: Descriptor, source: Source, reporter: Reporter) -> None:
    """Write a blob to a file; the reader verifies it."""
    written, buffer = 0, memoryview(bytearray(min(_CHUNK, max(blob.size, 1))))
    with source.open_blob(blob) as reader:
        while received := reader.readinto(buffer):
            written += received
            if written > blob.size:
                break
            file.write(buffer[:received])
            reporter.moved(blob.digest, received)
    _check_size(blob, written)


def _pull_ranges(
    target: BinaryIO, blob: Descriptor, source: RepositorySource, reporter: Reporter, streams: int
) -> None:
    """Write a blob to a file over several connections at a time, and then verify it."""
    share = -(-blob.size // streams)
    starts = range(0, blob.size, share)
    failed = threading.Event()
    target.truncate(blob.size)

    def pull_range(start: int) -> None:
        left = min(share, blob.size - start)
        buffer = memoryview(bytearray(_CHUNK))
        with open(target.name, "r+b", buffering=0) as file, source.open_blob(blob, start) as reader:
            file.seek(start)
            while left and not failed.is_set():
                received = reader.readinto(buffer[: min(left, _CHUNK)])
                if not received:
                    raise LayerVerificationException("the download ended early", blob.digest)
                file.write(buffer[:received])
                left -= received
                reporter.moved(blob.digest, received)

    with ThreadPoolExecutor(len(starts), "ecr-client-range") as pool:
        futures = [pool.submit(pull_range, start) for start in starts]
        try:
            for future in as_completed(futures):
                future.result()
        except BaseException:
            failed.set()
            raise
    hasher = blob.digest.hasher()
    with open(target.name, "rb") as file:
        while piece := file.read(_CHUNK):
            hasher.update(piece)
    if hasher.hexdigest() != blob.digest.encoded:
        raise LayerVerificationException("the downloaded content has another digest", blob.digest)


def read_through(reader: Reader) -> None:
    """Read a blob to its end, which verifies it."""
    buffer = bytearray(_CHUNK)
    while reader.readinto(buffer):
        pass


def _check_size(blob: Descriptor, written: int) -> None:
    if written != blob.size:
        more = "more" if written > blob.size else "fewer"
        raise ImageSourceException(
            f"the layer {blob.digest} has {more} bytes than the {blob.size} that its manifest"
            " declares"
        )
