"""Layers on their way into a repository: by the API's rules, or as the registry protocol does."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from ecr_client.local.errors import ServiceError
from ecr_client.local.store.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client.local.store.blobs import Upload
    from ecr_client.local.store.repositories import Repository
    from ecr_client.local.store.scope import Scope
    from ecr_client.local.store.store import Store

#: A start of the server drops uploads that were begun longer ago.
_KEPT = timedelta(days=7)


class Uploads:
    """The uploads of all repositories. They survive a restart, with every acknowledged byte.

    Every method raises, as a ServiceError, RepositoryNotFoundException if the repository is not
    there, and UploadNotFoundException if the upload is not, or belongs to another repository.
    """

    def __init__(self, store: Store) -> None:
        self._store = store

    def begin(self, scope: Scope, repository: str) -> str:
        """Give the id of a new upload."""
        owner = self._store.repositories.require(scope, repository)
        upload = self._store.blobs.begin()
        try:
            with self._store.write() as connection:
                owner = self._store.repositories.require(scope, repository)
                connection.execute(
                    "INSERT INTO uploads (id, repository, started_at, received, parts)"
                    " VALUES (?, ?, ?, 0, 0)",
                    (upload.id, owner.id, self._store.clock().timestamp()),
                )
        except BaseException:
            upload.abort()
            raise
        return upload.id

    def received(self, scope: Scope, repository: str, upload_id: str) -> int:
        """Give the number of bytes that have arrived."""
        with self._store.read() as connection:
            return int(self._row(connection, scope, repository, upload_id)["received"])

    @contextmanager
    def appending(
        self, scope: Scope, repository: str, upload_id: str, least: int = 0
    ) -> Iterator[Upload]:
        """Give the upload to append to, in as many steps as the caller likes and from any thread.

        What was appended counts when the context is left without an error; otherwise it is dropped.

        Args:
            scope: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            least: How many bytes a part has that another one follows.

        Raises:
            ServiceError: LayerPartTooSmallException when the context is left.
        """
        with self._locked(scope, repository, upload_id) as (upload, row):
            try:
                yield upload
                added = upload.size - row["received"]
                if not added:
                    return
                if row["last"] is not None and row["last"] < least:
                    size = f"{least} bytes" if least % MIB else f"{least // MIB}MB"
                    raise ServiceError(
                        "LayerPartTooSmallException",
                        f"All layer parts except the last part should be at least {size}",
                    )
                self._received(upload, added)
            except BaseException:
                upload.truncate(row["received"])
                raise

    def part(
        self,
        scope: Scope,
        repository: str,
        upload_id: str,
        first: int,
        last: int,
        data: bytes,
    ) -> int:
        """Take the next part of a layer and give the position of the last byte that has arrived.

        Args:
            scope: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            first: The position of the part's first byte in the layer.
            last: The position of its last byte, which is a part of it.
            data: The bytes.

        Raises:
            ServiceError: InvalidLayerPartException or LimitExceededException.
        """
        limits = self._store.limits
        with self._locked(scope, repository, upload_id) as (upload, row):
            received = row["received"]
            if not data or last - first + 1 != len(data):
                raise self._invalid_part(
                    scope, repository, upload_id, received, f"it has {len(data)} bytes"
                )
            if first != received:
                raise self._invalid_part(
                    scope, repository, upload_id, received, f"it must begin with byte {received}"
                )
            if row["parts"] >= limits.parts or received + len(data) > limits.layer_size:
                raise ServiceError(
                    "LimitExceededException",
                    f"A layer has at most {limits.parts} parts and {limits.layer_size} bytes",
                )
            upload.append(data)
            try:
                self._received(upload, len(data))
            except BaseException:
                upload.truncate(received)
                raise
            return upload.size - 1

    def complete(
        self, scope: Scope, repository: str, upload_id: str, digests: Sequence[str]
    ) -> str:
        """Make an upload a layer by the rules of the API, and give its digest.

        Raises:
            ServiceError: EmptyUploadException, LayerPartTooSmallException, InvalidLayerException,
                LayerAlreadyExistsException.
        """
        limits = self._store.limits
        with self._locked(scope, repository, upload_id) as (upload, row):
            if not row["received"]:
                raise ServiceError(
                    "EmptyUploadException",
                    f"The upload with id '{upload_id}' does not contain any layer parts",
                )
            if row["smallest"] is not None and row["smallest"] < limits.smallest_part:
                raise ServiceError(
                    "LayerPartTooSmallException",
                    f"Layer parts must be at least {limits.smallest_part} bytes in size, except the"
                    f" last one; the upload with id '{upload_id}' has one of"
                    f" {row['smallest']} bytes",
                )
            digest = self._check_digest(upload, digests)
            if not self._store_layer(scope, repository, upload, None):
                raise ServiceError(
                    "LayerAlreadyExistsException",
                    f"Layer with digest '{digest}' already exists in the repository with name"
                    f" '{repository}' in registry with id '{scope.account}'",
                )
            return digest

    def finish(
        self,
        scope: Scope,
        repository: str,
        upload_id: str,
        digest: str,
        media_type: str | None = None,
    ) -> str:
        """Make an upload a layer if it has this digest; empty ones and such that are there will do.

        Raises:
            ServiceError: InvalidLayerException; the upload is then still there.
        """
        with self._locked(scope, repository, upload_id) as (upload, _):
            self._check_digest(upload, [digest], strict=True)
            self._store_layer(scope, repository, upload, media_type)
            return digest

    def abort(self, scope: Scope, repository: str, upload_id: str) -> None:
        """Drop an upload."""
        with self._locked(scope, repository, upload_id) as (upload, _):
            self._forget(upload_id)
            upload.abort()

    def tidy(self) -> None:
        """Drop files without an upload, uploads without a file, and what nobody came back for."""
        oldest = (self._store.clock() - _KEPT).timestamp()
        with self._store.write() as connection:
            connection.execute("DELETE FROM uploads WHERE started_at < ?", (oldest,))
            known = {row["id"] for row in connection.execute("SELECT id FROM uploads")}
            there = self._store.blobs.uploads()
            for upload_id in known - there:
                connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
            for upload_id in there - known:
                self._store.blobs.upload_path(upload_id).unlink(missing_ok=True)
                self._store.blobs.forget(upload_id)

    @contextmanager
    def _locked(
        self, scope: Scope, repository: str, upload_id: str
    ) -> Iterator[tuple[Upload, sqlite3.Row]]:
        """Give an upload that nobody else works on meanwhile, and its row."""
        with self._store.read() as connection:
            row = self._row(connection, scope, repository, upload_id)
        upload = self._store.blobs.resume(upload_id, row["received"])
        if upload is None:
            raise self._not_found(scope, repository, upload_id)
        with upload.lock:
            with self._store.read() as connection:  # somebody may have finished it
                row = self._row(connection, scope, repository, upload_id)
            upload.truncate(row["received"])
            yield upload, row

    def _received(self, upload: Upload, added: int) -> None:
        with self._store.write() as connection:
            # All parts but the newest one are known not to be the last one.
            connection.execute(
                "UPDATE uploads SET received = ?, parts = parts + 1,"
                " smallest = min(coalesce(smallest, last), last), last = ? WHERE id = ?",
                (upload.size, added, upload.id),
            )

    def _row(
        self, connection: sqlite3.Connection, scope: Scope, repository: str, upload_id: str
    ) -> sqlite3.Row:
        owner: Repository = self._store.repositories.require(scope, repository)
        row: sqlite3.Row | None = connection.execute(
            "SELECT * FROM uploads WHERE id = ? AND repository = ?", (upload_id.lower(), owner.id)
        ).fetchone()
        if row is None:
            raise self._not_found(scope, repository, upload_id)
        return row

    def _store_layer(
        self, scope: Scope, repository: str, upload: Upload, media_type: str | None
    ) -> bool:
        """Make the bytes a layer; tell whether the repository did not have it."""
        size = upload.size
        digest = upload.commit()
        with self._store.write():
            self._forget(upload.id)
            return self._store.layers.add(scope, repository, digest, size, media_type)

    def _forget(self, upload_id: str) -> None:
        with self._store.write() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    @staticmethod
    def _check_digest(upload: Upload, digests: Sequence[str], *, strict: bool = False) -> str:
        actual = upload.digest()
        wrong = [
            digest
            for digest in digests
            if digest != actual and (strict or digest.startswith("sha256:"))
        ]
        if wrong:
            raise ServiceError(
                "InvalidLayerException",
                f"Layer digest '{wrong[0]}' does not match the digest '{actual}' of the layer",
            )
        return actual

    @staticmethod
    def _invalid_part(
        scope: Scope, repository: str, upload_id: str, received: int, why: str
    ) -> ServiceError:
        return ServiceError(
            "InvalidLayerPartException",
            f"Invalid layer part for the upload with id '{upload_id}' in the repository with name"
            f" '{repository}' in the registry with id '{scope.account}': {why}",
            registryId=scope.account,
            repositoryName=repository,
            uploadId=upload_id,
            # As long as there is nothing, no byte was the last one.
            lastValidByteReceived=received - 1 if received else None,
        )

    @staticmethod
    def _not_found(scope: Scope, repository: str, upload_id: str) -> ServiceError:
        return ServiceError(
            "UploadNotFoundException",
            f"Upload with id '{upload_id}' could not be found for the repository with name"
            f" '{repository}' in the registry with id '{scope.account}'",
        )
