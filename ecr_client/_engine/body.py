"""The body of a response as it arrives, with a limit on its size."""

from __future__ import annotations

import io
import zlib

#: How many bytes are read or decompressed at a time.
CHUNK_SIZE = 1024 * 1024
#: Makes zlib detect gzip and zlib headers.
_ANY_HEADER = zlib.MAX_WBITS | 32


class RefusedBody(Exception):
    """A body is too long, or not compressed as its headers declare."""


class Body:
    """Collects the pieces of a body, and decompresses it.

    The client requests no compression, but some proxies compress nevertheless.

    Args:
        coding: The header ``Content-Encoding``.
        limit: The maximum size in bytes after decompression.
    """

    __slots__ = ("_content", "_inflater", "_limit", "_received")

    def __init__(self, coding: str, limit: int) -> None:
        self._limit = limit
        self._received = 0
        self._content = io.BytesIO()  # not a list: a hostile server may send single bytes
        packed = coding.strip().lower() in ("gzip", "x-gzip", "deflate")
        self._inflater = zlib.decompressobj(_ANY_HEADER) if packed else None

    def feed(self, piece: bytes) -> bool:
        """Add a piece, which is empty at the end; return whether more may follow.

        Raises:
            RefusedBody: The body is too long, or not compressed as its headers declare.
        """
        self._received += len(piece)
        if self._inflater is None:
            self._add(piece)
            return bool(piece)
        # Compression may make a body longer, but never by as much as this.
        if self._received > self._limit + CHUNK_SIZE:
            raise RefusedBody(f"its compressed form is longer than {self._bound()}")
        is_end = not piece
        try:
            while piece and not self._inflater.eof:
                self._add(self._inflater.decompress(piece, CHUNK_SIZE))
                piece = self._inflater.unconsumed_tail
        except zlib.error as error:
            problem = f"it is not compressed as its headers declare ({error})"
        else:
            if not piece and not self._inflater.unused_data:
                return not is_end
            problem = "its compressed form does not end where it should"
        raise RefusedBody(problem)

    def finish(self) -> bytes:
        """Return the whole body.

        Raises:
            RefusedBody: Its compressed form is truncated.
        """
        if self._inflater is not None and not self._inflater.eof:
            raise RefusedBody("its compressed form is truncated")
        return self._content.getvalue()

    def _add(self, piece: bytes) -> None:
        if self._content.tell() + len(piece) > self._limit:
            raise RefusedBody(f"it is longer than {self._bound()}")
        self._content.write(piece)

    def _bound(self) -> str:
        return f"{self._limit:,} bytes (max_response_size)"
