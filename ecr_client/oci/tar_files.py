"""Reading single files of a tar archive in place, without extracting anything."""

from __future__ import annotations

import io
import posixpath
import tarfile
from typing import TYPE_CHECKING, BinaryIO, cast

if TYPE_CHECKING:
    from pathlib import Path

    from typing_extensions import Buffer

_MAX_FILES = 100_000
_MAX_LINKS = 8


class TarFiles:
    """The regular files of an archive that is not compressed, by their names.

    Nothing is ever written: names that lead out of the archive are names like any other.

    Args:
        path: The archive.

    Raises:
        ValueError: The file is not an archive, is compressed, or contains two files with the same
            name.
        OSError: The file cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._places: dict[str, tuple[int, int]] = {}
        self._links: dict[str, str] = {}
        try:
            with tarfile.open(path, "r:") as archive:
                for member in archive:
                    self._add(member)
        except tarfile.TarError as error:
            raise ValueError(f"{path} is not a tar archive: {error}") from None

    def __contains__(self, name: str) -> bool:
        return self._place(name) is not None

    def open(self, name: str) -> tuple[BinaryIO, int]:
        """Open a file; return it and its size. Several files can be open at the same time.

        Raises:
            FileNotFoundError: The archive has no file with this name.
        """
        place = self._place(name)
        if place is None:
            raise FileNotFoundError(f"{self.path} has no file {name}")
        section = _Section(self.path, *place)
        return cast("BinaryIO", io.BufferedReader(section, 1 << 16)), place[1]

    def _add(self, member: tarfile.TarInfo) -> None:
        name = posixpath.normpath(member.name)
        if member.isdir():
            return
        if name in self._places or name in self._links:
            raise ValueError(f"{self.path} has two files with the name {name!r}")
        if len(self._places) + len(self._links) >= _MAX_FILES:
            raise ValueError(f"{self.path} has more than {_MAX_FILES:,} files")
        if member.isreg() and not member.issparse():
            self._places[name] = member.offset_data, member.size
        elif member.issym():
            self._links[name] = posixpath.join(posixpath.dirname(name), member.linkname)
        elif member.islnk():
            self._links[name] = member.linkname

    def _place(self, name: str) -> tuple[int, int] | None:
        for _ in range(_MAX_LINKS):
            name = posixpath.normpath(name)
            if name in self._places:
                return self._places[name]
            if name not in self._links:
                return None
            name = self._links[name]
        return None


class _Section(io.RawIOBase):
    """A part of a file as a file of its own."""

    def __init__(self, path: Path, start: int, size: int) -> None:
        super().__init__()
        self._start, self._size, self._position = start, size, 0
        self._file = path.open("rb", buffering=0)

    def readable(self) -> bool:
        return True

    def seekable(self) -> bool:
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET) -> int:
        base = {io.SEEK_SET: 0, io.SEEK_CUR: self._position, io.SEEK_END: self._size}[whence]
        self._position = max(0, base + offset)
        return self._position

    def readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer)[: max(0, self._size - self._position)]
        self._file.seek(self._start + self._position)
        received = self._file.readinto(view) or 0
        self._position += received
        return received

    def close(self) -> None:
        self._file.close()
        super().close()
