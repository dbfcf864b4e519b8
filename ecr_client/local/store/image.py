"""An image as it is stored, and how it is read from the database."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable, Iterable
from datetime import datetime, timezone

import attrs

ACTIVE = "ACTIVE"
ARCHIVED = "ARCHIVED"


@attrs.frozen(kw_only=True)
class StoredImage:
    """A manifest or an index in a repository."""

    digest: str
    media_type: str
    #: Configuration and layers together; of an index, the size of its largest image.
    size_in_bytes: int
    manifest: bytes = attrs.field(repr=False)
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
    #: Counts up with every push of a new image; never used twice.
    number: int = 0


@attrs.frozen(kw_only=True)
class ImageEntry:
    """A line of ListImages: an image under one of its tags, or without a tag if it has none."""

    number: int
    digest: str
    tag: str | None


class ImageRefusedError(Exception):
    """One image of a batch that cannot be had or deleted, by the code that the API documents."""

    def __init__(self, code: str, reason: str) -> None:
        super().__init__(f"{code}: {reason}")
        self.code = code
        self.reason = reason


def load(
    connection: sqlite3.Connection, rows: Iterable[sqlite3.Row], read: Callable[[str], bytes]
) -> list[StoredImage]:
    """Give the images of some rows of the table, with their tags and manifests."""
    return [_image(connection, row, read) for row in rows]


def _image(
    connection: sqlite3.Connection, row: sqlite3.Row, read: Callable[[str], bytes]
) -> StoredImage:
    tags = connection.execute("SELECT tag FROM tags WHERE image = ? ORDER BY tag", (row["id"],))
    return StoredImage(
        number=row["id"],
        digest=row["digest"],
        media_type=row["media_type"],
        size_in_bytes=row["size"],
        manifest=read(row["digest"]),
        tags=tuple(tag["tag"] for tag in tags),
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
