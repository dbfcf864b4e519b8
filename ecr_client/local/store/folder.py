"""The data folder: created for its owner alone, and claimed by one server at a time."""

from __future__ import annotations

import os
import sqlite3
from typing import TYPE_CHECKING

from ecr_client.local.errors import DataFolderError

if TYPE_CHECKING:
    from pathlib import Path

#: For the owner alone: access keys are derived from the content of the folder.
FOLDER_MODE = 0o700
FILE_MODE = 0o600
DATABASE = "ecr.sqlite3"
_CLAIM = "in-use.sqlite3"
_SUFFIXES = ("", "-wal", "-shm", "-journal")
#: What a folder without a database may hold: a server was stopped before it had created one.
_OURS = {
    "blobs",
    "uploads",
    *(name + suffix for name in (DATABASE, _CLAIM) for suffix in _SUFFIXES),
}


def claim(root: Path) -> sqlite3.Connection:
    """Create the folder if needed, and keep other servers out until the connection is closed.

    The claim is a lock on an SQLite file: every system has it, and it ends with the process.

    Raises:
        DataFolderError: The folder cannot be created or written, is in use, or holds something
            else.
    """
    try:
        root.mkdir(FOLDER_MODE, parents=True, exist_ok=True)
        found = {path.name for path in root.iterdir()}
    except FileExistsError:
        raise DataFolderError(f"data folder {root} is not a folder") from None
    except OSError as error:
        raise DataFolderError(f"cannot use data folder {root}: {error.strerror}") from error
    if DATABASE not in found and not found <= _OURS:
        raise DataFolderError(
            f"data folder {root} is not empty and was not made by the local ECR; choose another one"
        )
    connection: sqlite3.Connection | None = None
    try:
        _set_mode(root.resolve(), FOLDER_MODE)
        make_file(root / _CLAIM)
        connection = sqlite3.connect(
            root / _CLAIM, timeout=0, isolation_level=None, check_same_thread=False
        )
        connection.execute("BEGIN EXCLUSIVE")
        _close_to_others(root)
    except OSError as error:
        if connection is not None:
            connection.close()
        raise DataFolderError(f"cannot write in data folder {root}: {error.strerror}") from error
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if "locked" in str(error):
            raise DataFolderError(f"data folder {root} is in use by another server") from None
        raise DataFolderError(f"cannot write in data folder {root}: {error}") from error
    return connection


def make_file(path: Path) -> None:
    """Create an empty file that only its owner can read, unless it exists.

    SQLite gives its journals the mode of the database.
    """
    os.close(os.open(path, os.O_CREAT | os.O_RDWR, FILE_MODE))


def _close_to_others(root: Path) -> None:
    """Remove the permissions that others may have on files made by an earlier release."""
    for folder, folders, files in os.walk(root):
        for names, mode in ((folders, FOLDER_MODE), (files, FILE_MODE)):
            for name in names:
                _set_mode(os.path.join(folder, name), mode)


def _set_mode(path: str | os.PathLike[str], mode: int) -> None:
    # Other systems have no such modes. The target of a link is not ours.
    if os.name == "posix" and not os.path.islink(path) and os.stat(path).st_mode & 0o777 != mode:
        os.chmod(path, mode)
