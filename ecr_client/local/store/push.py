"""Storing an image: everything that is checked, in the order in which it is checked."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.store import image as stored
from ecr_client.local.store import manifests
from ecr_client.local.store.blobs import digest_of
from ecr_client.local.store.image import ACTIVE
from ecr_client.local.wildcards import matches
from ecr_client.oci import Index, Manifest

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

    from ecr_client.local.store.image import StoredImage
    from ecr_client.local.store.repositories import Repository
    from ecr_client.local.store.scope import Scope
    from ecr_client.local.store.store import Store
    from ecr_client.oci import Descriptor

#: Digests by the model; of a well-formed one that is not there, it is said that it is not there.
DIGEST = re.compile(r"[a-zA-Z0-9-_+.]+:[a-fA-F0-9]+")
#: The distribution specification's tags, as long as the service's model lets them be.
TAG = re.compile(r"[a-zA-Z0-9_][a-zA-Z0-9._-]{0,299}")


def put(
    store: Store,
    scope: Scope,
    repository: str,
    manifest: bytes,
    media_type: str | None,
    tag: str | None,
    digest: str | None,
) -> StoredImage:
    """Store an image for `Images.put`, which says what goes in and comes out."""
    owner = store.repositories.require(scope, repository)
    if tag is not None and not TAG.fullmatch(tag):
        raise invalid_parameter("imageTag", f"must satisfy regular expression '{TAG.pattern}'")
    parsed = manifests.parse(manifest, media_type)
    actual = digest_of(manifest)
    if digest is not None and digest != actual:
        raise ServiceError(
            "ImageDigestDoesNotMatchException",
            f"Image digest '{digest}' does not match the digest '{actual}' of the image manifest",
        )
    # Before the transaction, so that nobody waits for this write; of no consequence if it fails.
    store.blobs.put(manifest)
    with store.write() as connection:
        owner = store.repositories.require(scope, repository)
        size = _check_references(connection, owner, parsed)
        row = connection.execute(
            "SELECT * FROM images WHERE repository = ? AND digest = ?", (owner.id, actual)
        ).fetchone()
        known = None if row is None else row["id"]
        news = _check_tag(connection, owner, actual, known, tag)
        if row is None:
            known = _insert(store, connection, owner, parsed, actual, size)
        elif row["status"] != ACTIVE:  # pushing an archived image again restores it
            store.images.set_status(scope, repository, actual, ACTIVE)
        elif not news:
            raise _already_there(owner, actual, tag)
        if tag is not None:
            connection.execute(
                "INSERT OR REPLACE INTO tags VALUES (?, ?, ?)", (owner.id, tag, known)
            )
        rows = connection.execute("SELECT * FROM images WHERE id = ?", (known,)).fetchall()
        return stored.load(connection, rows, store.blobs.read)[0]


def is_mutable(repository: Repository, tag: str) -> bool:
    """Tell whether a tag of a repository may move to another image."""
    excluded = any(matches(pattern, tag) for _, pattern in repository.exclusion_filters)
    return {
        "MUTABLE": True,
        "IMMUTABLE": False,
        "MUTABLE_WITH_EXCLUSION": not excluded,
        "IMMUTABLE_WITH_EXCLUSION": excluded,
    }[repository.tag_mutability]


def _check_references(
    connection: sqlite3.Connection, owner: Repository, manifest: Manifest | Index
) -> int:
    """Give the size of the image after checking that all parts of it are in the repository."""
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
        raise _not_there("LayersNotFoundException", "Layers", missing, owner)
    for child in _children(manifest):
        row = connection.execute(
            "SELECT size FROM images WHERE repository = ? AND digest = ?", (owner.id, child.digest)
        ).fetchone()
        if row is not None:
            total = max(total, row["size"])
        elif not child.is_foreign:
            missing.append(child.digest)
    if missing:
        raise _not_there("ReferencedImagesNotFoundException", "Images", missing, owner)
    return total


def _check_tag(
    connection: sqlite3.Connection,
    owner: Repository,
    digest: str,
    known: int | None,
    tag: str | None,
) -> bool:
    """Tell whether the tag would change something, after checking that it may."""
    if tag is None:
        return False
    row = connection.execute(
        "SELECT image FROM tags WHERE repository = ? AND tag = ?", (owner.id, tag)
    ).fetchone()
    if row is None:
        return True
    if row["image"] == known:
        return False
    if not is_mutable(owner, tag):
        raise ServiceError(
            "ImageTagAlreadyExistsException",
            f"The image tag '{tag}' already exists in the '{owner.name}' repository and cannot be"
            " overwritten because the tag is immutable.",
        )
    return True


def _insert(
    store: Store,
    connection: sqlite3.Connection,
    owner: Repository,
    manifest: Manifest | Index,
    digest: str,
    size: int,
) -> int:
    _check_room(store, connection, owner)
    number = connection.execute(
        "INSERT INTO images (repository, digest, media_type, size, pushed_at, subject,"
        " artifact_type, config_media_type, annotations, children, status)"
        " VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
        (
            owner.id,
            digest,
            manifest.media_type,
            size,
            store.clock().timestamp(),
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


def _check_room(store: Store, connection: sqlite3.Connection, owner: Repository) -> None:
    limit = store.limits.images
    count = connection.execute(
        "SELECT count(*) FROM images WHERE repository = ?", (owner.id,)
    ).fetchone()[0]
    if count >= limit:
        raise ServiceError(
            "LimitExceededException",
            f"The repository with name '{owner.name}' in registry with id '{owner.scope.account}'"
            f" already has the maximum number of images: {limit}",
        )


def _not_there(code: str, what: str, digests: Sequence[str], owner: Repository) -> ServiceError:
    return ServiceError(
        code,
        f"{what} with digests '[{', '.join(digests)}]' required for pushing image into repository"
        f" with name '{owner.name}' in the registry with id '{owner.scope.account}' do not exist",
    )


def _already_there(owner: Repository, digest: str, tag: str | None) -> ServiceError:
    tagged = "" if tag is None else f" and tag '{tag}'"
    return ServiceError(
        "ImageAlreadyExistsException",
        f"Image with digest '{digest}'{tagged} already exists in the repository with name"
        f" '{owner.name}' in registry with id '{owner.scope.account}'",
    )
