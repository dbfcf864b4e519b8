"""The store: one data folder, opened by one server at a time."""

from __future__ import annotations

import secrets
import shutil
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from ecr_client.local.store.blobs import Blobs
from ecr_client.local.store.database import Database
from ecr_client.local.store.documents import Documents
from ecr_client.local.store.folder import DATABASE, claim
from ecr_client.local.store.images import Images
from ecr_client.local.store.layers import Layers
from ecr_client.local.store.limits import Limits
from ecr_client.local.store.repositories import Repositories
from ecr_client.local.store.uploads import Uploads

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable
    from contextlib import AbstractContextManager
    from datetime import datetime


class Store:
    """Repositories, images, layers, uploads and documents of every account and region.

    Whatever a method has returned from is on disk, and survives the end of the process.

    Args:
        root: The data folder, made if it is not there; None for one that `close` deletes.
        clock: Gives the time as an aware UTC datetime.
        limits: The quotas to keep to.

    Raises:
        DataFolderError: The folder cannot be written, is of another version, is in use, or holds
            something else.
    """

    def __init__(
        self,
        root: Path | None,
        clock: Callable[[], datetime],
        *,
        limits: Limits | None = None,
    ) -> None:
        self.clock = clock
        self.limits = limits or Limits()
        # Nobody can miss what is in a temporary folder, so nothing waits for the disk there.
        self._temporary = root is None
        self.root = Path(tempfile.mkdtemp(prefix="ecr-local-")) if root is None else Path(root)
        self._claim = claim(self.root)
        try:
            self._database = Database(self.root / DATABASE, durable=not self._temporary)
            self.blobs = Blobs(self.root, durable=not self._temporary)
        except BaseException:
            self._claim.close()
            raise
        self.documents = Documents(self)
        self.repositories = Repositories(self)
        self.layers = Layers(self)
        self.images = Images(self)
        self.uploads = Uploads(self)
        self._tidy()

    def close(self) -> None:
        """Let go of the folder; a temporary one is deleted. A second call does nothing."""
        self._database.close()
        self._claim.close()
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def write(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the connection in a transaction that is committed at the end, or undone by an error.

        Writers wait for each other. Within one, a further `write` of the same thread is a part of
        it: an error undoes that part alone.
        """
        return self._database.write()

    def read(self) -> AbstractContextManager[sqlite3.Connection]:
        """Give the connection in a transaction that sees one state of the database throughout."""
        return self._database.read()

    def secret(self, name: str) -> bytes:
        """Give 32 random bytes that are made once for every name and kept with the data."""
        with self.read() as connection:
            row = connection.execute("SELECT value FROM secrets WHERE name = ?", (name,)).fetchone()
        if row is None:
            with self.write() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, secrets.token_bytes(32))
                )
                row = connection.execute(
                    "SELECT value FROM secrets WHERE name = ?", (name,)
                ).fetchone()
        return bytes(row["value"])

    def clear(self) -> None:
        """Forget every repository, image, layer, upload and document; secrets stay."""
        with self.write() as connection:
            connection.execute("DELETE FROM repositories")
            connection.execute("DELETE FROM documents")
        self._tidy()

    def _tidy(self) -> None:
        """Delete files that nothing refers to: what was cut off by a kill, and what was deleted."""
        self.uploads.tidy()
        with self.write() as connection:
            rows = connection.execute("SELECT digest FROM layers UNION SELECT digest FROM images")
            self.blobs.keep_only({row["digest"] for row in rows})
