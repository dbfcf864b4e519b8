"""Repositories and their settings."""

from __future__ import annotations

import json
import uuid
from datetime import datetime, timezone
from functools import cache
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.errors import ServiceError
from ecr_client.local.store.scope import Scope

if TYPE_CHECKING:
    import sqlite3

    from ecr_client.local.store.store import Store


@attrs.frozen(kw_only=True)
class Repository:
    """A repository as it is stored."""

    #: Never used again for another repository, even one of the same name.
    id: int
    scope: Scope
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
        return repository_arn(self.scope, self.name)


def partition_of(region: str) -> str:
    """Give the partition that a region belongs to, going by its name."""
    for prefix, partition in (
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("us-isob-", "aws-iso-b"),
        ("us-isof-", "aws-iso-f"),
        ("us-iso-", "aws-iso"),
        ("eu-isoe-", "aws-iso-e"),
        ("eusc-", "aws-eusc"),
    ):
        if region.startswith(prefix):
            return partition
    return "aws"


@cache
def known_regions(partition: str) -> frozenset[str]:
    """Return the regions of a partition that the installed botocore knows."""
    from ecr_client.regions import loader

    return frozenset(
        name
        for each in loader().load_data("partitions")["partitions"]
        for name in each["regions"]
        if each["id"] == partition and not name.endswith("-global")
    )


def default_kms_key(scope: Scope) -> str:
    """Return the ARN of the key that encrypts repositories of a registry if none is named.

    It is the key with the alias ``aws/ecr``, which AWS makes by itself: one a registry.
    """
    number = uuid.uuid5(uuid.NAMESPACE_URL, f"alias/aws/ecr/{scope.account}/{scope.region}")
    return f"arn:{partition_of(scope.region)}:kms:{scope.region}:{scope.account}:key/{number}"


def repository_arn(scope: Scope, name: str) -> str:
    """Give the ARN of a repository."""
    return f"arn:{partition_of(scope.region)}:ecr:{scope.region}:{scope.account}:repository/{name}"


def parse_repository_arn(arn: str, region: str) -> tuple[Scope, str] | None:
    """Return registry and name of a repository of the region; None if the ARN is of nothing so."""
    kind, partition, service, arn_region, account, resource = [*arn.split(":", 5), *[""] * 6][:6]
    name = resource.removeprefix("repository/")
    if (
        (kind, service, arn_region) != ("arn", "ecr", region)
        or not partition
        or not (account.isascii() and account.isdigit() and len(account) == 12)
        or not name
        or name == resource
    ):
        return None
    return Scope(account, region), name


class Repositories:
    """The repositories of all registries."""

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, scope: Scope, name: str) -> Repository | None:
        """Give a repository, or None if there is none of that name."""
        with self._store.read() as connection:
            row = connection.execute(
                "SELECT * FROM repositories WHERE account = ? AND region = ? AND name = ?",
                (*scope, name),
            ).fetchone()
        return None if row is None else _repository(row)

    def require(self, scope: Scope, name: str) -> Repository:
        """Give a repository.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        if found := self.get(scope, name):
            return found
        raise ServiceError(
            "RepositoryNotFoundException",
            f"The repository with name '{name}' does not exist in the registry with id"
            f" '{scope.account}'",
        )

    def create(
        self,
        scope: Scope,
        name: str,
        *,
        tag_mutability: str = "MUTABLE",
        exclusion_filters: tuple[tuple[str, str], ...] = (),
        scan_on_push: bool = False,
        encryption_type: str = "AES256",
        kms_key: str | None = None,
    ) -> Repository:
        """Make a repository; the arguments have been checked.

        Raises:
            ServiceError: RepositoryAlreadyExistsException or LimitExceededException.
        """
        with self._store.write() as connection:
            if self.get(scope, name):
                raise ServiceError(
                    "RepositoryAlreadyExistsException",
                    f"The repository with name '{name}' already exists in the registry with id"
                    f" '{scope.account}'",
                )
            self._check_room(connection, scope)
            connection.execute(
                "INSERT INTO repositories (account, region, name, created_at, tag_mutability,"
                " exclusion_filters, scan_on_push, encryption_type, kms_key)"
                " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (
                    *scope,
                    name,
                    self._store.clock().timestamp(),
                    tag_mutability,
                    json.dumps(exclusion_filters),
                    scan_on_push,
                    encryption_type,
                    kms_key,
                ),
            )
            return self.require(scope, name)

    def update(self, scope: Scope, name: str, **settings: Any) -> Repository:
        """Change settings, given by the names of `Repository`, and give the repository after it.

        Raises:
            ServiceError: RepositoryNotFoundException.
        """
        with self._store.write() as connection:
            changed = attrs.evolve(self.require(scope, name), **settings)
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

    def delete(self, scope: Scope, name: str, *, force: bool = False) -> Repository:
        """Delete a repository with all that belongs to it, and give what it was.

        Raises:
            ServiceError: RepositoryNotFoundException, or RepositoryNotEmptyException if there are
                images and `force` is not set.
        """
        with self._store.write() as connection:
            found = self.require(scope, name)
            images = connection.execute(
                "SELECT 1 FROM images WHERE repository = ? LIMIT 1", (found.id,)
            ).fetchone()
            if images and not force:
                raise ServiceError(
                    "RepositoryNotEmptyException",
                    f"The repository with name '{name}' in registry with id '{scope.account}'"
                    " cannot be deleted because it still contains images",
                )
            connection.execute("DELETE FROM repositories WHERE id = ?", (found.id,))
            self._store.documents.forget_repository(scope, name)
            return found

    def list(
        self, scope: Scope, *, after: str | None = None, limit: int | None = None
    ) -> list[Repository]:
        """Give the repositories of a registry ordered by name.

        Args:
            scope: The registry.
            after: Begin with the name that follows this one.
            limit: Give so many at most; None for all.
        """
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT * FROM repositories WHERE account = ? AND region = ? AND name > ?"
                " ORDER BY name LIMIT ?",
                (*scope, after or "", -1 if limit is None else limit),
            ).fetchall()
        return [_repository(row) for row in rows]

    def _check_room(self, connection: sqlite3.Connection, scope: Scope) -> None:
        limit = self._store.limits.repositories
        count = connection.execute(
            "SELECT count(*) FROM repositories WHERE account = ? AND region = ?", scope
        ).fetchone()[0]
        if count >= limit:
            raise ServiceError(
                "LimitExceededException",
                f"The registry with id '{scope.account}' already has the maximum number of"
                f" repositories: {limit}",
            )


def _repository(row: sqlite3.Row) -> Repository:
    scope = Scope(row["account"], row["region"])
    by_kms = row["encryption_type"] != "AES256"
    return Repository(
        id=row["id"],
        scope=scope,
        name=row["name"],
        created_at=datetime.fromtimestamp(row["created_at"], timezone.utc),
        tag_mutability=row["tag_mutability"],
        exclusion_filters=tuple(
            (kind, text) for kind, text in json.loads(row["exclusion_filters"])
        ),
        scan_on_push=bool(row["scan_on_push"]),
        encryption_type=row["encryption_type"],
        kms_key=row["kms_key"] or (default_kms_key(scope) if by_kms else None),
    )
