"""Downloading layers: a stream that resumes where it broke, and verifies what it has read."""

from __future__ import annotations

import io
from functools import partial
from typing import TYPE_CHECKING
from urllib.parse import urljoin

from ecr_client._engine.download import EXPIRED_STATUSES, REDIRECTS, Transfer
from ecr_client._engine.retry import Attempts
from ecr_client._exceptions import TransportException
from ecr_client._pipeline import annotate
from ecr_client._shapes import Hidden

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType

    from typing_extensions import Buffer, Self

    from ecr_client._pipeline import Call, Pipeline
    from ecr_client._transport.base import StreamingResponse

#: How many bytes `LayerDownload.iter_bytes` yields at a time at most.
CHUNK = 1024 * 1024
MOST_REDIRECTS = 5


class LayerDownload:
    """The bytes of a layer; made by `ECRClient.download_layer`, and used in a ``with`` block.

    Nothing is sent before the block is entered. A connection that breaks is replaced, and the
    download goes on where it was; a presigned URL that has expired is replaced, too. The retry
    policy of the client says how often in a row without a new byte. At the end, size and digest are
    verified, so a download that ends without an exception is the layer, unless it began at
    ``start``: then only the size is.

    ``total_timeout`` limits each request up to the head of its response, and ``read_timeout`` the
    time between two pieces; how long the whole takes depends on who reads.

    Attributes:
        digest: The digest of the layer.
        size: How many bytes the whole layer has; ``None`` until the storage has said so.
        position: How many bytes of the layer have been read or skipped.

    The methods that read raise:
        LayerVerificationException: The content is not that of the layer.
        LayerDownloadException: The storage refuses to hand it out.
        TransportException: The connection broke too often.
        AmazonECRException: The service has no URL for the layer, for example because there is none.
    """

    def __init__(
        self,
        pipeline: Pipeline,
        begin: Callable[[Hidden[str]], Call],
        find_url: Callable[[], str | None],
        transfer: Transfer,
    ) -> None:
        self._pipeline = pipeline
        self._begin = begin
        self._find_url = find_url
        self._transfer = transfer
        self._url: Hidden[str] | None = None
        self._call: Call | None = None
        self._stream: StreamingResponse | None = None
        self._attempts = Attempts()
        self._ended = self._closed = False

    @property
    def digest(self) -> str:
        """The digest of the layer."""
        return self._transfer.digest

    @property
    def size(self) -> int | None:
        """How many bytes the whole layer has; ``None`` until the storage has said so."""
        return self._transfer.size

    @property
    def position(self) -> int:
        """How many bytes of the layer have been read or skipped."""
        return self._transfer.position

    def read(self, size: int = -1) -> bytes:
        """Return the next bytes: exactly ``size`` unless the layer ends before, or all of them.

        Args:
            size: How many; -1 for all, which holds the whole layer in memory.
        """
        content, missing = io.BytesIO(), size
        while missing:
            received = content.write(self._receive(CHUNK if size < 0 else missing))
            if not received:
                break
            missing -= 0 if size < 0 else received
        return content.getvalue()

    def readinto(self, buffer: Buffer) -> int:
        """Read the next bytes into a writable buffer; return how many, 0 at the end."""
        view = memoryview(buffer).cast("B")
        piece = self._receive(len(view))
        view[: len(piece)] = piece
        return len(piece)

    def iter_bytes(self, chunk_size: int = CHUNK) -> Iterator[bytes]:
        """Return an iterator over the bytes as they arrive, at most ``chunk_size`` at a time."""
        return iter(partial(self._receive, chunk_size), b"")

    def close(self) -> None:
        """Release the connection; reading raises a ``ValueError`` afterwards."""
        self._closed = True
        self._release()

    def __enter__(self) -> Self:
        if self._stream is None and not self._closed:
            self._stream = self._request()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()

    def __repr__(self) -> str:
        size = "?" if self.size is None else self.size
        return f"<LayerDownload {self.digest}, {self.position} of {size} bytes>"

    def _receive(self, size: int) -> bytes:
        """Return at least one byte, and at most ``size``; nothing at the end of the layer."""
        if self._closed:
            raise ValueError(f"the download of layer {self.digest} is closed")
        while size > 0 and not self._ended:
            if self._stream is None:
                self._stream = self._request()
            try:
                piece = self._transfer.receive(self._stream.read1(size))
                before, at_end = self._transfer.position - len(piece), not piece
                problem = self._transfer.problem(at_end=at_end)
                if problem is not None:
                    del piece  # Tools that print local variables would show the bytes of a layer.
                    raise problem
            except TransportException as error:
                self._release()
                self._retry(error)
                continue
            if at_end or self._transfer.position == self._transfer.size:
                self._ended = True
                self._release()
            if self._transfer.position > before:
                self._attempts = Attempts()  # Only failures without progress in between count.
                return piece
        return b""

    def _request(self) -> StreamingResponse:
        """Return a response with the bytes that come next, however many requests it takes."""
        refreshed, redirects = False, 0
        while True:
            self._url = self._url or self._find()
            call = self._call = self._begin(self._url)
            call.attempts = self._attempts
            try:
                request = self._transfer.request(self._url.value, self._pipeline.user_agent)
                stream = self._pipeline.fetch(call, request)
                try:
                    if self._transfer.begin(stream.status, stream.headers):
                        return stream
                except BaseException:
                    stream.close()
                    raise
                stream.close()
                target = stream.headers.get("Location")
                if stream.status in REDIRECTS and target and redirects < MOST_REDIRECTS:
                    redirects += 1
                    self._url = self._checked(Hidden(urljoin(self._url.value, target)))
                elif stream.status in EXPIRED_STATUSES and not refreshed:
                    refreshed, self._url = True, None
                else:
                    raise self._transfer.refused(stream.status)
            except TransportException as error:
                self._retry(error)

    def _find(self) -> Hidden[str]:
        """Return a fresh presigned URL."""
        return self._checked(Hidden(self._find_url() or ""))

    def _checked(self, url: Hidden[str]) -> Hidden[str]:
        if not url.value.startswith(("https://", "http://")):
            raise self._transfer.refused(None)
        return url

    def _retry(self, error: TransportException) -> None:
        """Wait until the next request may be sent, or raise the error."""
        call = self._call or self._begin(Hidden(""))
        call.attempts = self._attempts
        try:
            if not self._pipeline.prepare_next(call, error):
                raise error
        except TransportException as final:
            annotate(final, call.attempts)
            self._pipeline.observer.error(call, final)
            raise
        self._attempts = call.attempts

    def _release(self) -> None:
        stream, self._stream = self._stream, None
        if stream is not None:
            stream.close()
