"""Images: pushing them, reading, tagging and deleting them."""

from __future__ import annotations

import builtins  # `list` is a method of the class
import json
import logging
import re
import sqlite3
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.wildcards import matches
from ecr_client.oci import Digest, Index, Manifest, parse_manifest
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store.blobs import Blobs
    from ecr_client.local.store.database import Database
    from ecr_client.local.store.documents import Documents
    from ecr_client.local.store.limits import Limits
    from ecr_client.local.store.repositories import Repositories, Repository
    from ecr_client.oci import Descriptor

logger: logging.Logger = logging.getLogger("ecr_client.local")

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"
#: The model's digests: messages quote this, and a well-formed one of any algorithm can be missing.
DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
#: The distribution specification's tags, with the length that the service's model allows.
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}")
#: A pull is recorded if the last record is older, so that not every pull waits for the disk.
_PULLS_APART = timedelta(minutes=1)
#: No tag contains a comma.
_SELECT = (
    "SELECT images.*, (SELECT group_concat(tag) FROM tags WHERE image = images.id) AS tags"
    " FROM images"
)


@attrs.frozen(kw_only=True)
class StoredImage:
    """A manifest or an index in a repository, without its bytes: see `Images.manifest`."""

    digest: str
    media_type: str
    #: Configuration and layers together; of an index, the size of its largest image.
    size_in_bytes: int
    #: In alphabetical order.
    tags: tuple[str, ...] = ()
    pushed_at: datetime
    last_pulled_at: datetime | None = None
    #: The digest of the manifest that this one refers to.
    subject: str | None = None
    artifact_type: str | None = None
    config_media_type: str | None = None
    annotations: dict[str, str] = attrs.Factory(dict)
    #: The digests that an index lists.
    platform_children: tuple[str, ...] = ()
    status: str = ACTIVE
    archived_at: datetime | None = None
    activated_at: datetime | None = None
    #: Grows with every push of a new image; never reused.
    number: int = 0


@attrs.frozen(kw_only=True)
class ImageEntry:
    """An entry of ListImages: an image under one of its tags, or without a tag if it has none."""

    number: int
    digest: str
    tag: str | None


