"""The images of repositories: reading, tags, deleting. How they get in is in `push`."""

from __future__ import annotations

import builtins  # `list` is a method of the class
import logging
import sqlite3
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ecr_client.local.store import image as stored
from ecr_client.local.store import push
from ecr_client.local.store.image import ACTIVE, ImageEntry, ImageRefusedError, StoredImage

if TYPE_CHECKING:
    from ecr_client.local.store.scope import Scope
    from ecr_client.local.store.store import Store

logger = logging.getLogger("ecr_client.local")

#: A pull is recorded if the last record is older: not every pull has to wait for the disk.
_PULLS_APART = timedelta(minutes=1)


class Images:
    """The images of all repositories.

    Every method raises RepositoryNotFoundException, as a ServiceError, for an unknown repository.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def put(
        self,
        scope: Scope,
        repository: str,
        manifest: bytes,
        media_type: str | None = None,
        tag: str | None = None,
        digest: str | None = None,
    ) -> StoredImage:
        """Store a manifest or index, or tag a stored one, and give what is then there.

        Args:
            scope: The registry.
            repository: The repository's name.
            manifest: The manifest as it was sent.
            media_type: What it is; needed if it does not say so itself.
            tag: A tag for it, taken from the image that has it.
            digest: What the caller takes its digest to be.

        Raises:
            ServiceError: InvalidParameterException, ImageDigestDoesNotMatchException,
                LayersNotFoundException, ReferencedImagesNotFoundException,
                ImageTagAlreadyExistsException, ImageAlreadyExistsException, LimitExceededException.
        """
        return push.put(self._store, scope, repository, manifest, media_type, tag, digest)

    def get(
        self, scope: Scope, repository: str, *, tag: str | None = None, digest: str | None = None
    ) -> StoredImage | None:
        """Give the image with this tag, this digest, or both, or None."""
        if tag is None and digest is None:
            raise ValueError("neither tag nor digest")
        with self._store.read() as connection:
            owner = self._owner(scope, repository)
            if tag is None:
                rows = connection.execute(
                    "SELECT * FROM images WHERE repository = ? AND digest = ?", (owner, digest)
                )
            else:
                rows = connection.execute(
                    "SELECT images.* FROM images JOIN tags ON images.id = image"
                    " WHERE tags.repository = ? AND tag = ? AND digest = coalesce(?, digest)",
                    (owner, tag, digest),
                )
            found = stored.load(connection, rows.fetchall(), self._store.blobs.read)
        return found[0] if found else None

    def resolve(
        self, scope: Scope, repository: str, *, tag: str | None = None, digest: str | None = None
    ) -> StoredImage:
        """Give the image with this tag, this digest, or both.

        Raises:
            ImageRefusedError: It cannot be had; with the code and text of the batch operations.
        """
        if not tag and not digest:
            raise ImageRefusedError(
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            )
        if digest and not push.DIGEST.fullmatch(digest):
            raise ImageRefusedError(
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex"
                f" '{push.DIGEST.pattern}'",
            )
        if tag and not push.TAG.fullmatch(tag):
            raise ImageRefusedError(
                "InvalidImageTag",
                "Invalid request parameters: image tag should satisfy the regex"
                f" '{push.TAG.pattern}'",
            )
        found = self.get(scope, repository, tag=tag or None, digest=digest or None)
        if found:
            return found
        if tag and digest and self.get(scope, repository, tag=tag):
            raise ImageRefusedError(
                "ImageTagDoesNotMatchDigest",
                f"Invalid request parameters: tag '{tag}' does not map to digest '{digest}'",
            )
        raise ImageRefusedError("ImageNotFound", "Requested image not found")

    def list(
        self,
        scope: Scope,
        repository: str,
        *,
        tagged: bool | None = None,
        status: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[StoredImage]:
        """Give the images of a repository in the order in which they were pushed first.

        Args:
            scope: The registry.
            repository: The repository's name.
            tagged: Only images that have tags, or only such that have none; None for both.
            status: Only images in this state; None for all.
            after: Begin with the image that follows the one of this number.
            limit: Give so many at most; None for all.
        """
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT * FROM images WHERE repository = ? AND id > ?"
                " AND status = coalesce(?, status) AND (? IS NULL OR"
                " EXISTS (SELECT 1 FROM tags WHERE image = images.id) = ?) ORDER BY id LIMIT ?",
                (
                    self._owner(scope, repository),
                    after,
                    status,
                    tagged,
                    tagged,
                    -1 if limit is None else limit,
                ),
            ).fetchall()
            return stored.load(connection, rows, self._store.blobs.read)

    def entries(
        self,
        scope: Scope,
        repository: str,
        *,
        tagged: bool | None = None,
        status: str | None = None,
        after: tuple[int, str] = (0, ""),
        limit: int | None = None,
    ) -> builtins.list[ImageEntry]:
        """Give a line for every tag, and one for every image without tags; arguments as of `list`.

        Args:
            scope: The registry.
            repository: The repository's name.
            tagged: Only lines with a tag, or only those without; None for both.
            status: Only images in this state; None for all.
            after: Begin after the line with this number and tag ("" for none).
            limit: Give so many at most; None for all.
        """
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT images.id, digest, tag FROM images LEFT JOIN tags ON images.id = image"
                " WHERE images.repository = ? AND (images.id, coalesce(tag, '')) > (?, ?)"
                " AND status = coalesce(?, status) AND (? IS NULL OR (tag IS NOT NULL) = ?)"
                " ORDER BY images.id, tag LIMIT ?",
                (
                    self._owner(scope, repository),
                    *after,
                    status,
                    tagged,
                    tagged,
                    -1 if limit is None else limit,
                ),
            ).fetchall()
        return [ImageEntry(number=row["id"], digest=row["digest"], tag=row["tag"]) for row in rows]

    def referrers(self, scope: Scope, repository: str, digest: str) -> builtins.list[StoredImage]:
        """Give the images whose subject is this digest, in the order in which they were pushed."""
        with self._store.read() as connection:
            rows = connection.execute(
                "SELECT * FROM images WHERE repository = ? AND subject = ? ORDER BY id",
                (self._owner(scope, repository), digest),
            ).fetchall()
            return stored.load(connection, rows, self._store.blobs.read)

    def delete(
        self, scope: Scope, repository: str, *, tag: str | None = None, digest: str | None = None
    ) -> builtins.list[tuple[str, str | None]]:
        """Delete a tag, and the image with its last one; or by digest an image with all its tags.

        Returns:
            Digest and tag of every line of ListImages that is gone.

        Raises:
            ImageRefusedError: It is not there, or an index lists it.
        """
        with self._store.write() as connection:
            found = self.resolve(scope, repository, tag=tag, digest=digest)
            if tag and found.tags != (tag,):
                connection.execute(
                    "DELETE FROM tags WHERE repository = ? AND tag = ?",
                    (self._owner(scope, repository), tag),
                )
                return [(found.digest, tag)]
            self._check_unlisted(connection, self._owner(scope, repository), found.digest)
            connection.execute("DELETE FROM images WHERE id = ?", (found.number,))
            self._store.documents.forget_image(scope, repository, found.digest)
            return [(found.digest, name) for name in found.tags or (None,)]

    def record_pull(self, scope: Scope, repository: str, image: StoredImage) -> None:
        """Note that an image was pulled now; a pull soon after another one is not noted.

        Nor is a pull that cannot be written down: who pulls gets what is there all the same.
        """
        now = self._store.clock()
        if image.last_pulled_at is not None and now - image.last_pulled_at < _PULLS_APART:
            return
        try:
            self._update(scope, repository, image.digest, "pulled_at = ?", now.timestamp())
        except (sqlite3.Error, OSError) as error:
            logger.warning("the pull of %s was not recorded: %s", image.digest, error)

    def set_status(self, scope: Scope, repository: str, digest: str, status: str) -> None:
        """Archive an image or make it active again, and note when."""
        column = "activated_at" if status == ACTIVE else "archived_at"
        now: datetime = self._store.clock()
        self._update(
            scope, repository, digest, f"status = ?, {column} = ?", status, now.timestamp()
        )

    def _update(self, scope: Scope, repository: str, digest: str, what: str, *values: Any) -> None:
        with self._store.write() as connection:
            connection.execute(
                f"UPDATE images SET {what} WHERE repository = ? AND digest = ?",
                (*values, self._owner(scope, repository), digest),
            )

    def _owner(self, scope: Scope, repository: str) -> int:
        return self._store.repositories.require(scope, repository).id

    @staticmethod
    def _check_unlisted(connection: sqlite3.Connection, owner: int, digest: str) -> None:
        rows = connection.execute(
            "SELECT images.digest FROM images JOIN image_children ON images.id = image"
            " WHERE image_children.repository = ? AND image_children.digest = ? ORDER BY images.id",
            (owner, digest),
        ).fetchall()
        if rows:
            listing = ", ".join(row["digest"] for row in rows)
            raise ImageRefusedError(
                "ImageReferencedByManifestList",
                f"Requested image referenced by manifest list: [{listing}]",
            )
