"""Downloading layers: a stream that resumes where it broke, and verifies what it has read."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from ecr_client._coroutines import maybe_await, run
from ecr_client._engine.deadline import Deadline
from ecr_client._engine.download import EXPIRED_STATUSES, PURPOSE, REDIRECTS, DownloadState
from ecr_client._engine.retry import Attempts
from ecr_client._exceptions import AmazonClientException
from ecr_client._pipeline import annotate
from ecr_client._shapes import Hidden
from ecr_client._unavailable import Guarded

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable, Iterator
    from types import TracebackType

    from typing_extensions import Buffer, Self

    from ecr_client._call import Call
    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._pipeline import Pipeline
    from ecr_client._transport.base import Response

#: The maximum number of bytes that `LayerDownload.iter_bytes` yields at a time.
CHUNK = 1024 * 1024
MAX_REDIRECTS = 5


class _Download:
    """The part that both kinds of downloads share."""

    def __init__(
        self,
        pipeline: Pipeline,
        new_call: Callable[[Hidden[str]], Call],
        find_url: Callable[[], MaybeAwaitable[str]],
        state: DownloadState,
    ) -> None:
        self._pipeline = pipeline
        self._new_call = new_call
        self._find_url = find_url
        self._state = state
        self._url: Hidden[str] | None = None
        self._call: Call | None = None
        self._open: tuple[Call, Response] | None = None
        self._ended = self._closed = self._is_reading = False

    @property
    def digest(self) -> str:
        """The digest of the layer."""
        return self._state.digest

    @property
    def size(self) -> int | None:
        """The size of the layer in bytes; ``None`` before the first response."""
        return self._state.size

    @property
    def position(self) -> int:
        """How many bytes of the layer have been read or skipped."""
        return self._state.position

    def close(self) -> None:
        """Release the connection; reading raises a ``ValueError`` afterwards."""
        self._closed = True
        self._release()

    def __repr__(self) -> str:
        size = "?" if self.size is None else self.size
        return f"<{type(self).__name__} {self.digest}, {self.position} of {size} bytes>"

    async def _enter(self) -> None:
        if self._open is None and not self._closed and not self._ended:
            with Guarded(PURPOSE):
                self._open = await self._request()

    async def _read(self, size: int) -> bytes:
        content, missing = io.BytesIO(), size
        while missing:
            received = content.write(await self._receive(CHUNK if size < 0 else missing))
            if not received:
                break
            missing -= 0 if size < 0 else received
        return content.getvalue()

    async def _readinto(self, buffer: Buffer) -> int:
        view = memoryview(buffer).cast("B")
        piece = await self._receive(len(view))
        view[: len(piece)] = piece
        return len(piece)

    async def _receive(self, size: int) -> bytes:
        """Return at least one byte, and at most ``size``; nothing at the end of the layer."""
        self._check_open()
        if self._is_reading:
            raise RuntimeError(
                f"the download of layer {self.digest} is being read in another task or thread; "
                "read in one, or create a download for each"
            )
        try:
            self._is_reading = True
            with Guarded(PURPOSE):
                return await self._received(size)
        finally:
            self._is_reading = False

    async def _received(self, size: int) -> bytes:
        while size > 0 and not self._ended:
            call, stream = self._open = self._open or await self._request()
            self._check_open()
            try:
                received = await maybe_await(stream.read1(self._state.wanted(min(size, CHUNK))))
                piece, at_end = self._state.receive(received), not received
                del received  # Tools that print local variables would show the bytes of a layer.
                problem = self._state.problem(at_end=at_end)
                if problem is not None:
                    del piece
                    raise problem
            except AmazonClientException as error:
                self._release()
                self._check_open()
                await self._retry(call, error)
                continue
            except BaseException:  # KeyboardInterrupt, for example: the next read resumes.
                self._release()
                raise
            self._ended = at_end or self._state.position == self._state.size
            if self._ended:
                self._release()
            if self._ended or (piece and call.attempts.errors):
                # Only failures without a new byte in between count; the last retry was a success.
                self._pipeline.quota.release(call.cost)
                call.attempts, call.cost = Attempts(), 1
            if piece:
                return piece
        return b""

    async def _request(self) -> tuple[Call, Response]:
        """Return a response with the next bytes, however many requests that takes."""
        refreshed, redirects = False, 0
        while True:
            self._url = self._url or await self._find()
            call = self._call_for(self._url)
            try:
                request = self._state.request(self._url.value, self._pipeline.user_agent)
                stream = await self._pipeline.fetch(call, request)
                try:
                    if self._state.begin(stream.status, stream.headers):
                        return call, stream
                except BaseException:
                    stream.close()
                    raise
                stream.close()
                if stream.status in REDIRECTS and redirects < MAX_REDIRECTS:
                    redirects += 1
                    self._url = self._redirected(self._url, stream)
                elif stream.status in EXPIRED_STATUSES and not refreshed:
                    refreshed, self._url = True, None
                else:
                    raise self._state.refused(stream.status)
            except AmazonClientException as error:
                await self._retry(call, error)

    def _call_for(self, url: Hidden[str]) -> Call:
        """Return the call, which all requests share, with the endpoint and deadline of this one."""
        fresh = self._new_call(url)
        self._call = self._call or fresh
        self._call.endpoint, self._call.deadline = fresh.endpoint, fresh.deadline
        return self._call

    async def _find(self) -> Hidden[str]:
        """Return a fresh presigned URL."""
        url = Hidden(await maybe_await(self._find_url()))
        if not _is_plain(url):
            raise self._state.refused(None)
        return url

    def _redirected(self, url: Hidden[str], response: Response) -> Hidden[str]:
        """Return the URL that a response redirects to."""
        # The query of a location is as secret as that of the URL; no variable holds it.
        target = _joined(url, response)
        if target is None or not _is_plain(target):
            raise self._state.misdirected(response.status)
        return target

    async def _retry(self, call: Call, error: AmazonClientException) -> None:
        """Wait until the next request may be sent, or raise the error."""
        # The reader may have taken longer than a single request may.
        call.deadline = Deadline(call.options.total_timeout, self._pipeline.monotonic)
        try:
            if not await self._pipeline.prepare_next(call, error):
                raise error
        except AmazonClientException as final:
            annotate(final, call.attempts)
            self._pipeline.observer.error(call, final)
            self._call = None  # The next read starts a new call.
            raise

    def _check_open(self) -> None:
        """Raise a ``ValueError`` if the download is closed, which another task may do meanwhile."""
        if self._closed:
            self._release()
            raise ValueError(f"the download of layer {self.digest} is closed")

    def _release(self) -> None:
        opened, self._open = self._open, None
        if opened is not None:
            opened[1].close()


class LayerDownload(_Download):
    """The bytes of a layer, from `ecr_client.ECRClient.download_layer`; used in a ``with`` block.

    Nothing is sent before the block is entered. A connection that breaks is replaced, and the
    download continues where it stopped; a presigned URL that has expired is replaced, too. The
    retry policy of the client limits the number of failures in a row, without a new byte in
    between. With the last byte, size and digest are verified, so a download that ends without an
    exception is the layer. Of one that begins at ``start``, only the size is verified.

    ``total_timeout`` limits each request up to the head of its response, and ``read_timeout`` the
    time between two pieces; the download as a whole may take any time. A download is for one
    thread at a time; a second one gets a ``RuntimeError``.

    Attributes:
        digest: The digest of the layer.
        size: The size of the layer in bytes; ``None`` before the first response.
        position: How many bytes of the layer have been read or skipped.
    """

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes: exactly ``size`` unless the layer ends before, or all of them.

        Args:
            size: How many bytes; -1 for all, which holds the whole layer in memory.

        Raises:
            LayerVerificationException: The content is not that of the layer.
            LayerDownloadException: The storage did not return the layer.
            TransportException: The storage could not be reached, or connections broke too often.
            AmazonECRException: The service returned no URL; the layer may not exist.
        """
        return run(self._read(size))

    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes into a writable buffer; return how many, 0 at the end.

        It raises what ``read`` raises.
        """
        return run(self._readinto(buffer))

    def iter_bytes(self, chunk_size: int = CHUNK) -> Iterator[bytes]:
        """Return an iterator over the bytes as they arrive, at most ``chunk_size`` at a time.

        It raises what ``read`` raises.

        Args:
            chunk_size: At least 1. No piece is longer than 1 MiB.

        Raises:
            ValueError: ``chunk_size`` is less.
        """
        _check_chunk_size(chunk_size)
        return iter(lambda: run(self._receive(chunk_size)), b"")

    def __enter__(self) -> Self:
        run(self._enter())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class AsyncLayerDownload(_Download):
    """The bytes of a layer, from `ecr_client.AsyncECRClient.download_layer`.

    It is used in an ``async with`` block, and does everything that a `LayerDownload` does. It is
    for one task at a time; a second one gets a ``RuntimeError``. Layers are verified in the event
    loop, up to 1 MiB at a time.

    Attributes:
        digest: The digest of the layer.
        size: The size of the layer in bytes; ``None`` before the first response.
        position: How many bytes of the layer have been read or skipped.
    """

    async def read(self, size: int = -1) -> bytes:
        """Return what `LayerDownload.read` returns, and raise what it raises.

        Args:
            size: How many bytes; -1 for all, which holds the whole layer in memory.
        """
        return await self._read(size)

    async def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes into a writable buffer; return how many, 0 at the end.

        It raises what ``read`` raises.
        """
        return await self._readinto(buffer)

    def iter_bytes(self, chunk_size: int = CHUNK) -> AsyncIterator[bytes]:
        """Return an iterator over the bytes as they arrive, at most ``chunk_size`` at a time.

        It raises what ``read`` raises.

        Args:
            chunk_size: At least 1. No piece is longer than 1 MiB.

        Raises:
            ValueError: ``chunk_size`` is less.
        """
        _check_chunk_size(chunk_size)
        return _Pieces(self, chunk_size)

    async def aclose(self) -> None:
        """Release the connection; reading raises a ``ValueError`` afterwards."""
        self.close()

    async def __aenter__(self) -> Self:
        await self._enter()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Pieces:
    """The pieces of an asynchronous download."""

    # Not an asynchronous generator, which the event loop would have to close.

    def __init__(self, download: AsyncLayerDownload, size: int) -> None:
        self._download, self._size = download, size

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> bytes:
        piece = await self._download._receive(self._size)
        if not piece:
            raise StopAsyncIteration
        return piece


def _check_chunk_size(chunk_size: int) -> None:
    if chunk_size < 1:
        raise ValueError(f"chunk_size must be at least 1, got {chunk_size}")


def _joined(url: Hidden[str], response: Response) -> Hidden[str] | None:
    try:
        return Hidden(urljoin(url.value, response.headers["Location"]))
    except (KeyError, ValueError):
        return None


def _is_plain(url: Hidden[str]) -> bool:
    """Return whether a URL is an HTTP URL with a host, and without user and password."""
    try:
        parts = urlsplit(url.value)
        has_host = bool(parts.hostname) and parts.netloc.isascii() and parts.port != 0
    except ValueError:
        return False
    spaced = any(each.isspace() for each in parts.netloc)
    return parts.scheme in ("https", "http") and has_host and "@" not in parts.netloc and not spaced
