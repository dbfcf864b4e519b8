"""OCI image layouts: images in a folder."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from ecr_client.oci import _json
from ecr_client.oci.descriptor import Descriptor
from ecr_client.oci.digest import Digest
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH, Index, Manifest, parse_manifest
from ecr_client.oci.media_types import OCI_INDEX
from ecr_client.oci.tar_files import TarFiles
from ecr_client.oci.unfinished import is_leftover, locked_folder, unfinished_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = "1.0.0"
#: A character takes at most four bytes.
_MAX_MANIFEST_BYTES = MAX_MANIFEST_LENGTH * 4


class LayoutReader:
    """A reader of an OCI image layout; subclasses define where its files are.

    https://github.com/opencontainers/image-spec/blob/main/image-layout.md

    Attributes:
        path: Where the layout is, for error messages.
    """

    path: Path

    def read_index(self) -> Index:
        """Return the index in ``index.json``.

        Raises:
            ValueError: There is no layout, or its version is unknown.
            OSError: The file cannot be read.
        """
        self._check_version()
        content = self._read("index.json", _MAX_MANIFEST_BYTES)
        try:
            index = parse_manifest(content, OCI_INDEX)
        except ValueError as error:
            raise ValueError(f"{self.path}: index.json is not an index: {error}") from None
        assert isinstance(index, Index)  # a manifest would have another media type
        return index

    def open_blob(self, descriptor: Descriptor) -> BinaryIO:
        """Open a blob for reading; its content is not verified.

        Raises:
            ValueError: The blob is missing, or its size is not that of the descriptor.
            OSError: The blob cannot be read.
        """
        try:
            file, size = self._open(_blob_name(descriptor.digest))
        except FileNotFoundError:
            raise ValueError(f"{self.path} has no blob {descriptor.digest}") from None
        if size != descriptor.size:
            file.close()
            raise ValueError(
                f"{self.path}: the blob {descriptor.digest} has {size} bytes instead of"
                f" {descriptor.size}"
            )
        return file

    def read_manifest(self, descriptor: Descriptor) -> tuple[bytes, Manifest | Index]:
        """Return the stored bytes of a manifest, and the parsed manifest.

        Raises:
            ValueError: The manifest is missing, corrupt or malformed.
            OSError: The manifest cannot be read.
        """
        if descriptor.size > _MAX_MANIFEST_BYTES:
            raise ValueError(
                f"the manifest {descriptor.digest} must have at most {_MAX_MANIFEST_BYTES:,} bytes,"
                f" got {descriptor.size:,}"
            )
        with self.open_blob(descriptor) as file:
            content = file.read()
        if not descriptor.digest.verifies(content):
            raise ValueError(
                f"{self.path}: the blob {descriptor.digest} is corrupt: it has the digest"
                f" {Digest.of(content)}"
            )
        try:
            return content, parse_manifest(content, descriptor.media_type)
        except ValueError as error:
            raise ValueError(f"the manifest {descriptor.digest} is malformed: {error}") from None

    def _open(self, name: str) -> tuple[BinaryIO, int]:
        """Open a file by its name in the layout; return its size as well.

        Raises:
            FileNotFoundError: The layout has no such file.
        """
        raise NotImplementedError

    def _read(self, name: str, limit: int) -> bytes:
        file, size = self._open(name)
        with file:
            if size > limit:
                raise ValueError(f"{self.path}: {name} has more than {limit} bytes")
            return file.read()

    def _check_version(self) -> None:
        try:
            content = self._read("oci-layout", 4096)
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(
                f"{self.path} is not an OCI image layout: no file oci-layout"
            ) from None
        try:
            version = _json.string_member(_json.read_object(content.decode()), "imageLayoutVersion")
        except ValueError as error:
            raise ValueError(f"{self.path}: oci-layout is malformed: {error}") from None
        if version != _VERSION:
            raise ValueError(
                f"{self.path}: imageLayoutVersion must be '{_VERSION}', got {version!r}"
            )


class Layout(LayoutReader):
    """A folder in the form of an OCI image layout.

    https://github.com/opencontainers/image-spec/blob/main/image-layout.md

    Args:
        path: The folder. It need not exist; `create` makes it.

    Attributes:
        path: The folder.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)

    def create(self) -> None:
        """Create an empty layout in the folder, unless it is a layout already.

        Raises:
            ValueError: The folder holds something else.
            OSError: The folder cannot be written.
        """
        self.path.mkdir(parents=True, exist_ok=True)
        with locked_folder(self.path):
            if (self.path / "oci-layout").is_file():
                self._check_version()
            elif not self._is_begun():
                raise ValueError(f"{self.path} is neither empty nor an OCI image layout")
            else:
                self.blob_folder("sha256").mkdir(parents=True, exist_ok=True)
                version = json.dumps({"imageLayoutVersion": _VERSION})
                _write_file(self.path / "oci-layout", version.encode())
            if not (self.path / "index.json").exists():
                self.write_index(Index())

    def _is_begun(self) -> bool:
        """Return whether the folder holds no more than what an interrupted `create` leaves."""
        blobs = self.path / "blobs"
        return all(
            is_leftover(each)
            or (each in (blobs, *blobs.glob("*")) and each.is_dir() and not each.is_symlink())
            for each in self.path.rglob("*")
        )

    def write_index(self, index: Index) -> None:
        """Replace ``index.json`` atomically.

        Raises:
            OSError: The file cannot be written.
        """
        _write_file(self.path / "index.json", index.to_bytes())

    def blob_folder(self, algorithm: str) -> Path:
        """Return the folder of the blobs whose digests use an algorithm."""
        return self.path / "blobs" / algorithm

    def blob_path(self, digest: Digest) -> Path:
        """Return the path of a blob, whether it exists or not."""
        return self.path / _blob_name(digest)

    def write_blob(self, media_type: str, pieces: bytes | Iterable[bytes]) -> Descriptor:
        """Write a blob and return its descriptor; the file gets its final name once it is complete.

        Raises:
            OSError: The blob cannot be written.
        """
        folder = self.blob_folder("sha256")
        hasher, size = hashlib.sha256(), 0
        with unfinished_file(folder) as (file, publish):
            for piece in [pieces] if isinstance(pieces, bytes) else pieces:
                hasher.update(piece)
                size += file.write(piece)
            digest = Digest(f"sha256:{hasher.hexdigest()}")
            publish(self.blob_path(digest))
        return Descriptor(media_type=media_type, digest=digest, size=size)

    def _open(self, name: str) -> tuple[BinaryIO, int]:
        path = self.path / name
        if path.exists() and not path.is_file():
            # Opening a pipe would block until another process writes to it.
            raise ValueError(f"{path} is not a file")
        file = path.open("rb")
        return file, os.fstat(file.fileno()).st_size


class LayoutArchive(LayoutReader):
    """A tar archive that contains an OCI image layout, read in place.

    Args:
        path: The archive; it is not compressed.

    Raises:
        ValueError: The file is not a tar archive, or contains two files with the same name.
        OSError: The file cannot be read.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path: Path = Path(path)
        self._files = TarFiles(self.path)

    def _open(self, name: str) -> tuple[BinaryIO, int]:
        return self._files.open(name)


def _blob_name(digest: Digest) -> str:
    return f"blobs/{digest.algorithm}/{digest.encoded}"


def _write_file(path: Path, content: bytes) -> None:
    with unfinished_file(path.parent) as (file, publish):
        file.write(content)
        publish(path)