class ImageRefusedError(Exception):
    """An image of a batch that cannot be read or deleted, with the failure code of the API."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


class Images:
    """The images of all repositories.

    Every method raises RepositoryNotFoundException, as a ServiceError, for an unknown repository.

    Args:
        database: Where images and tags are recorded.
        blobs: Where manifests are stored.
        repositories: The repositories that hold images.
        documents: The documents that are deleted with an image.
        clock: Returns the time as an aware UTC datetime.
        limits: The quotas.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        repositories: Repositories,
        documents: Documents,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._repositories = repositories
        self._documents = documents
        self._clock = clock
        self._limits = limits

    def put(
        self,
        registry: RegistryKey,
        repository: str,
        manifest: bytes,
        media_type: str | None = None,
        tag: str | None = None,
        digest: str | None = None,
    ) -> StoredImage:
        """Store a manifest or an index, or tag a stored one, and return the image.

        Args:
            registry: The registry.
            repository: The repository's name.
            manifest: The manifest as it was sent.
            media_type: Its media type; needed if the manifest itself has none.
            tag: A tag for it, which is removed from the image that has it.
            digest: The digest that the client expects it to have.

        Raises:
            ServiceError: InvalidParameterException, ImageDigestDoesNotMatchException,
                LayersNotFoundException, ReferencedImagesNotFoundException,
                ImageTagAlreadyExistsException, ImageAlreadyExistsException, LimitExceededException.
        """
        self._repositories.require(registry, repository)
        if tag is not None and not TAG.fullmatch(tag):
            raise invalid_parameter("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
        parsed = _parse(manifest, media_type)
        actual = Digest.of(manifest)
        if digest is not None and digest != actual:
            raise _wrong_digest(digest, actual)
        # Before the transaction, so that nobody waits for this write; harmless if the push fails.
        self._blobs.put(manifest)
        with self._database.write() as connection:
            owner = self._repositories.require(registry, repository)
            size = _check_references(connection, owner, parsed)
            row = connection.execute(
                "SELECT id, status FROM images WHERE repository = ? AND digest = ?",
                (owner.id, actual),
            ).fetchone()
            number = None if row is None else row["id"]
            moves_tag = _check_tag(connection, owner, number, tag)
            if row is None:
                self._check_quota(connection, owner)
                now = self._clock().timestamp()
                number = _insert(connection, owner, parsed, actual, size, now)
            elif row["status"] != ACTIVE:  # pushing an archived image again restores it
                self.set_status(registry, repository, actual, ACTIVE)
            elif not moves_tag:
                raise _already_exists(owner, actual, tag)
            if tag is not None:
                connection.execute(
                    "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (owner.id, tag, number)
                )
            stored = connection.execute(f"{_SELECT} WHERE id = ?", (number,)).fetchone()
            return _image(stored)

    def get(
        self,
        registry: RegistryKey,
        repository: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
    ) -> StoredImage | None:
        """Return the image with this tag, this digest, or both, or None."""
        if tag is None and digest is None:
            raise ValueError("tag or digest must be given")
        with self._database.read() as connection:
            owner = self._repositories.require(registry, repository).id
            if tag is None:
                rows = connection.execute(
                    f"{_SELECT} WHERE repository = ? AND digest = ?", (owner, digest)
                )
            else:
                rows = connection.execute(
                    f"{_SELECT} JOIN tags AS named ON images.id = named.image WHERE"
                    " named.repository = ? AND named.tag = ? AND digest = coalesce(?, digest)",
                    (owner, tag, digest),
                )
            found = rows.fetchone()
        return None if found is None else _image(found)

    def resolve(
        self,
        registry: RegistryKey,
        repository: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
    ) -> StoredImage:
        """Return the image with this tag, this digest, or both.

        Raises:
            ImageRefusedError: There is none, with the code and reason of the batch operations.
        """
        if not tag and not digest:
            raise ImageRefusedError(
                "MissingDigestAndTag",
                "Invalid request parameters: both tag and digest cannot be null",
            )
        if digest and not DIGEST.fullmatch(digest):
            raise ImageRefusedError(
                "InvalidImageDigest",
                "Invalid request parameters: image digest should satisfy the regex"
                f" '{DIGEST.pattern}'",
            )
        if tag and not TAG.fullmatch(tag):
            raise ImageRefusedError(
                "InvalidImageTag",
                f"Invalid request parameters: image tag should satisfy the regex '{TAG.pattern}'",
            )
        found = self.get(registry, repository, tag=tag or None, digest=digest or None)
        if found:
            return found
        if tag and digest and self.get(registry, repository, tag=tag):
            raise ImageRefusedError(
                "ImageTagDoesNotMatchDigest",
                f"Invalid request parameters: tag '{tag}' does not map to digest '{digest}'",
            )
        raise ImageRefusedError("ImageNotFound", "Requested image not found")

    def manifest(self, image: StoredImage) -> bytes:
        """Read the manifest of an image as it was pushed."""
        return self._blobs.read(image.digest)

    def manifest_size(self, image: StoredImage) -> int:
        """Return the size of an image's manifest in bytes, without opening it."""
        return self._blobs.size(image.digest)

    def list(
        self,
        registry: RegistryKey,
        repository: str,
        *,
        tagged: bool | None = None,
        status: str | None = None,
        after: int = 0,
        limit: int | None = None,
    ) -> list[StoredImage]:
        """Return the images of a repository in the order in which they were first pushed.

        Args:
            registry: The registry.
            repository: The repository's name.
            tagged: Only images with tags, or only those without any; None for both.
            status: Only images with this status; None for all.
            after: Begin after the image with this number.
            limit: The largest number to return; None for no limit.
        """
        with self._database.read() as connection:
            owner = self._repositories.require(registry, repository).id
            rows = connection.execute(
                f"{_SELECT} WHERE repository = ? AND id > ? AND status = coalesce(?, status)"
                " AND (? IS NULL OR (tags IS NOT NULL) = ?) ORDER BY id LIMIT ?",
                (owner, after, status, tagged, tagged, -1 if limit is None else limit),
            ).fetchall()
        return [_image(row) for row in rows]

    def entries(
        self,
        registry: RegistryKey,
        repository: str,
        *,
        tagged: bool | None = None,
        status: str | None = None,
        after: tuple[int, str] = (0, ""),
        limit: int | None = None,
    ) -> builtins.list[ImageEntry]:
        """Return an entry for every tag, and one for every image without tags, images in order.

        Args:
            registry: The registry.
            repository: The repository's name.
            tagged: Only entries with a tag, or only those without one; None for both.
            status: Only images with this status; None for all.
            after: Begin after the entry with this number and tag ("" for none).
            limit: The largest number to return; None for no limit.
        """
        number, tag = after
        with self._database.read() as connection:
            owner = self._repositories.require(registry, repository).id
            # The first condition on the number is the one that an index can be searched by.
            rows = connection.execute(
                "SELECT images.id, digest, tag FROM images"
                " LEFT JOIN tags ON images.id = image AND tags.repository = images.repository"
                " WHERE images.repository = ? AND images.id >= ?"
                " AND (images.id > ? OR coalesce(tag, '') > ?)"
                " AND status = coalesce(?, status) AND (? IS NULL OR (tag IS NOT NULL) = ?)"
                " ORDER BY images.id, tag LIMIT ?",
                (
                    *(owner, number, number, tag, status, tagged, tagged),
                    -1 if limit is None else limit,
                ),
            ).fetchall()
        return [ImageEntry(number=row["id"], digest=row["digest"], tag=row["tag"]) for row in rows]

    def tags(
        self, registry: RegistryKey, repository: str, *, after: str, limit: int
    ) -> builtins.list[str]:
        """Return the tags of images that can be pulled, in alphabetical order.

        Args:
            registry: The registry.
            repository: The repository's name.
            after: Begin after this tag; "" for the first one.
            limit: The largest number to return.
        """
        with self._database.read() as connection:
            rows = connection.execute(
                "SELECT tag FROM tags JOIN images ON images.id = image"
                " WHERE tags.repository = ? AND tag > ? AND status = ? ORDER BY tag LIMIT ?",
                (self._repositories.require(registry, repository).id, after, ACTIVE, limit),
            ).fetchall()
        return [row["tag"] for row in rows]

    def referrers(
        self, registry: RegistryKey, repository: str, digest: str
    ) -> builtins.list[StoredImage]:
        """Return the images whose subject is this digest, in the order of their pushes."""
        with self._database.read() as connection:
            rows = connection.execute(
                f"{_SELECT} WHERE repository = ? AND subject = ? ORDER BY id",
                (self._repositories.require(registry, repository).id, digest),
            ).fetchall()
        return [_image(row) for row in rows]

    def delete(
        self,
        registry: RegistryKey,
        repository: str,
        *,
        tag: str | None = None,
        digest: str | None = None,
    ) -> builtins.list[tuple[str, str | None]]:
        """Delete a tag, and the image with its last one; or by digest an image with all its tags.

        Returns:
            Digest and tag of each entry of ListImages that is deleted.

        Raises:
            ImageRefusedError: There is no such image, or an index lists it.
        """
        with self._database.write() as connection:
            found = self.resolve(registry, repository, tag=tag, digest=digest)
            owner = self._repositories.require(registry, repository).id
            if tag and found.tags != (tag,):
                connection.execute(
                    "DELETE FROM tags WHERE repository = ? AND tag = ?", (owner, tag)
                )
                return [(found.digest, tag)]
            _check_unlisted(connection, owner, found.digest)
            connection.execute("DELETE FROM images WHERE id = ?", (found.number,))
            self._documents.forget_image(registry, repository, found.digest)
            return [(found.digest, name) for name in found.tags or (None,)]

    def record_pull(self, registry: RegistryKey, repository: str, image: StoredImage) -> None:
        """Record that an image is pulled now, unless a pull was recorded within the last minute.

        A pull that cannot be recorded, as on a full disk, succeeds nevertheless.
        """
        now = self._clock()
        if image.last_pulled_at is not None and now - image.last_pulled_at < _PULLS_APART:
            return
        try:
            self._update(registry, repository, image.digest, "pulled_at = ?", now.timestamp())
        except (sqlite3.Error, OSError) as error:
            logger.warning("the pull of %s was not recorded: %s", image.digest, error)

    def set_status(self, registry: RegistryKey, repository: str, digest: str, status: str) -> None:
        """Archive an image or make it active again, and record when."""
        column = "activated_at" if status == ACTIVE else "archived_at"
        now = self._clock().timestamp()
        self._update(registry, repository, digest, f"status = ?, {column} = ?", status, now)

    def _update(
        self, registry: RegistryKey, repository: str, digest: str, what: str, *values: Any
    ) -> None:
        with self._database.write() as connection:
            connection.execute(
                f"UPDATE images SET {what} WHERE repository = ? AND digest = ?",
                (*values, self._repositories.require(registry, repository).id, digest),
            )

    def _check_quota(self, connection: sqlite3.Connection, owner: Repository) -> None:
        limit = self._limits.images
        count = connection.execute(
            "SELECT count(*) FROM images WHERE repository = ?", (owner.id,)
        ).fetchone()[0]
        if count >= limit:
            raise ServiceError(
                "LimitExceededException",
                f"The repository with name '{owner.name}' in registry with id"
                f" '{owner.registry.account}' already has the maximum number of images: {limit}",
            )


def is_mutable(repository: Repository, tag: str) -> bool:
    """Return whether a tag of a repository may move to another image."""
    excluded = any(matches(pattern, tag) for _, pattern in repository.exclusion_filters)
    return {
        "MUTABLE": True,
        "IMMUTABLE": False,
        "MUTABLE_WITH_EXCLUSION": not excluded,
        "IMMUTABLE_WITH_EXCLUSION": excluded,
    }[repository.tag_mutability]


def _parse(data: bytes, media_type: str | None) -> Manifest | Index:
    """Return what a manifest says, by the rules that the service adds to the specification's."""
    try:
        text = data.decode()
        # Not the standard library's parser: it accepts lone surrogates, which no response can hold.
        if len(text) <= MAX_MANIFEST_LENGTH and not isinstance(orjson.loads(text), dict):
            raise ValueError
    except ValueError:
        raise invalid_parameter("ImageManifest", "Invalid JSON syntax") from None
    if not 1 <= len(text) <= MAX_MANIFEST_LENGTH:
        raise invalid_parameter(
            "imageManifest",
            f"Member must have length less than or equal to {MAX_MANIFEST_LENGTH}",
        )
    try:
        return parse_manifest(data, media_type)
    except ValueError as error:
        raise invalid_parameter("imageManifest", f"Invalid image manifest: {error}") from None


def _check_references(
    connection: sqlite3.Connection, owner: Repository, manifest: Manifest | Index
) -> int:
    """Check that all parts of an image are in the repository, and return its size."""
    missing, total = [], 0
    for blob in _blobs(manifest):
        row = connection.execute(
            "SELECT size FROM layers WHERE repository = ? AND digest = ?", (owner.id, blob.digest)
        ).fetchone()
        if row is None:
            missing.append(blob.digest)
        else:
            total += row["size"]
    if missing:
        raise _missing("LayersNotFoundException", "Layers", missing, owner)
    for child in _children(manifest):
        row = connection.execute(
            "SELECT size FROM images WHERE repository = ? AND digest = ?", (owner.id, child.digest)
        ).fetchone()
        if row is not None:
            total = max(total, row["size"])
        elif not child.is_foreign:
            missing.append(child.digest)
    if missing:
        raise _missing("ReferencedImagesNotFoundException", "Images", missing, owner)
    return total


def _check_tag(
    connection: sqlite3.Connection, owner: Repository, number: int | None, tag: str | None
) -> bool:
    """Check that a push may set its tag, and return whether that changes anything."""
    if tag is None:
        return False
    row = connection.execute(
        "SELECT image FROM tags WHERE repository = ? AND tag = ?", (owner.id, tag)
    ).fetchone()
    if row is None:
        return True
    if row["image"] == number:
        return False
    if not is_mutable(owner, tag):
        raise ServiceError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{owner.name}' repository and cannot be"
            " overwritten because the tag is immutable.",
        )
    return True


