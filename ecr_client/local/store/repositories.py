"""Repositories and their settings."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.errors import ServiceError, quota_exceeded
from ecr_client.local.registry import RegistryKey

if TYPE_CHECKING:
    import builtins
    import sqlite3
    from collections.abc import Callable

    from ecr_client.local.store.database import Database
    from ecr_client.local.store.documents import Documents
    from ecr_client.local.store.limits import Limits


@attrs.frozen(kw_only=True)
class Repository:
    """A repository as it is stored."""

    #: Never reused for another repository, not even for one of the same name.
    id: int
    registry: RegistryKey
    name: str
    created_at: datetime
    tag_mutability: str = "MUTABLE"
    #: Pairs of filter type and pattern.
    exclusion_filters: tuple[tuple[str, str], ...] = ()
    scan_on_push: bool = False
    encryption_type: str = "AES256"
    kms_key: str | None = None

    @property
    def arn(self) -> str:
        """The ARN of the repository."""
        return self.registry.repository_arn(self.name)


class Repositories:
    """The repositories of all registries.

    Args:
        database: Where the repositories are.
        documents: The documents that are deleted with a repository.
        clock: Returns the time as an aware UTC datetime.
        limits: The quotas.
    """

    def __init__(
        self,
        database: Database,
        documents: Documents,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._database = database
        self._documents = documents
        self._clock = clock
        self._limits = limits

    def get(self, registry: RegistryKey, name: str) -> Repository | None:
        """Return a repository, or None if it does not exist."""
        with self._database.read() as connection:
            row = connection.execute(
                "SELECT * FROM repositories WHERE account = ? AND region = ? AND name = ?",
                (*registry, name),
            ).fetchone()
        return None if row is None else _repository(row)

    def require(self, registry: RegistryKey, name: str) -> Repository:
        """Return a repository.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        if found := self.get(registry, name):
            return found
        raise ServiceError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id"
            f" '{registry.account}'",
        )

    def create(
        self,
        registry: RegistryKey,
        name: str,
        *,
        tag_mutability: str = "MUTABLE",
        exclusion_filters: tuple[tuple[str, str], ...] = (),
        scan_on_push: bool = False,
        encryption_type: str = "AES256",
        kms_key: str | None = None,
    ) -> Repository:
        """Create a repository; the arguments have been checked.

        Raises:
            ServiceError: RepositoryAlreadyExistsException or LimitExceededException.
        """
        with self._database.write() as connection:
            if self.get(registry, name):
                raise ServiceError(
                    "RepositoryAlreadyExistsException",
                    f"The repository with name '{name}' already exists in the registry with id"
                    f" '{registry.account}'",
                )
            self._check_quota(connection, registry)
            connection.execute(
                "INSERT INTO repositories (account, region, name, created_at, tag_mutability,"
                " exclusion_filters, scan_on_push, encryption_type, kms_key)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *registry,
                    name,
                    self._clock().timestamp(),
                    tag_mutability,
                    json.dumps(exclusion_filters),
                    scan_on_push,
                    encryption_type,
                    kms_key,
                ),
            )
            return self.require(registry, name)

    def update(self, registry: RegistryKey, name: str, **settings: Any) -> Repository:
        """Change settings, named as the attributes of `Repository`, and return the new repository.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        with self._database.write() as connection:
            changed = attrs.evolve(self.require(registry, name), **settings)
            connection.execute(
                "UPDATE repositories SET tag_mutability = ?, exclusion_filters = ?,"
                " scan_on_push = ? WHERE id = ?",
                (
                    changed.tag_mutability,
                    json.dumps(changed.exclusion_filters),
                    changed.scan_on_push,
                    changed.id,
                ),
            )
            return changed

    def delete(self, registry: RegistryKey, name: str, *, force: bool = False) -> Repository:
        """Delete a repository with everything that belongs to it, and return what it was.

        Raises:
            ServiceError: RepositoryNotFoundException, or RepositoryNotEmptyException if there are
                images and `force` is not set.
        """
        with self._database.write() as connection:
            found = self.require(registry, name)
            images = connection.execute(
                "SELECT 1 FROM images WHERE repository = ? LIMIT 1", (found.id,)
            ).fetchone()
            if images and not force:
                raise ServiceError(
                    "RepositoryNotEmptyException",
                    f"The repository with name '{name}' in registry with id '{registry.account}'"
                    " cannot be deleted because it still contains images",
                )
            connection.execute("DELETE FROM repositories WHERE id = ?", (found.id,))
            self._documents.forget_repository(registry, name)
            return found

    def list(
        self, registry: RegistryKey, *, after: str | None = None, limit: int | None = None
    ) -> list[Repository]:
        """Return the repositories of a registry, ordered by name.

        Args:
            registry: The registry.
            after: Begin after this name; None for the first repository.
            limit: The largest number to return; None for no limit.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT * FROM repositories WHERE account = ? AND region = ? AND name > ?"
                " ORDER BY name LIMIT ?",
                (*registry, after or "", -1 if limit is None else limit),
            ).fetchall()
        return [_repository(row) for row in rows]

    def registries(self) -> builtins.list[RegistryKey]:
        """Return the registries that have repositories, in order."""
        with self._database.read() as connection:
            rows = connection.execute("SELECT DISTINCT account, region FROM repositories")
            return sorted(RegistryKey(row["account"], row["region"]) for row in rows)

    def _check_quota(self, connection: sqlite3.Connection, registry: RegistryKey) -> None:
        limit = self._limits.repositories
        count = connection.execute(
            "SELECT count(*) FROM repositories WHERE account = ? AND region = ?", registry
        ).fetchone()[0]
        if count >= limit:
            raise quota_exceeded(registry.account, "repositories", limit)


def _repository(row: sqlite3.Row) -> Repository:
    registry = RegistryKey(row["account"], row["region"])
    by_kms = row["encryption_type"] != "AES256"
    return Repository(
        id=row["id"],
        registry=registry,
        name=row["name"],
        created_at=datetime.fromtimestamp(row["created_at"], timezone.utc),
        tag_mutability=row["tag_mutability"],
        exclusion_filters=tuple(
            (kind, text) for kind, text in json.loads(row["exclusion_filters"])
        ),
        scan_on_push=bool(row["scan_on_push"]),
        encryption_type=row["encryption_type"],
        kms_key=row["kms_key"] or (registry.kms_key if by_kms else None),
    )
