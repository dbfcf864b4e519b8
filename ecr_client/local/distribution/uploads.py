"""Pushing layers: in one request, in chunks, or by mounting the layer of another repository."""

from __future__ import annotations

import re
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from ecr_client.local.api.registry import account_setting
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.distribution.request import checked_digest
from ecr_client.local.errors import ServiceError
from ecr_client.local.permissions import MOUNT_FROM
from ecr_client.local.repository_templates import create_on_push
from ecr_client.local.store import UploadChangedError, sha256_digest

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ecr_client.local.distribution.request import RegistryRequest
    from ecr_client.local.distribution.sessions import UploadLease
    from ecr_client.local.store import Chunk

#: How many bytes are gathered before a thread writes them: a layer takes no more memory than this.
_PIECE = 1 << 18
_NUMBER = re.compile("[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


async def start(request: RegistryRequest) -> Response:
    """Begin an upload; with a digest and a body it is complete at once."""
    uploads, key = request.store.uploads, (request.registry, request.name)
    await request.run(create_on_push, request.context, *key)
    mounted = request.query("mount")
    if mounted is not None and await request.run(_mount, request, mounted):
        return _created(request, mounted)
    digest = request.query("digest")
    if digest is None or not request.has_body:
        upload_id = await request.run(uploads.begin, *key)
        return Response(status_code=202, headers=_progress(request, upload_id, 0))
    checked_digest(digest)
    upload_id = await request.run(uploads.begin, *key)
    try:
        return await _complete(request, upload_id, digest)
    except BaseException:
        # Nobody else knows of the upload, so nobody could go on with it.
        with suppress(ServiceError, RuntimeError):
            await request.run(uploads.abort, *key, upload_id)
        raise


async def append(request: RegistryRequest) -> Response:
    """Append a chunk, or the whole layer as a stream.

    ECR responds with another status than the specification demands, and goes on to report the end
    of the first chunk as that of the upload.
    """
    upload_id = request.path("upload").lower()
    async with request.sessions.lease(upload_id) as lease:
        chunk = await _receive(request, upload_id, lease)
        async with _discarding_on_error(request, chunk):
            size = await request.run(request.store.uploads.commit_chunk, chunk, _smallest(request))
    if not request.service.follows_ecr:
        return Response(status_code=202, headers=_progress(request, upload_id, size))
    size = request.sessions.first_chunk(upload_id, size)
    return Response(status_code=201, headers=_progress(request, upload_id, size))


async def finish(request: RegistryRequest) -> Response:
    """Turn an upload into a layer, after appending the body if there is one."""
    upload_id, digest = request.path("upload").lower(), checked_digest(request.query("digest"))
    return await _complete(request, upload_id, digest)


async def cancel(request: RegistryRequest) -> Response:
    """Delete an upload."""
    upload_id = request.path("upload").lower()
    await request.run(request.store.uploads.abort, request.registry, request.name, upload_id)
    return Response(status_code=204)


def status(request: RegistryRequest) -> Response:
    """Report how many bytes of an upload have been received."""
    upload_id = request.path("upload").lower()
    received = request.store.uploads.received(request.registry, request.name, upload_id)
    return Response(status_code=204, headers=_progress(request, upload_id, received))


async def _complete(request: RegistryRequest, upload_id: str, digest: str) -> Response:
    if request.has_body:
        async with request.sessions.lease(upload_id) as lease:
            chunk = await _receive(request, upload_id, lease)
            async with _discarding_on_error(request, chunk):
                await request.run(_finish, request, upload_id, digest, chunk)
    else:
        await request.run(_finish, request, upload_id, digest)
    return _created(request, digest)


def _finish(
    request: RegistryRequest, upload_id: str, digest: str, chunk: Chunk | None = None
) -> None:
    uploads, key = request.store.uploads, (request.registry, request.name, upload_id)
    if not uploads.received(*key) and (chunk is None or not chunk.size):
        raise RegistryError(
            "BLOB_UPLOAD_INVALID",
            f"The upload with id '{upload_id}' in the repository with name '{request.name}' in"
            f" registry with id '{request.registry.account}' cannot be completed because it does"
            " not have any parts",
        )
    uploads.finish(*key, digest, chunk=chunk, smallest=_smallest(request))


async def _receive(request: RegistryRequest, upload_id: str, lease: UploadLease | None) -> Chunk:
    """Return a chunk with all bytes of the body, which do not count yet.

    Args:
        request: The request; its Content-Range, if it has one, says which bytes it brings.
        upload_id: The id of the upload.
        lease: The request's lease, if it got one.

    Raises:
        RegistryError: The bytes are not the next ones or not as many as the header says, or another
            request has changed the upload meanwhile.
        ServiceError: The upload does not exist.
    """
    uploads, key = request.store.uploads, (request.registry, request.name, upload_id)
    if lease is None:
        received = await request.run(uploads.received, *key)
        raise _out_of_order(request, upload_id, received, "another request is sending bytes for it")
    check = partial(_check_range, request, upload_id)
    chunk = await request.run(uploads.begin_chunk, *key, check)
    expected = _expected_size(request)
    async with _discarding_on_error(request, chunk):
        gathered = bytearray()
        async for piece in request.http.stream():
            lease.renew()
            gathered += piece
            if len(gathered) >= _PIECE:
                await _write(request, chunk, gathered)
                gathered = bytearray()
        if gathered:
            await _write(request, chunk, gathered)
        if expected is not None and chunk.size != expected:
            raise _wrong_size()
    return chunk


@asynccontextmanager
async def _discarding_on_error(request: RegistryRequest, chunk: Chunk) -> AsyncIterator[None]:
    """Remove the bytes of a chunk on an error, and report the upload's progress if it is lost."""
    uploads, upload_id = request.store.uploads, chunk.writer.id
    try:
        try:
            yield
        except UploadChangedError:
            received = await request.run(
                uploads.received, request.registry, request.name, upload_id
            )
            why = "another request has changed the upload meanwhile"
            raise _out_of_order(request, upload_id, received, why) from None
    except BaseException:
        # When the interpreter exits, there are no threads left; the next start drops the bytes.
        with suppress(RuntimeError):
            await request.run(uploads.discard_chunk, chunk)
        raise


async def _write(request: RegistryRequest, chunk: Chunk, data: bytearray) -> None:
    limit = request.store.limits.layer_size
    if chunk.size + len(data) > limit:
        message = f"A layer has at most {limit} bytes"
        raise RegistryError("SIZE_INVALID", message, status=413)
    await request.run(chunk.append, data)


def _check_range(request: RegistryRequest, upload_id: str, received: int) -> None:
    """Refuse bytes that, by the Content-Range of the request, are not the next ones."""
    text = request.header("content-range")
    if text is None:
        return
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        why = f"Content-Range '{text}' is not of the form 0-99"
        raise _out_of_order(request, upload_id, received, why)
    first, last = int(found[1]), int(found[2])
    if first != received or last < first:
        why = f"First byte of the layer part is {first} instead of {received}"
        raise _out_of_order(request, upload_id, received, why)
    length = request.header("content-length")
    if length is not None and (not _NUMBER.fullmatch(length) or int(length) != last - first + 1):
        raise _wrong_size()


def _expected_size(request: RegistryRequest) -> int | None:
    """Return the size that the upload must have afterwards, by the Content-Range of the request."""
    found = _CONTENT_RANGE.fullmatch((request.header("content-range") or "").strip())
    return None if found is None else int(found[2]) + 1


def _smallest(request: RegistryRequest) -> int:
    """Return the smallest size in bytes of any chunk but the last one."""
    return request.store.limits.smallest_part if request.service.follows_ecr else 0


def _mount(request: RegistryRequest, digest: str) -> bool:
    """Mount a layer of another repository, and return whether that was possible.

    Whatever prevents it, the client is told to upload the layer, as the specification demands.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html
    """
    store, registry, source = request.store, request.registry, request.query("from")
    if source is None or sha256_digest(digest) is None:
        return False
    if account_setting(store, registry, "BLOB_MOUNTING") != "ENABLED":
        return False
    if not request.service.permissions.allows(request.principal, registry, source, MOUNT_FROM):
        return False
    with store.database.write():
        origin = store.repositories.get(registry, source)
        target = store.repositories.require(registry, request.name)
        if origin is None:
            return False
        if (origin.encryption_type, origin.kms_key) != (target.encryption_type, target.kms_key):
            return False
        return store.layers.mount(registry, source, request.name, digest)


def _progress(request: RegistryRequest, upload_id: str, size: int) -> dict[str, str]:
    """Return the headers that report where an upload is and how far it has come."""
    return {
        "Location": f"/v2/{request.name}/blobs/uploads/{upload_id}",
        "Range": f"0-{max(size - 1, 0)}",
        "Docker-Upload-UUID": upload_id,
    }


def _created(request: RegistryRequest, digest: str) -> Response:
    headers = {
        "Location": f"/v2/{request.name}/blobs/{digest}",
        "Docker-Content-Digest": digest,
    }
    return Response(status_code=201, headers=headers)


def _out_of_order(
    request: RegistryRequest, upload_id: str, received: int, why: str
) -> RegistryError:
    return RegistryError(
        "BLOB_UPLOAD_INVALID",
        f"Invalid chunk for the upload with id '{upload_id}': {why}",
        status=416,
        headers=_progress(request, upload_id, received),
    )


def _wrong_size() -> RegistryError:
    return RegistryError("SIZE_INVALID", "Content-Range does not match the length of the content")
