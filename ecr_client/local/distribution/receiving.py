"""Bytes of a layer from the wire into its upload, a piece at a time."""

from __future__ import annotations

import asyncio
import re
from typing import TYPE_CHECKING
from weakref import WeakValueDictionary

from ecr_client.local.distribution.errors import RegistryError

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractContextManager

    from ecr_client.local.distribution.call import Call
    from ecr_client.local.store import Upload

#: What is gathered before a thread writes it: a layer never takes more memory than this.
_PIECE = 1 << 20
_NUMBER = re.compile("[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


class Turns:
    """A lock for every upload, so that threads do not wait for a request that needs one itself."""

    def __init__(self) -> None:
        self._locks: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()

    def of(self, upload_id: str) -> asyncio.Lock:
        """Give the lock of an upload; whoever appends to it or ends it holds this meanwhile."""
        lock = self._locks.get(upload_id)
        if lock is None:
            lock = self._locks[upload_id] = asyncio.Lock()
        return lock


class _Appending:
    """The context in which an upload is appended to, for a caller that changes threads."""

    def __init__(self, manager: AbstractContextManager[Upload]) -> None:
        self._manager = manager
        self._upload: Upload | None = None

    @property
    def upload(self) -> Upload:
        assert self._upload is not None
        return self._upload

    def enter(self) -> None:
        self._upload = self._manager.__enter__()

    def leave(self, error: BaseException | None = None) -> None:
        if self._upload is not None:
            self._upload = None
            if error is None:
                self._manager.__exit__(None, None, None)
            else:
                self._manager.__exit__(type(error), error, error.__traceback__)


def has_body(call: Call) -> bool:
    """Tell whether a request brings bytes."""
    return call.header("transfer-encoding") is not None or call.header("content-length") not in (
        None,
        "0",
    )


async def receive(call: Call, upload_id: str, check: Callable[[Upload], None] | None = None) -> int:
    """Append the body to an upload, all of it or nothing, and give the upload's size then.

    Args:
        call: The request; its Content-Range says which bytes they are, if it has one.
        upload_id: The id of the upload.
        check: Called when all bytes have arrived; an error that it raises drops them.

    Raises:
        RegistryError: The bytes are not those that have to come next, or not so many as was said.
        ServiceError: There is no such upload.
    """
    least = call.store.limits.smallest_part if call.service.follows_ecr else 0
    appending = _Appending(call.store.uploads.appending(call.scope, call.name, upload_id, least))
    try:
        await call.run(appending.enter)
        upload = appending.upload
        expected = _expected_size(call, upload)
        await _pour(call, upload)
        if expected is not None and upload.size != expected:
            raise _wrong_size()
        if check is not None:
            check(upload)
        size = upload.size
        await call.run(appending.leave)
        return size
    except BaseException as error:
        await call.run(appending.leave, error)
        raise


async def _pour(call: Call, upload: Upload) -> None:
    gathered = bytearray()
    async for piece in call.request.stream():
        gathered += piece
        if len(gathered) >= _PIECE:
            await _write(call, upload, gathered)
            gathered = bytearray()
    if gathered:
        await _write(call, upload, gathered)


async def _write(call: Call, upload: Upload, data: bytearray) -> None:
    limit = call.store.limits.layer_size
    if upload.size + len(data) > limit:
        message = f"A layer has at most {limit} bytes"
        raise RegistryError("SIZE_INVALID", message, status=413)
    await call.run(upload.append, data)


def _expected_size(call: Call, upload: Upload) -> int | None:
    """Give the size that the upload has to have afterwards, by the request's Content-Range."""
    text = call.header("content-range")
    if text is None:
        return None
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        raise _out_of_order(call, upload, f"Content-Range '{text}' is not of the form 0-99")
    first, last = int(found[1]), int(found[2])
    if first != upload.size or last < first:
        why = f"First byte of the layer part is {first} instead of {upload.size}"
        raise _out_of_order(call, upload, why)
    length = call.header("content-length")
    if length is not None and (not _NUMBER.fullmatch(length) or int(length) != last - first + 1):
        raise _wrong_size()
    return last + 1


def _out_of_order(call: Call, upload: Upload, why: str) -> RegistryError:
    return RegistryError(
        "BLOB_UPLOAD_INVALID",
        f"Invalid chunk for the upload with id '{upload.id}': {why}",
        status=416,
        headers=progress(call, upload.id, upload.size),
    )


def _wrong_size() -> RegistryError:
    return RegistryError("SIZE_INVALID", "Content-Range does not match the length of the content")


def progress(call: Call, upload_id: str, size: int) -> dict[str, str]:
    """Give the headers that say where an upload is and how far it has come."""
    return {
        "Location": f"/v2/{call.name}/blobs/uploads/{upload_id}",
        "Range": f"0-{max(size - 1, 0)}",
        "Docker-Upload-UUID": upload_id,
    }
