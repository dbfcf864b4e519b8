"""Uploads: how layers get into a repository, in the parts of the API or the chunks of OCI."""

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
    from datetime import datetime

    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store.blobs import Blobs, BlobWriter, Chunk
    from ecr_client.local.store.database import Database
    from ecr_client.local.store.layers import Layers
    from ecr_client.local.store.limits import Limits
    from ecr_client.local.store.repositories import Repositories

#: The server deletes uploads that began longer ago when it starts.
_KEPT = timedelta(days=7)


class Uploads:
    """The uploads of all repositories. They survive a restart, with every acknowledged byte.

    Every method raises, as a ServiceError, RepositoryNotFoundException for an unknown repository,
    and UploadNotFoundException for an unknown upload or one of another repository.

    Args:
        database: Where uploads are recorded.
        blobs: The files of uploads.
        repositories: The repositories that uploads belong to.
        layers: The layers that uploads become.
        clock: Returns the time as an aware UTC datetime.
        limits: The quotas.
    """

    def __init__(
        self,
        database: Database,
        blobs: Blobs,
        repositories: Repositories,
        layers: Layers,
        clock: Callable[[], datetime],
        limits: Limits,
    ) -> None:
        self._database = database
        self._blobs = blobs
        self._repositories = repositories
        self._layers = layers
        self._clock = clock
        self._limits = limits

    def begin(self, registry: RegistryKey, repository: str) -> str:
        """Begin an upload and return its id."""
        self._repositories.require(registry, repository)
        writer = self._blobs.begin()
        try:
            with self._database.write() as connection:
                connection.execute(
                    "INSERT INTO uploads (id, repository, started_at, received, parts)"
                    " VALUES (?, ?, ?, 0, 0)",
                    (
                        writer.id,
                        self._repositories.require(registry, repository).id,
                        self._clock().timestamp(),
                    ),
                )
        except BaseException:
            writer.remove()
            raise
        return writer.id

    def received(self, registry: RegistryKey, repository: str, upload_id: str) -> int:
        """Return the number of bytes that have been received."""
        with self._database.read() as connection:
            return int(self._row(connection, registry, repository, upload_id)["received"])

    def append_part(
        self,
        registry: RegistryKey,
        repository: str,
        upload_id: str,
        first: int,
        last: int,
        data: bytes,
    ) -> int:
        """Append the next part of a layer, and return the position of the last byte received.

        Args:
            registry: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            first: The position of the part's first byte in the layer.
            last: The position of its last byte, inclusive.
            data: The bytes.

        Raises:
            ServiceError: InvalidLayerPartException or LimitExceededException.
        """
        limits = self._limits
        with self._locked(registry, repository, upload_id) as (writer, row):
            received = row["received"]
            if not data or last - first + 1 != len(data):
                raise _invalid_part(
                    registry, repository, upload_id, received, f"it has {len(data)} bytes"
                )
            if first != received:
                raise _invalid_part(
                    registry, repository, upload_id, received, f"it must begin with byte {received}"
                )
            if row["parts"] >= limits.parts or received + len(data) > limits.layer_size:
                raise ServiceError(
                    "LimitExceededException",
                    f"A layer has at most {limits.parts} parts and {limits.layer_size} bytes",
                )
            writer.append(data)
            try:
                self._record(writer.id, writer.size, len(data))
            except BaseException:
                writer.truncate(received)
                raise
            return writer.size - 1

    def begin_chunk(
        self,
        registry: RegistryKey,
        repository: str,
        upload_id: str,
        check: Callable[[int], None] | None = None,
    ) -> Chunk:
        """Return a chunk for bytes that are about to arrive; `commit_chunk` or `finish` ends it.

        It replaces an earlier chunk, so that a client that begins again after a broken connection
        need not wait until the server has noticed.

        Args:
            registry: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            check: Called with the number of bytes received so far; an error that it raises leaves
                everything as it was.
        """
        with self._locked(registry, repository, upload_id) as (writer, row):
            if check is not None:
                check(row["received"])
            return writer.begin_chunk()

    def commit_chunk(self, chunk: Chunk, smallest: int = 0) -> int:
        """Make the bytes of a chunk count, and return the size of the upload.

        Args:
            chunk: The chunk.
            smallest: The smallest size in bytes of any chunk but the last one.

        Raises:
            ServiceError: LayerPartTooSmallException; the upload is as it was before.
            UploadChangedError: The chunk is lost.
        """
        writer = chunk.writer
        with writer.lock:
            writer.check_current(chunk)
            with self._database.write() as connection:
                row = connection.execute(
                    "SELECT * FROM uploads WHERE id = ?", (writer.id,)
                ).fetchone()
                if row is None:  # its repository was deleted
                    raise UploadChangedError(writer.id)
                added = chunk.size - row["received"]
                if added:
                    _check_last(row, smallest)
                    self._record(writer.id, chunk.size, added)
            writer.commit_chunk(chunk)
            return writer.size

    def discard_chunk(self, chunk: Chunk) -> None:
        """Remove the bytes of a chunk; one that is lost has none."""
        with chunk.writer.lock:
            chunk.writer.discard_chunk(chunk)

    def complete(
        self, registry: RegistryKey, repository: str, upload_id: str, digests: Sequence[str]
    ) -> str:
        """Turn an upload into a layer by the rules of the API, and return its digest.

        Raises:
            ServiceError: EmptyUploadException, LayerPartTooSmallException, InvalidLayerException,
                LayerAlreadyExistsException.
        """
        smallest = self._limits.smallest_part
        with self._locked(registry, repository, upload_id) as (writer, row):
            if not row["received"]:
                raise ServiceError(
                    "EmptyUploadException",
                    f"The upload with id '{upload_id}' does not contain any layer parts",
                )
            if row["smallest"] is not None and row["smallest"] < smallest:
                raise ServiceError(
                    "LayerPartTooSmallException",
                    f"Layer parts must be at least {smallest} bytes in size, except the"
                    f" last one; the upload with id '{upload_id}' has one of"
                    f" {row['smallest']} bytes",
                )
            # A digest of another algorithm is not looked at.
            named = [digest for digest in digests if digest.startswith("sha256:")]
            digest = _check_digest(writer.digest(), named)
            if not self._store(registry, repository, writer):
                raise ServiceError(
                    "LayerAlreadyExistsException",
                    f"Layer with digest '{digest}' already exists in the repository with name"
                    f" '{repository}' in registry with id '{registry.account}'",
                )
            return digest

    def finish(
        self,
        registry: RegistryKey,
        repository: str,
        upload_id: str,
        digest: str,
        *,
        chunk: Chunk | None = None,
        smallest: int = 0,
    ) -> None:
        """Turn an upload into a layer if it has this digest; the layer may exist already.

        Args:
            registry: The registry.
            repository: The repository's name.
            upload_id: The id of the upload.
            digest: The digest that it must have.
            chunk: Its last bytes.
            smallest: The smallest size in bytes of any chunk but the last one.

        Raises:
            ServiceError: InvalidLayerException or LayerPartTooSmallException; the upload remains.
            UploadChangedError: The chunk is lost.
        """
        with self._locked(registry, repository, upload_id) as (writer, row):
            if chunk is not None:
                writer.check_current(chunk)
            _check_digest((chunk or writer).digest(), [digest])
            if chunk is not None:
                if chunk.size > row["received"]:
                    _check_last(row, smallest)
                writer.commit_chunk(chunk)
            self._store(registry, repository, writer)

    def abort(self, registry: RegistryKey, repository: str, upload_id: str) -> None:
        """Delete an upload."""
        with self._locked(registry, repository, upload_id) as (writer, _):
            self._forget(writer.id)
            writer.remove()

    def tidy(self) -> None:
        """Make files and records agree: only acknowledged bytes outlive a kill.

        Files without a record, records without their bytes, and abandoned uploads are deleted.
        """
        oldest = (self._clock() - _KEPT).timestamp()
        with self._database.write() as connection:
            connection.execute("DELETE FROM uploads WHERE started_at < ?", (oldest,))
            recorded = {
                row["id"]: row["received"]
                for row in connection.execute("SELECT id, received FROM uploads")
            }
            files = self._blobs.uploads()
            # One with fewer bytes: the machine stopped before they were on disk.
            kept = {
                upload_id
                for upload_id, size in recorded.items()
                if upload_id in files and self._blobs.cut(upload_id, size)
            }
            for upload_id in recorded.keys() - kept:
                connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))
            for upload_id in files - kept:
                self._blobs.upload_path(upload_id).unlink(missing_ok=True)
                self._blobs.forget(upload_id)

    @contextmanager
    def _locked(
        self, registry: RegistryKey, repository: str, upload_id: str
    ) -> Iterator[tuple[BlobWriter, sqlite3.Row]]:
        """Yield the writer of an upload that nobody else works on meanwhile, and its row.

        The body of the ``with`` statement may wait for the disk and for nothing else: others wait
        for it in threads that are needed for everything.
        """
        with self._database.read() as connection:
            row = self._row(connection, registry, repository, upload_id)
        writer = self._blobs.resume(upload_id, row["received"])
        if writer is None:
            raise _not_found(registry, repository, upload_id)
        with writer.lock:
            with self._database.read() as connection:  # somebody may have finished it
                row = self._row(connection, registry, repository, upload_id)
            writer.truncate(row["received"])
            yield writer, row

    def _row(
        self,
        connection: sqlite3.Connection,
        registry: RegistryKey,
        repository: str,
        upload_id: str,
    ) -> sqlite3.Row:
        row: sqlite3.Row | None = connection.execute(
            "SELECT * FROM uploads WHERE id = ? AND repository = ?",
            (upload_id.lower(), self._repositories.require(registry, repository).id),
        ).fetchone()
        if row is None:
            raise _not_found(registry, repository, upload_id)
        return row

    def _record(self, upload_id: str, size: int, added: int) -> None:
        with self._database.write() as connection:
            # All parts but the newest one are known not to be the last one.
            connection.execute(
                "UPDATE uploads SET received = ?, parts = parts + 1,"
                " smallest = min(coalesce(smallest, last), last), last = ? WHERE id = ?",
                (size, added, upload_id),
            )

    def _store(self, registry: RegistryKey, repository: str, writer: BlobWriter) -> bool:
        """Turn the bytes into a layer, and return whether the repository did not have it."""
        digest = writer.commit()
        with self._database.write():
            self._forget(writer.id)
            is_new = self._layers.add(registry, repository, digest, writer.size)
        writer.remove()
        return is_new

    def _forget(self, upload_id: str) -> None:
        with self._database.write() as connection:
            connection.execute("DELETE FROM uploads WHERE id = ?", (upload_id,))


