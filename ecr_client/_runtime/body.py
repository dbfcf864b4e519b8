"""Reads the body of an answer, of which no more is ever held than is allowed."""

from __future__ import annotations

import io
import zlib
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import requests

#: How many bytes are read at once.
PIECE = 1024 * 1024
#: Tells zlib to find out by itself whether it reads gzip or zlib.
_ANY_HEADER = zlib.MAX_WBITS | 32


class RefusedBody(Exception):
    """A body that is too long, or not compressed as its headers say."""


def read_body(response: requests.Response, longest: int) -> bytes:
    """Return the whole body; the connection is free afterwards.

    The client asks for no compression. Proxies that compress nevertheless use gzip.

    Raises:
        RefusedBody: It is longer than is allowed, or not compressed as its headers say.
    """
    body = io.BytesIO()  # not a list of pieces: a hostile server sends them byte by byte
    try:
        for piece in _bounded(_decoded(response, longest), longest):
            body.write(piece)
    except BaseException:
        response.close()  # what is left of the answer makes the connection useless
        raise
    response.raw.release_conn()
    return body.getvalue()


def _bounded(pieces: Iterator[bytes], longest: int, what: str = "it") -> Iterator[bytes]:
    size = 0
    for piece in pieces:
        size += len(piece)
        if size > longest:
            raise RefusedBody(f"{what} is longer than {longest:,} bytes (max_response_size)")
        yield piece


def _decoded(response: requests.Response, longest: int) -> Iterator[bytes]:
    # A tool that hooked in between may have read the answer already.
    if getattr(response, "_content_consumed", False):
        return iter([response.content])
    pieces: Iterator[bytes] = response.raw.stream(PIECE, decode_content=False)
    coding = response.headers.get("Content-Encoding", "identity").strip().lower()
    if coding in ("gzip", "x-gzip", "deflate"):
        # Compressing may make a body a little longer, and never by as much as this.
        return _inflated(_bounded(pieces, longest + PIECE, "its compressed form"))
    return pieces  # which are no JSON if they are compressed in yet another way


def _inflated(pieces: Iterator[bytes]) -> Iterator[bytes]:
    """Yield what is compressed, never more than one piece at once, however well it is packed."""
    inflater: Any = zlib.decompressobj(_ANY_HEADER)
    try:
        for packed in pieces:
            while packed and not inflater.eof:
                yield inflater.decompress(packed, PIECE)
                packed = inflater.unconsumed_tail
            if packed or inflater.unused_data:
                raise RefusedBody("its compressed form does not end where it should")
    except zlib.error as error:
        raise RefusedBody(f"it is not compressed as its headers say ({error})") from error
    if not inflater.eof:
        raise RefusedBody("its compressed form breaks off")
