"""OCI image layouts: images in a folder."""

from __future__ import annotations

import hashlib
import json
import os
import uuid
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecr_client.oci import _json
from ecr_client.oci.descriptor import Descriptor
from ecr_client.oci.digest import Digest
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH, Index, Manifest, parse_manifest
from ecr_client.oci.media_types import OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

_VERSION = "1.0.0"
#: A manifest has as many characters at most, none of which takes more than four bytes.
_MAX_MANIFEST_BYTES = MAX_MANIFEST_LENGTH * 4


class Layout:
    """A folder in the form of an OCI image layout.

    https://github.com/opencontainers/image-spec/blob/main/image-layout.md

    Args:
        path: The folder. It need not exist; `create` makes it.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)

    def create(self) -> None:
        """Make the folder an empty layout, unless it is a layout already.

        Raises:
            ValueError: The folder holds something else.
            OSError: It cannot be written.
        """
        if (self.path / "oci-layout").exists():
            self._check_version()
            return
        if self.path.exists() and any(self.path.iterdir()):
            raise ValueError(f"{self.path} is neither empty nor an OCI image layout")
        self.blob_folder("sha256").mkdir(parents=True)
        self.write_index(Index())
        _write_file(self.path / "oci-layout", json.dumps({"imageLayoutVersion": _VERSION}).encode())

    def read_index(self) -> Index:
        """Return what ``index.json`` lists.

        Raises:
            ValueError: The folder is no layout, or of a version that is unknown.
            OSError: It cannot be read.
        """
        self._check_version()
        content = _read_file(self.path / "index.json", _MAX_MANIFEST_BYTES)
        try:
            index = parse_manifest(content, OCI_INDEX)
        except ValueError as error:
            raise ValueError(f"{self.path / 'index.json'} is not an index: {error}") from None
        if not isinstance(index, Index):
            raise ValueError(f"{self.path / 'index.json'} is a manifest, not an index")
        return index

    def write_index(self, index: Index) -> None:
        """Replace ``index.json`` in one step.

        Raises:
            OSError: It cannot be written.
        """
        _write_file(self.path / "index.json", index.to_bytes())

    def blob_folder(self, algorithm: str) -> Path:
        """Return the folder of the blobs whose digests are of one algorithm."""
        return self.path / "blobs" / algorithm

    def blob_path(self, digest: Digest) -> Path:
        """Return the file of a blob, whether it exists or not."""
        return self.blob_folder(digest.algorithm) / digest.encoded

    def open_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob for reading; its content is not verified.

        Raises:
            ValueError: The blob is missing or has another size than its descriptor says.
            OSError: It cannot be read.
        """
        path = self.blob_path(descriptor.digest)
        try:
            file = path.open("rb")
        except FileNotFoundError:
            raise ValueError(f"{self.path} has no blob {descriptor.digest}") from None
        size = os.fstat(file.fileno()).st_size
        if size != descriptor.size:
            file.close()
            raise ValueError(f"{path} has {size} bytes instead of {descriptor.size}")
        return file

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        """Return a manifest as it is stored, and what it says.

        Raises:
            ValueError: It is missing, corrupt or malformed.
            OSError: It cannot be read.
        """
        if descriptor.size > _MAX_MANIFEST_BYTES:
            raise ValueError(f"the manifest {descriptor.digest} is too large: {descriptor.size}")
        with self.open_blob(descriptor) as file:
            content = file.read()
        if not descriptor.digest.verifies(content):
            raise ValueError(
                f"{self.blob_path(descriptor.digest)} is corrupt: it has the digest"
                f" {Digest.of(content)}"
            )
        try:
            return content, parse_manifest(content, descriptor.media_type)
        except ValueError as error:
            raise ValueError(f"the manifest {descriptor.digest} is malformed: {error}") from None

    def write_blob(self, media_type: str, pieces: bytes | Iterable[bytes]) -> Descriptor:
        """Write a blob and return its descriptor; it gets its name when all of it is written.

        Raises:
            OSError: It cannot be written.
        """
        folder = self.blob_folder("sha256")
        hasher, size = hashlib.sha256(), 0
        with _unnamed(folder) as (file, publish):
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                hasher.update(piece)
                size += file.write(piece)
            digest = Digest(f"sha256:{hasher.hexdigest()}")
            publish(self.blob_path(digest))
        return Descriptor(media_type=media_type, digest=digest, size=size)

    def _check_version(self) -> None:
        path = self.path / "oci-layout"
        try:
            content = _read_file(path, 4096)
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(f"{self.path} is not an OCI image layout: no {path}") from None
        try:
            version = _json.text_member(_json.read_object(content.decode()), "imageLayoutVersion")
        except ValueError as error:
            raise ValueError(f"{path} is malformed: {error}") from None
        if version != _VERSION:
            raise ValueError(f"{path} must have imageLayoutVersion '{_VERSION}', got {version!r}")


def _read_file(path: Path, most: int) -> bytes:
    with path.open("rb") as file:
        content = file.read(most + 1)
    if len(content) > most:
        raise ValueError(f"{path} has more than {most} bytes")
    return content


def _write_file(path: Path, content: bytes) -> None:
    with _unnamed(path.parent) as (file, publish):
        file.write(content)
        publish(path)


@contextmanager
def _unnamed(folder: Path) -> Iterator[tuple[BinaryIO, Callable[[Path], None]]]:
    """Open a file that is removed again unless it is published under a name."""
    path = folder / f".incomplete-{uuid.uuid4()}"

    def publish(name: Path) -> None:
        file.close()
        path.replace(name)

    try:
        with path.open("xb") as file:
            yield file, publish
    finally:
        path.unlink(missing_ok=True)
