"""The data folder: whether it is ours, whether it can be written, and that one server has it."""

from __future__ import annotations

import sqlite3
from typing import TYPE_CHECKING

from ecr_client.local.errors import DataFolderError

if TYPE_CHECKING:
    from pathlib import Path

DATABASE = "ecr.sqlite3"
_CLAIM = "in-use.sqlite3"
_SUFFIXES = ("", "-wal", "-shm", "-journal")
#: What a folder may hold in which no server ever came as far as to make the database.
_OURS = {
    "blobs",
    "uploads",
    *(name + suffix for name in (DATABASE, _CLAIM) for suffix in _SUFFIXES),
}


def claim(root: Path) -> sqlite3.Connection:
    """Make the folder if needed, and keep other servers out of it until the result is closed.

    The claim is a lock on an SQLite file: every system has it, and it ends with the process.

    Raises:
        DataFolderError: The folder cannot be made or written, is in use, or holds something else.
    """
    try:
        root.mkdir(parents=True, exist_ok=True)
        found = {path.name for path in root.iterdir()}
    except FileExistsError:
        raise DataFolderError(f"data folder {root} is not a folder") from None
    except OSError as error:
        raise DataFolderError(f"cannot use data folder {root}: {error.strerror}") from error
    if DATABASE not in found and not found <= _OURS:
        raise DataFolderError(
            f"data folder {root} is not empty and was not made by the local ECR; give another one"
        )
    connection: sqlite3.Connection | None = None
    try:
        connection = sqlite3.connect(
            root / _CLAIM, timeout=0, isolation_level=None, check_same_thread=False
        )
        connection.execute("BEGIN EXCLUSIVE")
    except sqlite3.Error as error:
        if connection is not None:
            connection.close()
        if "locked" in str(error):
            raise DataFolderError(f"data folder {root} is in use by another server") from None
        raise DataFolderError(f"cannot write in data folder {root}: {error}") from error
    return connection
