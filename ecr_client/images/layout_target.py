"""Where a pull goes to: a folder or an archive in the form of an OCI layout."""

from __future__ import annotations

import errno
import shutil
import tarfile
import tempfile
import uuid
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import attrs

from ecr_client.exceptions import LayerVerificationException
from ecr_client.images.sources import REF_NAME, RepositorySource, VerifyingReader
from ecr_client.images.trees import blobs_of
from ecr_client.oci import Descriptor, Layout

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client.images.events import Reporter
    from ecr_client.images.sources import Reader, Source
    from ecr_client.images.trees import Node, Tree

_CHUNK = 1 << 20
#: Blobs from this size on are pulled over several connections if there are any to spare.
_RANGED = 64 * 1024 * 1024


class LayoutTarget:
    """A folder that an image is pulled into, beside the images that are there.

    Args:
        layout: The folder, which is made if it is missing.
        name: What results call it.
    """

    def __init__(self, layout: Layout, name: str | None = None) -> None:
        self._layout = layout
        self.name = name or str(layout.path)

    def find_missing(self, tree: Tree, reporter: Reporter) -> Sequence[Descriptor]:
        self._layout.create()
        missing = []
        for blob in blobs_of(tree.all_nodes):
            # Nothing that could not be verified is pulled.
            blob.digest.hasher()
            reporter.check()
            if not self._has(blob):
                missing.append(blob)
        check_space(self._layout.path, sum(blob.size for blob in missing))
        return missing

    def write_blob(
        self, blob: Descriptor, source: Source, reporter: Reporter, streams: int
    ) -> None:
        path = self._layout.blob_path(blob.digest)
        path.parent.mkdir(parents=True, exist_ok=True)
        with _incomplete(path) as unfinished:
            if streams > 1 and blob.size >= _RANGED and isinstance(source, RepositorySource):
                _pull_ranges(unfinished, blob, source, reporter, streams)
            else:
                _pull(unfinished, blob, source, reporter)
            unfinished.replace(path)

    def write_manifest(self, node: Node) -> None:
        self._layout.write_blob(node.document.media_type, node.content)

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
        index = self._layout.read_index()
        kept = [
            each
            for each in index.manifests
            if each.annotations.get(REF_NAME) not in tags and each not in added
        ]
        self._layout.write_index(attrs.evolve(index, manifests=(*kept, *added)))

    def close(self) -> None:
        """Do nothing: what was pulled stays."""

    def _has(self, blob: Descriptor) -> bool:
        """Return whether a blob is there and is what its digest says."""
        try:
            with self._layout.open_blob(blob) as file:
                read_through(VerifyingReader(file, blob, self.name))
        except ValueError:
            return False
        return True


class ArchiveTarget:
    """An archive that an image is pulled into; it appears when it is complete.

    The same image makes the same archive, whatever the time and the order of arrival.

    Args:
        path: The archive, which is replaced if it exists.
    """

    def __init__(self, path: Path) -> None:
        self.name = str(path)
        self._path = path
        path.parent.mkdir(parents=True, exist_ok=True)
        # Beside the archive: the space of another file system would be no help.
        self._folder = tempfile.TemporaryDirectory(prefix=f".{path.name}.", dir=path.parent)
        self.layout = Layout(Path(self._folder.name) / "layout")
        self._target = LayoutTarget(self.layout, self.name)

    def find_missing(self, tree: Tree, reporter: Reporter) -> Sequence[Descriptor]:
        return self._target.find_missing(tree, reporter)

    def write_blob(
        self, blob: Descriptor, source: Source, reporter: Reporter, streams: int
    ) -> None:
        self._target.write_blob(blob, source, reporter, streams)

    def write_manifest(self, node: Node) -> None:
        self._target.write_manifest(node)

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        self._target.finish(tree, tags)
        folder = self.layout.path
        with _incomplete(self._path) as unfinished:
            with tarfile.open(unfinished, "w", format=tarfile.PAX_FORMAT) as archive:
                for path in sorted(folder.rglob("*")):
                    add_file(archive, path, path.relative_to(folder).as_posix())
                    if path.is_file():
                        path.unlink()  # It need not take its space twice.
            unfinished.replace(self._path)

    def close(self) -> None:
        """Remove what was pulled; the archive stays."""
        self._folder.cleanup()


def add_file(archive: tarfile.TarFile, path: Path, name: str) -> None:
    """Add a file or a folder to an archive, without a trace of when and by whom."""
    entry = tarfile.TarInfo(name)
    if path.is_dir():
        entry.type, entry.mode = tarfile.DIRTYPE, 0o755
        archive.addfile(entry)
        return
    entry.size, entry.mode = path.stat().st_size, 0o644
    with path.open("rb") as file:
        archive.addfile(entry, file)


def check_space(folder: Path, needed: int) -> None:
    """Refuse to begin what the disk cannot hold.

    Raises:
        OSError: The space is not there (``ENOSPC``).
    """
    free = shutil.disk_usage(folder).free
    if needed > free:
        raise OSError(
            errno.ENOSPC,
            f"the image needs {needed:,} bytes, but only {free:,} are free",
            str(folder),
        )


@contextmanager
def _incomplete(path: Path) -> Iterator[Path]:
    """Return the path of a file beside another one, and remove it unless it was renamed."""
    unfinished = path.with_name(f".{path.name[:100]}-incomplete-{uuid.uuid4()}")
    try:
        yield unfinished
    finally:
        unfinished.unlink(missing_ok=True)


def _pull(path: Path, blob: Descriptor, source: Source, reporter: Reporter) -> None:
    """Write a blob to a file; the reader verifies it."""
    written, buffer = 0, memoryview(bytearray(min(_CHUNK, max(blob.size, 1))))
    with path.open("xb", buffering=0) as file, source.open_blob(blob) as reader:
        while received := reader.readinto(buffer):
            written += received
            if written > blob.size:
                break
            file.write(buffer[:received])
            reporter.moved(blob.digest, received)
    _check_size(blob, written)


def _pull_ranges(
    path: Path, blob: Descriptor, source: RepositorySource, reporter: Reporter, streams: int
) -> None:
    """Write a blob to a file over several connections at a time, and verify it then."""
    share = -(-blob.size // streams)
    starts = range(0, blob.size, share)
    with path.open("xb") as file:
        file.truncate(blob.size)

    def pull_range(start: int) -> None:
        left = min(share, blob.size - start)
        buffer = memoryview(bytearray(_CHUNK))
        with path.open("r+b", buffering=0) as file, source.open_blob(blob, start) as reader:
            file.seek(start)
            while left:
                received = reader.readinto(buffer[: min(left, _CHUNK)])
                if not received:
                    raise LayerVerificationException("it ended too early", blob.digest)
                file.write(buffer[:received])
                left -= received
                reporter.moved(blob.digest, received)

    with ThreadPoolExecutor(len(starts), "ecr-client-range") as pool:
        futures = [pool.submit(pull_range, start) for start in starts]
        try:
            for future in futures:
                future.result()
        except BaseException:
            reporter.stop()
            raise
    with path.open("rb") as written:
        read_through(VerifyingReader(written, blob, source.name))


def read_through(reader: Reader) -> None:
    """Read a blob to its end, and so verify it."""
    buffer = bytearray(_CHUNK)
    while reader.readinto(buffer):
        pass


def _check_size(blob: Descriptor, written: int) -> None:
    if written != blob.size:
        raise LayerVerificationException(
            f"it has {'more' if written > blob.size else 'fewer'} bytes than the {blob.size} that"
            " its manifest says",
            blob.digest,
        )
