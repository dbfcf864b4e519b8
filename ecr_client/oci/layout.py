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
from ecr_client.oci.unfinished import unfinished_file

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION = "1.0.0"
#: A manifest has as many characters at most, none of which takes more than four bytes.
_MAX_MANIFEST_BYTES = MAX_MANIFEST_LENGTH * 4


class LayoutReader:
    """An OCI image layout that is read; what holds its files is up to the subclass.

    https://github.com/opencontainers/image-spec/blob/main/image-layout.md

    Attributes:
        path: Where the layout is, for messages.
    """

    path: Path

    def read_index(self) -> Index:
        """Return what ``index.json`` lists.

        Raises:
            ValueError: There is no layout, or one of a version that is unknown.
            OSError: It cannot be read.
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
            ValueError: The blob is missing or has another size than its descriptor says.
            OSError: It cannot be read.
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
            ValueError: It is missing, corrupt or malformed.
            OSError: It cannot be read.
        """
        if descriptor.size > _MAX_MANIFEST_BYTES:
            raise ValueError(f"the manifest {descriptor.digest} is too large: {descriptor.size}")
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
            FileNotFoundError: There is none.
        """
        raise NotImplementedError

    def _read(self, name: str, most: int) -> bytes:
        file, size = self._open(name)
        with file:
            if size > most:
                raise ValueError(f"{self.path}: {name} has more than {most} bytes")
            return file.read()

    def _check_version(self) -> None:
        try:
            content = self._read("oci-layout", 4096)
        except (FileNotFoundError, NotADirectoryError):
            raise ValueError(
                f"{self.path} is not an OCI image layout: no file oci-layout"
            ) from None
        try:
            version = _json.text_member(_json.read_object(content.decode()), "imageLayoutVersion")
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
        """Make the folder an empty layout, unless it is a layout already.

        Raises:
            ValueError: The folder holds something else.
            OSError: It cannot be written.
        """
        if (self.path / "oci-layout").is_file():
            self._check_version()
            return
        if self.path.exists() and any(self.path.iterdir()):
            raise ValueError(f"{self.path} is neither empty nor an OCI image layout")
        self.blob_folder("sha256").mkdir(parents=True)
        self.write_index(Index())
        _write_file(self.path / "oci-layout", json.dumps({"imageLayoutVersion": _VERSION}).encode())

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
        return self.path / _blob_name(digest)

    def write_blob(self, media_type: str, pieces: bytes | Iterable[bytes]) -> Descriptor:
        """Write a blob and return its descriptor; it gets its name when all of it is written.

        Raises:
            OSError: It cannot be written.
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
            # To open a pipe would wait for somebody who writes to it.
            raise ValueError(f"{path} is not a file")
        file = path.open("rb")
        return file, os.fstat(file.fileno()).st_size


class LayoutArchive(LayoutReader):
    """A tar file with an OCI image layout in it, read where it is.

    Args:
        path: The archive; it is not compressed.

    Raises:
        ValueError: It is no such archive, or has two files of one name.
        OSError: It cannot be read.
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
