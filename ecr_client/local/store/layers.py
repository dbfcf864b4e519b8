"""Which layers and configurations a repository holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store.database import Database
    from ecr_client.local.store.repositories import Repositories

#: The media type of a layer as long as no manifest says otherwise.
DEFAULT_MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"
_SELECT = (
    "SELECT layers.digest, layers.size, layers.media_type, (SELECT group_concat(DISTINCT status)"
    " FROM image_layers JOIN images ON images.id = image"
    " WHERE image_layers.repository = layers.repository AND image_layers.digest = layers.digest)"
    " AS used_by FROM layers"
)


@attrs.frozen(kw_only=True)
class Layer:
    """A blob that was pushed to a repository: a layer or a configuration."""

    digest: str
    size: int
    media_type: str
    #: The statuses of the images that name it; empty if none does.
    used_by: frozenset[str] = frozenset()

    @property
    def availability(self) -> str:
        """AVAILABLE, or ARCHIVED if all images that name it are archived."""
        return "ARCHIVED" if self.used_by and "ACTIVE" not in self.used_by else "AVAILABLE"


class Layers:
    """The layers of all repositories; a repository holds those pushed to it or mounted into it.

    Every method raises RepositoryNotFoundException, as a ServiceError, for an unknown repository.

    Args:
        database: Where the layers are recorded.
        repositories: The repositories that hold them.
    """

    def __init__(self, database: Database, repositories: Repositories) -> None:
        self._database = database
        self._repositories = repositories

    def get(self, registry: RegistryKey, repository: str, digest: str) -> Layer | None:
        """Return a layer of a repository, or None."""
        return self.get_many(registry, repository, [digest]).get(digest)

    def get_many(
        self, registry: RegistryKey, repository: str, digests: Sequence[str]
    ) -> dict[str, Layer]:
        """Return those of the given layers, 100 at most, that a repository holds, by digest."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE repository = ? AND digest IN ({', '.join('?' * len(digests))})",
                (self._repositories.require(registry, repository).id, *digests),
            ).fetchall()
        return {layer.digest: layer for layer in _layers(rows)}

    def of_image(self, registry: RegistryKey, repository: str, digest: str) -> list[Layer]:
        """Return the configuration and the layers that an image names."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_SELECT} JOIN image_layers USING (repository, digest)"
                " JOIN images ON images.id = image"
                " WHERE images.repository = ? AND images.digest = ?",
                (self._repositories.require(registry, repository).id, digest),
            ).fetchall()
        return _layers(rows)

    def add(
        self,
        registry: RegistryKey,
        repository: str,
        digest: str,
        size: int,
        media_type: str = DEFAULT_MEDIA_TYPE,
    ) -> bool:
        """Add a stored blob to a repository, and return whether it is new there."""
        with self._database.write() as connection:
            added = connection.execute(
                "INSERT OR IGNORE INTO layers VALUES (?, ?, ?, ?)",
                (self._repositories.require(registry, repository).id, digest, size, media_type),
            )
            return added.rowcount > 0

    def mount(self, registry: RegistryKey, source: str, target: str, digest: str) -> bool:
        """Add a layer of one repository to another, and return whether the first one holds it."""
        with self._database.write():
            found = self.get(registry, source, digest)
            if found is None:
                return False
            self.add(registry, target, digest, found.size, found.media_type)
            return True


def _layers(rows: Iterable[sqlite3.Row]) -> list[Layer]:
    return [
        Layer(
            digest=row["digest"],
            size=row["size"],
            media_type=row["media_type"],
            used_by=frozenset((row["used_by"] or "").split(",")) - {""},
        )
        for row in rows
    ]
