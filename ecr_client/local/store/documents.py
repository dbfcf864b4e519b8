"""Small JSON values, such as policies and settings, kept by registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store.database import Database

#: Documents of these kinds belong to a repository and are deleted with it. Their key is the
#: repository's name, or the name, a colon, and more (no name contains a colon).
OF_REPOSITORY = "repository/"
#: Documents of these kinds belong to an image and are deleted with it. Their key is `image_key`.
OF_IMAGE = "image/"
#: SQLite before 3.32 takes 999 parameters in a statement.
_AT_ONCE = 500


def image_key(repository: str, digest: str) -> str:
    """Return the key of an image's documents."""
    return f"{repository}:{digest}"


class Documents:
    """JSON values by registry, kind and key.

    A document whose kind begins with ``repository/`` or ``image/`` is deleted together with what it
    belongs to.

    Args:
        database: Where the documents are.
    """

    def __init__(self, database: Database) -> None:
        self._database = database

    def get(self, registry: RegistryKey, kind: str, key: str) -> Any | None:
        """Return a value, or None if there is none."""
        return self.get_many(registry, kind, [key]).get(key)

    def get_many(self, registry: RegistryKey, kind: str, keys: Sequence[str]) -> dict[str, Any]:
        """Return the values of those keys that have one."""
        found = {}
        with self._database.read() as connection:
            for start in range(0, len(keys), _AT_ONCE):
                some = keys[start : start + _AT_ONCE]
                marks = ", ".join("?" * len(some))
                rows = connection.execute(
                    "SELECT key, value FROM documents"
                    f" WHERE account = ? AND region = ? AND kind = ? AND key IN ({marks})",
                    (*registry, kind, *some),
                )
                found.update({row["key"]: json.loads(row["value"]) for row in rows})
        return found

    def put(self, registry: RegistryKey, kind: str, key: str, value: Any) -> None:
        """Store a value, replacing an earlier one."""
        with self._database.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                (*registry, kind, key, json.dumps(value)),
            )

    def delete(self, registry: RegistryKey, kind: str, key: str) -> bool:
        """Delete a value, and return whether there was one."""
        with self._database.write() as connection:
            deleted = connection.execute(
                "DELETE FROM documents WHERE account = ? AND region = ? AND kind = ? AND key = ?",
                (*registry, kind, key),
            )
            return deleted.rowcount > 0

    def list(self, registry: RegistryKey, kind: str) -> list[tuple[str, Any]]:
        """Return the keys and values of one kind, ordered by key."""
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT key, value FROM documents WHERE account = ? AND region = ? AND kind = ?"
                " ORDER BY key",
                (*registry, kind),
            ).fetchall()
        return [(row["key"], json.loads(row["value"])) for row in rows]

    def forget_repository(self, registry: RegistryKey, name: str) -> None:
        """Delete all documents that belong to a repository or to an image in it."""
        self._forget(registry, OF_REPOSITORY, name)
        self._forget(registry, OF_IMAGE, name)

    def forget_image(self, registry: RegistryKey, repository: str, digest: str) -> None:
        """Delete all documents that belong to an image."""
        self._forget(registry, OF_IMAGE, image_key(repository, digest))

    def _forget(self, registry: RegistryKey, kinds: str, key: str) -> None:
        with self._database.write() as connection:
            connection.execute(
                "DELETE FROM documents WHERE account = ? AND region = ? AND kind >= ? AND kind < ?"
                " AND (key = ? OR (key >= ? AND key < ?))",
                (*registry, kinds, _after(kinds), key, f"{key}:", _after(f"{key}:")),
            )


def _after(prefix: str) -> str:
    """Return the end of the range of strings that begin with a prefix."""
    return prefix + chr(0x10FFFF)
