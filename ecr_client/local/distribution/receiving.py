"""Bytes of a layer from the wire into its upload, a piece at a time."""

from __future__ import annotations

import asyncio
import re
from contextlib import asynccontextmanager, suppress
from functools import partial
from typing import TYPE_CHECKING

from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.store import UploadChangedError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from ecr_client.local.distribution.call import Call
    from ecr_client.local.store import Stream

#: What is gathered before a thread writes it: a layer never takes more memory than this.
_PIECE = 1 << 18
_NUMBER = re.compile("[0-9]{1,18}")
_CONTENT_RANGE = re.compile(r"(?:bytes[ =])?([0-9]{1,18})-([0-9]{1,18})(?:/(?:[0-9]+|\*))?")


#: How many seconds a request waits for another one that works on the same upload, and after how
#: many seconds without a byte that one is taken for dead.
PATIENCE = 5.0


class Turn:
    """The time in which one request sends bytes for an upload."""

    def __init__(self, now: float) -> None:
        self.heard_at = now
        self.ended = asyncio.Event()


class Turns:
    """Lets requests send bytes for an upload one after the other, in the event loop's thread.

    A request that comes while another one sends waits for it, holding nothing; it may be that of a
    connection that has just ended. It takes over from one that has gone silent.

    Args:
        patience: How many seconds to wait, and how many of silence are too many.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._current: dict[str, Turn] = {}

    @asynccontextmanager
    async def of(self, upload_id: str) -> AsyncIterator[Turn | None]:
        """Yield the turn of a request, or None if another one is sending all the time."""
        now = asyncio.get_running_loop().time
        deadline = now() + self._patience
        while (other := self._current.get(upload_id)) is not None:
            dead_at = other.heard_at + self._patience
            if now() >= dead_at:
                break
            if now() >= deadline:
                yield None
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(other.ended.wait(), min(deadline, dead_at) - now())
        turn = self._current[upload_id] = Turn(now())
        try:
            yield turn
        finally:
            turn.ended.set()
            if self._current.get(upload_id) is turn:
                del self._current[upload_id]


def has_body(call: Call) -> bool:
    """Tell whether a request brings bytes."""
    return call.header("transfer-encoding") is not None or call.header("content-length") not in (
        None,
        "0",
    )


async def receive(call: Call, upload_id: str, turn: Turn | None) -> Stream:
    """Return a stream with all bytes of the body, which do not count yet.

    Args:
        call: The request; its Content-Range says which bytes they are, if it has one.
        upload_id: The id of the upload.
        turn: The request's turn, if it got one.

    Raises:
        RegistryError: The bytes are not those that have to come next, or not so many as was said,
            or another request has changed the upload meanwhile.
        ServiceError: There is no such upload.
    """
    uploads = call.store.uploads
    if turn is None:
        received = await call.run(uploads.received, call.scope, call.name, upload_id)
        raise _out_of_order(call, upload_id, received, "another request is sending bytes for it")
    check = partial(_check_range, call, upload_id)
    stream = await call.run(uploads.stream, call.scope, call.name, upload_id, check)
    expected = _end(call)
    async with settled(call, stream):
        await _pour(call, stream, turn)
        if expected is not None and stream.size != expected:
            raise _wrong_size()
    return stream


@asynccontextmanager
async def settled(call: Call, stream: Stream) -> AsyncIterator[None]:
    """Drop the bytes of a stream after an error; say of a lost place how far the upload is."""
    try:
        try:
            yield
        except UploadChangedError:
            received = await call.run(
                call.store.uploads.received, call.scope, call.name, stream.upload.id
            )
            why = "another request has changed the upload meanwhile"
            raise _out_of_order(call, stream.upload.id, received, why) from None
    except BaseException:
        # When the interpreter ends, there are no threads left; the next start drops the bytes.
        with suppress(RuntimeError):
            await call.run(call.store.uploads.drop, stream)
        raise


async def _pour(call: Call, stream: Stream, turn: Turn) -> None:
    gathered = bytearray()
    async for piece in call.request.stream():
        turn.heard_at = asyncio.get_running_loop().time()
        gathered += piece
        if len(gathered) >= _PIECE:
            await _write(call, stream, gathered)
            gathered = bytearray()
    if gathered:
        await _write(call, stream, gathered)


async def _write(call: Call, stream: Stream, data: bytearray) -> None:
    limit = call.store.limits.layer_size
    if stream.size + len(data) > limit:
        message = f"A layer has at most {limit} bytes"
        raise RegistryError("SIZE_INVALID", message, status=413)
    await call.run(stream.append, data)


def _check_range(call: Call, upload_id: str, received: int) -> None:
    """Refuse bytes that are not those that have to come next, by the request's Content-Range."""
    text = call.header("content-range")
    if text is None:
        return
    found = _CONTENT_RANGE.fullmatch(text.strip())
    if found is None:
        why = f"Content-Range '{text}' is not of the form 0-99"
        raise _out_of_order(call, upload_id, received, why)
    first, last = int(found[1]), int(found[2])
    if first != received or last < first:
        why = f"First byte of the layer part is {first} instead of {received}"
        raise _out_of_order(call, upload_id, received, why)
    length = call.header("content-length")
    if length is not None and (not _NUMBER.fullmatch(length) or int(length) != last - first + 1):
        raise _wrong_size()


def _end(call: Call) -> int | None:
    """Return the size that the upload has to have afterwards, by the request's Content-Range."""
    found = _CONTENT_RANGE.fullmatch((call.header("content-range") or "").strip())
    return None if found is None else int(found[2]) + 1


def _out_of_order(call: Call, upload_id: str, received: int, why: str) -> RegistryError:
    return RegistryError(
        "BLOB_UPLOAD_INVALID",
        f"Invalid chunk for the upload with id '{upload_id}': {why}",
        status=416,
        headers=progress(call, upload_id, received),
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
