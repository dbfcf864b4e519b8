"""Small JSON values of any kind, kept apart by registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.local.store.scope import Scope
    from ecr_client.local.store.store import Store

#: Documents of these kinds belong to a repository, and go when it is deleted. Their key is the
#: repository's name, or the name, a colon, and more (no name holds a colon).
OF_REPOSITORY = "repository/"
#: Documents of these kinds belong to an image, and go when it is deleted. Their key is `image_key`.
OF_IMAGE = "image/"


def image_key(repository: str, digest: str) -> str:
    """Give the key of an image's documents."""
    return f"{repository}:{digest}"


class Documents:
    """Values that JSON can express, by registry, kind and key.

    A kind that begins with ``repository/`` or ``image/`` goes together with what it belongs to.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def get(self, scope: Scope, kind: str, key: str) -> Any | None:
        """Give the value, or None if there is none."""
        with self._store.read() as connection:
            row = connection.execute(
                "SELECT value FROM documents"
                " WHERE account = ? AND region = ? AND kind = ? AND key = ?",
                (*scope, kind, key),
            ).fetchone()
        return None if row is None else json.loads(row["value"])

    def put(self, scope: Scope, kind: str, key: str, value: Any) -> None:
        """Store the value in place of what was there."""
        with self._store.write() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO documents VALUES (?, ?, ?, ?, ?)",
                (*scope, kind, key, json.dumps(value)),
            )

    def delete(self, scope: Scope, kind: str, key: str) -> bool:
        """Delete the value, and tell whether there was one."""
        with self._store.write() as connection:
            return (
                connection.execute(
                    "DELETE FROM documents"
                    " WHERE account = ? AND region = ? AND kind = ? AND key = ?",
                    (*scope, kind, key),
                ).rowcount
                > 0
            )

    def list(self, scope: Scope, kind: str, prefix: str = "") -> list[tuple[str, Any]]:
        """Give keys and values of one kind whose keys begin with `prefix`, ordered by key."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT key, value FROM documents WHERE account = ? AND region = ? AND kind = ?"
                " AND key >= ? AND key < ? ORDER BY key",
                (*scope, kind, prefix, _after(prefix)),
            ).fetchall()
        return [(row["key"], json.loads(row["value"])) for row in rows]

    def forget_repository(self, scope: Scope, name: str) -> None:
        """Delete all documents that belong to a repository or to an image in it."""
        self._forget(scope, OF_REPOSITORY, name)
        self._forget(scope, OF_IMAGE, name)

    def forget_image(self, scope: Scope, repository: str, digest: str) -> None:
        """Delete all documents that belong to an image."""
        self._forget(scope, OF_IMAGE, image_key(repository, digest))

    def _forget(self, scope: Scope, kinds: str, key: str) -> None:
        with self._store.write() as connection:
            connection.execute(
                "DELETE FROM documents WHERE account = ? AND region = ? AND kind >= ? AND kind < ?"
                " AND (key = ? OR (key >= ? AND key < ?))",
                (*scope, kinds, _after(kinds), key, f"{key}:", _after(f"{key}:")),
            )


def _after(prefix: str) -> str:
    """Give the end of the range of strings that begin with `prefix`."""
    return prefix + chr(0x10FFFF)