def _check_last(row: sqlite3.Row, smallest: int) -> None:
    """Refuse another chunk after one that is so small that it must be the last one."""
    if row["last"] is not None and row["last"] < smallest:
        size = f"{smallest} bytes" if smallest % MIB else f"{smallest // MIB}MB"
        raise ServiceError(
            "LayerPartTooSmallException",
            f"All layer parts except the last part should be at least {size}",
        )


def _check_digest(actual: str, named: Sequence[str]) -> str:
    for digest in named:
        if digest != actual:
            raise ServiceError(
                "InvalidLayerException",
                f"Layer digest '{digest}' does not match the digest '{actual}' of the layer",
            )
    return actual


def _invalid_part(
    registry: RegistryKey, repository: str, upload_id: str, received: int, why: str
) -> ServiceError:
    return ServiceError(
        "InvalidLayerPartException",
        f"Invalid layer part for the upload with id '{upload_id}' in the repository with name"
        f" '{repository}' in the registry with id '{registry.account}': {why}",
        registryId=registry.account,
        repositoryName=repository,
        uploadId=upload_id,
        # Absent as long as no byte was received.
        lastValidByteReceived=received - 1 if received else None,
    )


def _not_found(registry: RegistryKey, repository: str, upload_id: str) -> ServiceError:
    return ServiceError(
        "UploadNotFoundException",
        f"Upload with id '{upload_id}' could not be found for the repository with name"
        f" '{repository}' in the registry with id '{registry.account}'",
    )
