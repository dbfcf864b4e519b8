"""The state of a layer download: what to request next, and whether the content is valid."""

from __future__ import annotations

import hashlib
import re
from typing import TYPE_CHECKING

from ecr_client._engine.body import CHUNK_SIZE
from ecr_client._engine.http import HTTPRequest
from ecr_client._exceptions import (
    LayerDownloadException,
    LayerVerificationException,
    ParamValidationException,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

#: The purpose of requests to the storage in error messages and events.
PURPOSE = "DownloadLayer"
#: The statuses of presigned URLs that have expired.
EXPIRED_STATUSES = frozenset({400, 401, 403})
REDIRECTS = frozenset({301, 302, 303, 307, 308})
_CONTENT_RANGE = r"bytes (\d{1,18})-\d{1,18}/(\d{1,18}|\*)"


class DownloadState:
    """The state of one download.

    Args:
        digest: The SHA-256 or SHA-512 digest of the layer.
        start: How many bytes to skip at the beginning. The digest can only be verified if it is 0.

    Attributes:
        position: How many bytes of the layer have been skipped or received.
        size: The size of the layer in bytes; ``None`` before the first response.

    Raises:
        ParamValidationException: An argument is invalid.
    """

    def __init__(self, digest: str, start: int = 0) -> None:
        if not isinstance(start, int) or isinstance(start, bool) or start < 0:
            raise ParamValidationException(
                f"start must be a number of bytes, at least 0, got {start!r}", PURPOSE
            )
        algorithm, _, expected = str(digest).partition(":")
        if algorithm not in ("sha256", "sha512") or not expected:
            raise ParamValidationException(
                f"layer_digest must be 'sha256:...' or 'sha512:...', got {digest!r}", PURPOSE
            )
        self.digest = digest
        self.start: int = start
        self.position: int = start
        self.size: int | None = None
        self._hash = hashlib.new(algorithm, usedforsecurity=False)
        self._skip = 0

    def request(self, url: str, user_agent: str) -> HTTPRequest:
        """Return the request for the missing bytes, without credentials or signature."""
        headers = {"User-Agent": user_agent}
        if self.position:
            headers["Range"] = f"bytes={self.position}-"
        return HTTPRequest("GET", url, headers, purpose=PURPOSE)

    def begin(self, status: int, headers: Mapping[str, str]) -> bool:
        """Process the head of a response; return whether the bytes of the layer follow.

        Raises:
            LayerDownloadException: The response is successful, but does not fit the request.
        """
        if status == 200:
            # A storage without support for ranges sends the layer from its beginning.
            first, size = 0, _number(headers.get("Content-Length"))
        elif status == 206:
            found = re.fullmatch(_CONTENT_RANGE, headers.get("Content-Range", "").strip())
            if found is None or int(found[1]) != self.position:
                raise self._error("the storage responded with another range", status)
            first, size = self.position, _number(found[2])
        else:
            return False
        self._skip = self.position - first
        # A truncated head may have had a wrong size, but then no bytes were received.
        if size is not None and self.size not in (None, size) and self.position > self.start:
            raise self._differs(f"its size changed from {self.size} to {size} bytes")
        self.size = size if size is not None else self.size
        if self.size is not None and self.position > self.size:
            raise self._error(f"it has {self.size} bytes, start is {self.start}", status)
        return True

    def wanted(self, size: int) -> int:
        """Return how many bytes of the body to read at most, for up to ``size`` new ones."""
        return max(size, min(self._skip, CHUNK_SIZE))

    def receive(self, piece: bytes) -> bytes:
        """Process a piece of the body, which is empty at the end, and return its new bytes."""
        if self._skip:
            skipped = min(self._skip, len(piece))
            self._skip -= skipped
            piece = piece[skipped:]
        if self.start == 0:
            self._hash.update(piece)
        self.position += len(piece)
        return piece

    def problem(self, *, at_end: bool) -> LayerDownloadException | None:
        """Return the problem of the received bytes, or ``None``.

        Args:
            at_end: Whether the body has ended.

        Returns:
            A `LayerVerificationException` if they are not the layer; a retryable exception if the
            body ended early.
        """
        if self.size is not None and self.position > self.size:
            return self._differs(f"there are more than {self.size} bytes")
        if self.position != self.size and not at_end:
            return None
        if self.size is not None and self.position < self.size:
            error = self._error(f"the response ended after {self.position} bytes", None)
            error.retryable = True
            return error
        if self.size is None and self.start:
            return self._error("the storage did not send its size, so its end is uncertain", None)
        found = self._hash.hexdigest()
        if self.start == 0 and found != self.digest.partition(":")[2].lower():
            return self._differs(f"the content has the digest {self._hash.name}:{found}")
        return None

    def refused(self, status: int | None) -> LayerDownloadException:
        """Return the exception for a response without the layer."""
        if status is None:
            return self._error("the service returned no HTTP URL for it", None)
        return self._error(f"the storage responded with status {status}", status)

    def misdirected(self, status: int) -> LayerDownloadException:
        """Return the exception for a redirect that cannot be followed."""
        return self._error("the storage redirects to something other than an HTTP URL", status)

    def _error(self, problem: str, status: int | None) -> LayerDownloadException:
        return LayerDownloadException(problem, self.digest, status)

    def _differs(self, problem: str) -> LayerVerificationException:
        return LayerVerificationException(f"the downloaded content differs: {problem}", self.digest)


def _number(text: str | None) -> int | None:
    return int(text) if text and re.fullmatch(r"[0-9]{1,18}", text) else None