def _insert(
    connection: sqlite3.Connection,
    owner: Repository,
    manifest: Manifest | Index,
    digest: str,
    size: int,
    now: float,
) -> int:
    number = connection.execute(
        "INSERT INTO images (repository, digest, media_type, size, pushed_at, subject,"
        " artifact_type, config_media_type, annotations, children, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            owner.id,
            digest,
            manifest.media_type,
            size,
            now,
            manifest.subject and manifest.subject.digest,
            manifest.artifact_type,
            None if isinstance(manifest, Index) else manifest.config.media_type,
            json.dumps(manifest.annotations),
            json.dumps([child.digest for child in _children(manifest)]),
            ACTIVE,
        ),
    ).lastrowid
    assert number is not None
    connection.executemany(
        "INSERT INTO image_layers VALUES (?, ?, ?)",
        [(number, owner.id, blob.digest) for blob in _blobs(manifest)],
    )
    connection.executemany(
        "INSERT OR IGNORE INTO image_children VALUES (?, ?, ?)",
        [(number, owner.id, child.digest) for child in _children(manifest)],
    )
    connection.executemany(
        "UPDATE layers SET media_type = ? WHERE repository = ? AND digest = ?",
        [(blob.media_type, owner.id, blob.digest) for blob in _blobs(manifest)],
    )
    return number


