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
    from collections.abc import Callable
    from datetime import datetime


class Store:
    """Repositories, images, layers, uploads and documents of every account and region.

    Whatever a method has returned from is on disk, and survives the end of the process.

    Args:
        root: The data folder, created if it does not exist; None for one that `close` deletes.
        clock: Returns the time as an aware UTC datetime.
        limits: The quotas.

    Raises:
        DataFolderError: The folder cannot be written, has another version, is in use, or holds
            something else.

    Attributes:
        database: Its transactions span several calls of the parts below.
        blobs: Layers and manifests by digest, and the files of uploads.
        documents: Small JSON values, such as policies.
        repositories: The repositories of all registries.
        layers: The layers of all repositories.
        images: The images of all repositories.
        uploads: The uploads of all repositories.
    """

    def __init__(
        self,
        root: Path | None,
        clock: Callable[[], datetime],
        *,
        limits: Limits | None = None,
    ) -> None:
        self.clock = clock
        limits = limits or Limits()
        self.limits: Limits = limits
        # Nobody can miss what is in a temporary folder, so nothing waits for the disk there.
        self._temporary = root is None
        self.root: Path = (
            Path(tempfile.mkdtemp(prefix="ecr-local-")) if root is None else Path(root)
        )
        self._claim = claim(self.root)
        try:
            database = Database(self.root / DATABASE, durable=not self._temporary)
            blobs = Blobs(self.root, durable=not self._temporary)
        except BaseException:
            self._claim.close()
            raise
        documents = Documents(database)
        repositories = Repositories(database, documents, clock, limits)
        layers = Layers(database, repositories)
        self.database = database
        self.blobs = blobs
        self.documents = documents
        self.repositories = repositories
        self.layers = layers
        self.images: Images = Images(database, blobs, repositories, documents, clock, limits)
        self.uploads: Uploads = Uploads(database, blobs, repositories, layers, clock, limits)
        self._tidy()

    def close(self) -> None:
        """Release the folder; a temporary one is deleted. A second call does nothing."""
        self.database.close()
        self._claim.close()
        if self._temporary:
            shutil.rmtree(self.root, ignore_errors=True)

    def secret(self, name: str) -> bytes:
        """Return 32 random bytes that are made once for every name and kept with the data."""
        select = "SELECT value FROM secrets WHERE name = ?"
        with self.database.read() as connection:
            row = connection.execute(select, (name,)).fetchone()
        if row is None:
            with self.database.write() as connection:
                connection.execute(
                    "INSERT OR IGNORE INTO secrets VALUES (?, ?)", (name, secrets.token_bytes(32))
                )
                row = connection.execute(select, (name,)).fetchone()
        return bytes(row["value"])

    def clear(self) -> None:
        """Delete every repository, image, layer, upload and document; secrets remain."""
        with self.database.write() as connection:
            connection.execute("DELETE FROM repositories")
            connection.execute("DELETE FROM documents")
        self._tidy()

    def _tidy(self) -> None:
        """Delete files that nothing refers to: remains of a kill, and what was deleted."""
        self.uploads.tidy()
        with self.database.write() as connection:
            rows = connection.execute("SELECT digest FROM layers UNION SELECT digest FROM images")
            self.blobs.keep_only({row["digest"] for row in rows})
