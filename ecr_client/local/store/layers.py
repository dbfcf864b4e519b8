"""Which layers and configurations a repository holds."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

if TYPE_CHECKING:
    from ecr_client.local.store.scope import Scope
    from ecr_client.local.store.store import Store

#: What a layer is said to be as long as no manifest says otherwise.
DEFAULT_MEDIA_TYPE = "application/vnd.docker.image.rootfs.diff.tar.gzip"


@attrs.frozen(kw_only=True)
class Layer:
    """A blob that was pushed to a repository: a layer or a configuration."""

    digest: str
    size: int
    media_type: str
    #: The states of the images that name it; empty if none does.
    used_by: frozenset[str] = frozenset()

    @property
    def availability(self) -> str:
        """AVAILABLE, or ARCHIVED if all images that name it are archived."""
        return "ARCHIVED" if self.used_by and "ACTIVE" not in self.used_by else "AVAILABLE"


class Layers:
    """The layers of all repositories: each is where it was pushed to or mounted."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def has(self, scope: Scope, repository: str, digest: str) -> bool:
        """Tell whether a repository holds a layer."""
        return self.get(scope, repository, digest) is not None

    def get(self, scope: Scope, repository: str, digest: str) -> Layer | None:
        """Give a layer of a repository, or None.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        with self._store.read() as connection:
            owner = self._store.repositories.require(scope, repository).id
            row = connection.execute(
                "SELECT size, media_type FROM layers WHERE repository = ? AND digest = ?",
                (owner, digest),
            ).fetchone()
            if row is None:
                return None
            users = connection.execute(
                "SELECT DISTINCT status FROM images JOIN image_layers ON images.id = image"
                " WHERE image_layers.repository = ? AND image_layers.digest = ?",
                (owner, digest),
            ).fetchall()
        return Layer(
            digest=digest,
            size=row["size"],
            media_type=row["media_type"],
            used_by=frozenset(user["status"] for user in users),
        )

    def of_image(self, scope: Scope, repository: str, digest: str) -> list[Layer]:
        """Give the configuration and the layers that an image names.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        with self._store.read() as connection:
            owner = self._store.repositories.require(scope, repository).id
            rows = connection.execute(
                "SELECT image_layers.digest FROM image_layers JOIN images ON images.id = image"
                " WHERE images.repository = ? AND images.digest = ?",
                (owner, digest),
            ).fetchall()
            found = [self.get(scope, repository, row["digest"]) for row in rows]
        return [layer for layer in found if layer is not None]

    def size(self, scope: Scope, repository: str, digest: str) -> int | None:
        """Give the number of bytes of a layer, or None if the repository does not hold it."""
        found = self.get(scope, repository, digest)
        return None if found is None else found.size

    def add(
        self, scope: Scope, repository: str, digest: str, size: int, media_type: str | None = None
    ) -> bool:
        """Let a repository hold a blob that is stored, and tell whether it did not do so before.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        with self._store.write() as connection:
            owner = self._store.repositories.require(scope, repository).id
            return (
                connection.execute(
                    "INSERT OR IGNORE INTO layers VALUES (?, ?, ?, ?)",
                    (owner, digest, size, media_type or DEFAULT_MEDIA_TYPE),
                ).rowcount
                > 0
            )

    def mount(self, scope: Scope, source: str, target: str, digest: str) -> bool:
        """Let a repository hold a layer of another one, and tell whether that one had it.

        Raises:
            ServiceError: RepositoryNotFoundException for either repository.
        """
        with self._store.write():
            found = self.get(scope, source, digest)
            if found is None:
                return False
            self.add(scope, target, digest, found.size, found.media_type)
            return True
