"""The SQLite database: its tables, and transactions for many threads."""

from __future__ import annotations

import sqlite3
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ecr_client.local.errors import DataFolderError
from ecr_client.local.store import schema
from ecr_client.local.store.folder import make_file

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

#: How long to wait for writers of another process, and for those of this one.
_BUSY_SECONDS = 60.0


class _Current(threading.local):
    """The transaction of the current thread."""

    connection: sqlite3.Connection | None = None
    writing = False


class Database:
    """A pool of connections to one file, each used by one thread at a time.

    Args:
        path: The file, created with its tables if it does not exist.
        durable: Whether a commit waits for the disk.

    Raises:
        DataFolderError: The file cannot be written, has another version, or is not ours.
    """

    def __init__(self, path: Path, *, durable: bool = True) -> None:
        self._path = path
        self._durable = durable
        self._idle: list[sqlite3.Connection] = []
        self._guard = threading.Lock()
        # SQLite admits one writer at a time and lets the others poll. A lock admits the next one
        # at once.
        self._writer = threading.Lock()
        self._current = _Current()
        self._closed = False
        try:
            make_file(path)
            self._prepare()
        except OSError as error:
            self.close()
            raise DataFolderError(f"cannot use database {path}: {error.strerror}") from error
        except sqlite3.Error as error:
            self.close()
            raise DataFolderError(f"cannot use database {path}: {error}") from error
        except BaseException:
            self.close()
            raise

    def close(self) -> None:
        """Close all connections; those in use are closed when their transaction ends."""
        with self._guard:
            self._closed = True
            idle, self._idle = self._idle, []
        for connection in idle:
            connection.close()

    @contextmanager
    def write(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction that an error rolls back.

        Writers wait for each other. A `write` within another one of the same thread is a part of
        it, and an error rolls back that part alone.
        """
        inside = self._current.connection
        if inside is not None:
            if not self._current.writing:
                # It would wait for itself, or write what it decided on an outdated state.
                raise RuntimeError("a transaction that reads cannot become one that writes")
            with _transaction(inside, "SAVEPOINT part", "RELEASE part", "ROLLBACK TO part"):
                yield inside
            return
        with (
            self._turn(),
            self._borrowed(writing=True) as connection,
            _transaction(connection, "BEGIN IMMEDIATE", "COMMIT", "ROLLBACK"),
        ):
            yield connection

    @contextmanager
    def read(self) -> Iterator[sqlite3.Connection]:
        """Yield the connection in a transaction that sees one state of the database throughout."""
        inside = self._current.connection
        if inside is not None:
            yield inside
            return
        with (
            self._borrowed(writing=False) as connection,
            _transaction(connection, "BEGIN", "COMMIT", "ROLLBACK"),
        ):
            yield connection

    @contextmanager
    def _turn(self) -> Iterator[None]:
        if not self._writer.acquire(timeout=_BUSY_SECONDS):
            raise sqlite3.OperationalError("database is locked")
        try:
            yield
        finally:
            self._writer.release()

    @contextmanager
    def _borrowed(self, *, writing: bool) -> Iterator[sqlite3.Connection]:
        with self._guard:
            if self._closed:
                raise sqlite3.ProgrammingError("the store is closed")
            connection = self._idle.pop() if self._idle else None
        connection = connection or self._connect()
        self._current.connection, self._current.writing = connection, writing
        try:
            yield connection
        finally:
            self._current.connection, self._current.writing = None, False
            with self._guard:
                keep = not self._closed
                if keep:
                    self._idle.append(connection)
            if not keep:
                connection.close()

    def _connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=_BUSY_SECONDS, isolation_level=None, check_same_thread=False
        )
        connection.row_factory = sqlite3.Row
        connection.execute("PRAGMA foreign_keys = ON")
        connection.execute(f"PRAGMA synchronous = {'FULL' if self._durable else 'OFF'}")
        return connection

    def _prepare(self) -> None:
        connection = self._connect()
        self._idle.append(connection)
        application = connection.execute("PRAGMA application_id").fetchone()[0]
        version = connection.execute("PRAGMA user_version").fetchone()[0]
        tables = connection.execute("SELECT count(*) FROM sqlite_master").fetchone()[0]
        if application == 0 and version == 0 and tables == 0:
            connection.execute("PRAGMA journal_mode = WAL")
            # One transaction: an interrupted start leaves an empty file for the next one.
            connection.executescript(
                f"BEGIN IMMEDIATE; PRAGMA application_id = {schema.APPLICATION};"
                f" PRAGMA user_version = {schema.VERSION}; {schema.TABLES} {schema.INDEXES} COMMIT;"
            )
            return
        if application != schema.APPLICATION:
            raise DataFolderError(f"{self._path} was not made by the local ECR")
        if version != schema.VERSION:
            raise DataFolderError(
                f"data folder {self._path.parent} has version {version}, and this release of"
                f" ecr_client reads version {schema.VERSION}; choose another folder"
            )
        # Fails where the file cannot be written, even if there is no index to create.
        connection.executescript(
            f"BEGIN IMMEDIATE; PRAGMA user_version = {schema.VERSION}; {schema.INDEXES} COMMIT;"
        )


@contextmanager
def _transaction(
    connection: sqlite3.Connection, begin: str, commit: str, rollback: str
) -> Iterator[None]:
    connection.execute(begin)
    try:
        yield
        connection.execute(commit)
    except BaseException:
        # A full disk may have ended the transaction already.
        if connection.in_transaction:
            connection.execute(rollback)
        raise