def _blobs(manifest: Manifest | Index) -> tuple[Descriptor, ...]:
    return () if isinstance(manifest, Index) else manifest.blobs


def _children(manifest: Manifest | Index) -> tuple[Descriptor, ...]:
    return manifest.manifests if isinstance(manifest, Index) else ()


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


def _wrong_digest(digest: str, actual: str) -> ServiceError:
    return ServiceError(
        "ImageDigestDoesNotMatchException",
        f"Image digest '{digest}' does not match the digest '{actual}' of the image manifest",
    )


def _missing(code: str, what: str, digests: Sequence[str], owner: Repository) -> ServiceError:
    return ServiceError(
        code,
        f"{what} with digests '[{', '.join(digests)}]' required for pushing image into repository"
        f" with name '{owner.name}' in the registry with id '{owner.registry.account}' do not"
        " exist",
    )


def _already_exists(owner: Repository, digest: str, tag: str | None) -> ServiceError:
    tagged = "" if tag is None else f" and tag '{tag}'"
    return ServiceError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}'{tagged} already exists in the repository with name"
        f" '{owner.name}' in registry with id '{owner.registry.account}'",
    )


def _image(row: sqlite3.Row) -> StoredImage:
    return StoredImage(
        number=row["id"],
        digest=row["digest"],
        media_type=row["media_type"],
        size_in_bytes=row["size"],
        tags=tuple(sorted(row["tags"].split(","))) if row["tags"] else (),
        pushed_at=datetime.fromtimestamp(row["pushed_at"], timezone.utc),
        last_pulled_at=_time(row["pulled_at"]),
        subject=row["subject"],
        artifact_type=row["artifact_type"],
        config_media_type=row["config_media_type"],
        annotations=json.loads(row["annotations"]),
        platform_children=tuple(json.loads(row["children"])),
        status=row["status"],
        archived_at=_time(row["archived_at"]),
        activated_at=_time(row["activated_at"]),
    )


def _time(seconds: float | None) -> datetime | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)
