"""The body of a response: its limits, its compression, and the memory that it takes."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest

from ecr_client._engine.body import CHUNK_SIZE, Body, RefusedBody

CONTENT = b'{"repositories": []}' * 10
GZIP, ZLIB = gzip.compress(CONTENT, mtime=0), zlib.compress(CONTENT)


def collect(pieces: Iterable[bytes], coding: str = "", limit: int = 1000) -> bytes:
    """Return the body that is made from these pieces and the end of the stream."""
    body = Body(coding, limit)
    for piece in pieces:
        assert body.feed(piece)
    assert not body.feed(b"")
    return body.finish()


def slices(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


@pytest.mark.parametrize("size", [1, 7, 1000])
@pytest.mark.parametrize(
    ("coding", "sent", "expected"),
    [
        ("", CONTENT, CONTENT),
        ("identity", CONTENT, CONTENT),
        (" GZIP ", GZIP, CONTENT),
        ("X-GZip", GZIP, CONTENT),
        ("deflate", ZLIB, CONTENT),
        # Some servers confuse the two.
        ("gzip", ZLIB, CONTENT),
        ("deflate", GZIP, CONTENT),
        # Codings that the client does not know.
        ("br", GZIP, GZIP),
        ("gzip, gzip", GZIP, GZIP),
    ],
)
def test_bodies(coding: str, sent: bytes, expected: bytes, size: int) -> None:
    """A body is decompressed, whatever its pieces, up to the limit and not beyond it."""
    pieces, longest = slices(sent, size), len(expected)
    message = rf"^it is longer than {longest - 1} bytes \(max_response_size\)"

    assert collect(pieces, coding, limit=longest) == expected
    with pytest.raises(RefusedBody, match=message):
        collect(pieces, coding, limit=longest - 1)


def test_a_body_without_an_end() -> None:
    """A body that never ends is refused as soon as it is too long; an empty one is accepted."""
    fed = itertools.count(1)
    with pytest.raises(RefusedBody, match="longer than 1,000 bytes"):
        collect(b"x" for _ in fed)

    assert next(fed) == 1001 + 1
    assert collect([]) == b""


def test_a_decompression_bomb() -> None:
    """A body that is small on the wire and large in memory is refused before it takes that."""
    bomb = gzip.compress(b"\0" * 8 * CHUNK_SIZE)
    tracemalloc.start()
    try:
        with pytest.raises(RefusedBody, match="it is longer than 1,000 bytes"):
            collect([bomb], "gzip")
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    # One piece, and the parts from which zlib assembles it.
    assert peak < 3 * CHUNK_SIZE


def test_limit_of_the_compressed_form() -> None:
    """A compressed body that expands to nothing is limited as well."""
    nothing = gzip.compress(b"", mtime=0)[:10] + b"\x00\x00\x00\xff\xff" * (CHUNK_SIZE // 5)
    with pytest.raises(RefusedBody, match=r"its compressed form is longer than 1,000 bytes"):
        collect([nothing, nothing], "gzip")


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize("packed", [GZIP, ZLIB])
def test_truncated_at_every_byte(packed: bytes, size: int) -> None:
    """A compressed body that is truncated at any byte is refused."""
    for length in range(len(packed)):
        with pytest.raises(RefusedBody, match="its compressed form is truncated"):
            collect(slices(packed[:length], size), "gzip")


@pytest.mark.parametrize("size", [1, 10_000])
@pytest.mark.parametrize(
    ("sent", "problem"),
    [
        (GZIP + b"\0", "its compressed form does not end where it should"),
        (GZIP + b"x" * 5000, "its compressed form does not end where it should"),
        (GZIP + GZIP, "its compressed form does not end where it should"),
        (CONTENT, r"it is not compressed as its headers declare \("),
        # A wrong checksum.
        (GZIP[:-5] + bytes([GZIP[-5] ^ 1]) + GZIP[-4:], "not compressed as its headers declare"),
    ],
    ids=["zero", "text", "twice", "plain", "checksum"],
)
def test_corrupt(sent: bytes, problem: str, size: int) -> None:
    """A body that is not compressed, is corrupt, or continues after its end is refused."""
    with pytest.raises(RefusedBody, match=problem):
        collect(slices(sent, size), "gzip", 10**6)
