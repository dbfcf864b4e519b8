"""The events that a transfer reports to its progress callback, and its cancellation."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

import attrs

from ecr_client.exceptions import TransferCancelledException

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias


@attrs.frozen(kw_only=True)
class TransferStarted:
    """The first event, once it is known what has to be moved.

    Attributes:
        blobs: How many layers and configurations will be moved.
        bytes: Their total size in bytes.
    """

    blobs: int
    bytes: int


@attrs.frozen(kw_only=True)
class BlobStarted:
    """The transfer of a layer or a configuration starts.

    Attributes:
        digest: Its digest.
        size: Its size in bytes.
    """

    digest: str
    size: int


@attrs.frozen(kw_only=True)
class BytesMoved:
    """Some more bytes of a blob have been moved.

    Attributes:
        digest: The digest of the blob.
        bytes: How many bytes have been moved since the last event of this blob.
    """

    digest: str
    bytes: int


@attrs.frozen(kw_only=True)
class BlobSkipped:
    """A blob need not be moved: the target has it, or mounted it from another repository.

    Attributes:
        digest: Its digest.
        size: Its size in bytes.
    """

    digest: str
    size: int


@attrs.frozen(kw_only=True)
class BlobRetried:
    """A blob starts over from its first byte; the bytes moved so far do not count.

    Attributes:
        digest: Its digest.
        bytes: How many bytes had been moved, and will be moved again.
        error: The error that caused the retry.
    """

    digest: str
    bytes: int
    error: Exception


@attrs.frozen(kw_only=True)
class BlobFinished:
    """A blob has been moved completely and verified.

    Attributes:
        digest: Its digest.
        size: Its size in bytes.
    """

    digest: str
    size: int


@attrs.frozen(kw_only=True)
class TransferFinished:
    """The last event: the image is complete and has all its tags.

    Attributes:
        digest: The digest of the image.
    """

    digest: str


TransferEvent: TypeAlias = (
    TransferStarted
    | BlobStarted
    | BytesMoved
    | BlobSkipped
    | BlobRetried
    | BlobFinished
    | TransferFinished
)


class Reporter:
    """Passes events on to a callback, one at a time, counts bytes, and ends a cancelled transfer.

    Args:
        progress: Called with each event, from the threads of the transfer.
        cancel: Ends the transfer once it is set.
    """

    def __init__(
        self,
        progress: Callable[[TransferEvent], object] | None = None,
        cancel: threading.Event | None = None,
    ) -> None:
        self.bytes_moved: int = 0
        self.bytes_skipped: int = 0
        self.skipped: set[str] = set()
        self._moved: dict[str, int] = {}
        self._progress = progress
        self._cancel = cancel
        self._stopped = threading.Event()
        self._lock = threading.Lock()

    def check(self) -> None:
        """Raise TransferCancelledException if the transfer was cancelled or has failed."""
        if self._stopped.is_set() or (self._cancel is not None and self._cancel.is_set()):
            raise TransferCancelledException("the transfer was cancelled")

    def stop(self) -> None:
        """Make all threads of the transfer end at their next check."""
        self._stopped.set()

    def event(self, event: TransferEvent) -> None:
        """Report an event."""
        with self._lock:
            if isinstance(event, BytesMoved):
                self.bytes_moved += event.bytes
                self._moved[event.digest] = self._moved.get(event.digest, 0) + event.bytes
            elif isinstance(event, BlobRetried):
                self.bytes_moved -= event.bytes
                self._moved[event.digest] = 0
            elif isinstance(event, BlobSkipped):
                self.bytes_skipped += event.size
                self.skipped.add(event.digest)
            if self._progress is not None:
                self._progress(event)

    def retried(self, digest: str, error: Exception) -> None:
        """Report that a blob starts over, so that the bytes moved so far do not count."""
        self.event(BlobRetried(digest=digest, bytes=self._moved.get(digest, 0), error=error))

    def moved(self, digest: str, count: int) -> None:
        """Report moved bytes, unless the transfer was cancelled."""
        self.check()
        self.event(BytesMoved(digest=digest, bytes=count))
