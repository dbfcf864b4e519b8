"""Layers on their way into a repository: by the API's rules, or as the registry protocol does."""

from __future__ import annotations

import sqlite3
from contextlib import contextmanager
from datetime import timedelta
from typing import TYPE_CHECKING

from ecr_client.local.errors import ServiceError
from ecr_client.local.store.blobs import UploadChangedError
from ecr_client.local.store.limits import MIB

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ecr_client.local.store.blobs import Stream, Upload
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
            upload.end()
            raise
        return upload.id

    def received(self, scope: Scope, repository: str, upload_id: str) -> int:
        """Give the number of bytes that have arrived."""
        with self._store.read() as connection:
            return int(self._row(connection, scope, repository, upload_id)["received"])

    def stream(
        self,
        scope: Scope,
        repository: str,
        upload_id: str,
        check: Callable[[int], None] | None = None,
    ) -> Stream:
        """Return a stream for bytes that are about to arrive, which `keep` or `finish` make count.

        It takes the place of an earlier one, so that a caller who begins again after a broken
        connection need not wait until the server has noticed.

        Args:
            scope: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            check: Called with the number of bytes that count so far; an error that it raises leaves
                everything as it was.
        """
        with self._locked(scope, repository, upload_id) as (upload, row):
            if check is not None:
                check(row["received"])
            return upload.stream()

    def keep(self, stream: Stream, least: int = 0) -> int:
        """Let the bytes of a stream count, and return the size of the upload.

        Args:
            stream: The bytes.
            least: How many bytes a part has that another one follows.

        Raises:
            ServiceError: LayerPartTooSmallException; the upload is as before.
            UploadChangedError: The stream has lost its place.
        """
        upload = stream.upload
        with upload.lock:
            upload.check_current(stream)
            with self._store.write() as connection:
                row = connection.execute(
                    "SELECT * FROM uploads WHERE id = ?", (upload.id,)
                ).fetchone()
                if row is None:  # its repository was deleted
                    raise UploadChangedError(upload.id)
                added = stream.size - row["received"]
                if added:
                    self._check_last(row, least)
                    self._received(upload.id, stream.size, added)
            upload.keep(stream)
            return upload.size

    def drop(self, stream: Stream) -> None:
        """Remove the bytes of a stream; one that has lost its place has none."""
        with stream.upload.lock:
            stream.upload.drop(stream)

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
                self._received(upload.id, upload.size, len(data))
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
            digest = self._check_digest(upload.digest(), digests)
            if not self._store_layer(scope, repository, upload):
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
        *,
        stream: Stream | None = None,
        least: int = 0,
    ) -> str:
        """Make an upload a layer if it has this digest; a layer that exists already will do.

        Args:
            scope: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            digest: What its digest has to be.
            stream: The last bytes of it.
            least: How many bytes a part has that another one follows.

        Raises:
            ServiceError: InvalidLayerException or LayerPartTooSmallException; the upload is then
                still there.
            UploadChangedError: The stream has lost its place.
        """
        with self._locked(scope, repository, upload_id) as (upload, row):
            if stream is not None:
                upload.check_current(stream)
            self._check_digest((stream or upload).digest(), [digest], strict=True)
            if stream is not None:
                if stream.size > row["received"]:
                    self._check_last(row, least)
                upload.keep(stream)
            self._store_layer(scope, repository, upload)
            return digest

    def abort(self, scope: Scope, repository: str, upload_id: str) -> None:
        """Drop an upload."""
        with self._locked(scope, repository, upload_id) as (upload, _):
            self._forget(upload_id)
            upload.end()

    def tidy(self) -> None:
        """Make files and uploads agree: only bytes that were acknowledged outlive a kill.

        Files without an upload, uploads without their bytes, and uploads that nobody came back for
        are dropped.
        """
        oldest = (self._store.clock() - _KEPT).timestamp()
        with self._store.write() as connection:
            connection.execute("DELETE FROM uploads WHERE started_at < ?", (oldest,))
            received = {
                row["id"]: row["received"]
                for row in connection.execute("SELECT id, received FROM uploads")
            }
            there = self._store.blobs.uploads()
            # One with fewer bytes than that: the machine stopped before they were on disk.
            kept = {
                upload_id
                for upload_id, size in received.items()
                if upload_id in there and self._store.blobs.cut(upload_id, size)
            }
            for upload_id in received.keys() - kept:
                connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
            for upload_id in there - kept:
                self._store.blobs.upload_path(upload_id).unlink(missing_ok=True)
                self._store.blobs.forget(upload_id)

    @contextmanager
    def _locked(
        self, scope: Scope, repository: str, upload_id: str
    ) -> Iterator[tuple[Upload, sqlite3.Row]]:
        """Give an upload that nobody else works on meanwhile, and its row.

        Whoever is inside works on the disk and waits for nothing else: others wait in threads that
        are needed for everything.
        """
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

    def _received(self, upload_id: str, size: int, added: int) -> None:
        with self._store.write() as connection:
            # All parts but the newest one are known not to be the last one.
            connection.execute(
                "UPDATE uploads SET received = ?, parts = parts + 1,"
                " smallest = min(coalesce(smallest, last), last), last = ? WHERE id = ?",
                (size, added, upload_id),
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

    def _store_layer(self, scope: Scope, repository: str, upload: Upload) -> bool:
        """Make the bytes a layer; tell whether the repository did not have it."""
        digest = upload.commit()
        with self._store.write():
            self._forget(upload.id)
            is_new = self._store.layers.add(scope, repository, digest, upload.size)
        upload.end()
        return is_new

    def _forget(self, upload_id: str) -> None:
        with self._store.write() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))

    @staticmethod
    def _check_last(row: sqlite3.Row, least: int) -> None:
        """Refuse a further part after one that only the last part may be as small as."""
        if row["last"] is not None and row["last"] < least:
            size = f"{least} bytes" if least % MIB else f"{least // MIB}MB"
            raise ServiceError(
                "LayerPartTooSmallException",
                f"All layer parts except the last part should be at least {size}",
            )

    @staticmethod
    def _check_digest(actual: str, digests: Sequence[str], *, strict: bool = False) -> str:
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
