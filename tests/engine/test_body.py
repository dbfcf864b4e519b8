"""The body of a response: its limits, its compression, and that no more of it is ever held."""

from __future__ import annotations

import gzip
import itertools
import tracemalloc
import zlib
from collections.abc import Iterable

import pytest

from ecr_client._engine.body import CHUNK_SIZE, Body, RefusedBody

CONTENT = b'{"repositories": []}' * 10
PACKED = {
    "gzip": gzip.compress(CONTENT, mtime=0),
    "x-gzip": gzip.compress(CONTENT, 9, mtime=0),
    "deflate": zlib.compress(CONTENT),
}
MIB = 1024 * 1024


def collect(pieces: Iterable[bytes], coding: str = "", limit: int = 1000) -> bytes:
    """Return the body that is made of these pieces and of the end."""
    body = Body(coding, limit)
    for piece in pieces:
        assert body.feed(piece)
    assert not body.feed(b"")
    return body.finish()


def slices(content: bytes, size: int) -> list[bytes]:
    return [content[start : start + size] for start in range(0, len(content), size)]


# --- bodies ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
def test_plain(size: int) -> None:
    """A body that is not compressed comes out as it came in, in whatever pieces."""
    assert collect(slices(CONTENT, size)) == CONTENT


@pytest.mark.parametrize("size", [1, 2, 7, 1000])
@pytest.mark.parametrize("coding", PACKED)
def test_compressed(coding: str, size: int) -> None:
    """A compressed body comes out unpacked, in whatever pieces it came."""
    assert collect(slices(PACKED[coding], size), coding) == CONTENT


@pytest.mark.parametrize("coding", [" GZIP ", "Gzip", "X-GZip"])
def test_names_of_codings(coding: str) -> None:
    """The name of a coding has no case, and may have white space around it."""
    assert collect([PACKED["gzip"]], coding) == CONTENT


@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_codings_that_are_confused(coding: str) -> None:
    """What is called gzip may be deflate, and the other way round."""
    other = {"gzip": "deflate", "deflate": "gzip"}[coding]

    assert collect([PACKED[other]], coding) == CONTENT


@pytest.mark.parametrize("coding", ["", "identity", "br", "zstd", "gzip, gzip"])
def test_other_codings(coding: str) -> None:
    """A body in a coding that the client has not heard of is left as it is."""
    assert collect([PACKED["gzip"]], coding) == PACKED["gzip"]


def test_an_empty_body() -> None:
    """A body may have no bytes."""
    assert collect([]) == b""


# --- limits ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", ["", *PACKED])
def test_up_to_the_limit(coding: str) -> None:
    """A body may have as many bytes as are allowed."""
    pieces = slices(PACKED.get(coding, CONTENT), 7)

    assert collect(pieces, coding, limit=len(CONTENT)) == CONTENT


@pytest.mark.parametrize("coding", ["", *PACKED])
@pytest.mark.parametrize("size", [1, 1000])
def test_beyond_the_limit(coding: str, size: int) -> None:
    """A body with one byte more is refused, and the error message says how many are allowed."""
    pieces = slices(PACKED.get(coding, CONTENT), size)
    with pytest.raises(RefusedBody, match=r"^it is longer than 199 bytes \(max_response_size\)"):
        collect(pieces, coding, limit=len(CONTENT) - 1)


def test_a_body_without_an_end() -> None:
    """A body that never ends is refused as soon as it is too long."""
    fed = itertools.count(1)
    with pytest.raises(RefusedBody, match="longer than 1,000 bytes"):
        collect(b"x" for _ in fed)

    assert next(fed) == 1001 + 1


@pytest.mark.slow
@pytest.mark.parametrize("coding", ["gzip", "deflate"])
def test_a_bomb(coding: str) -> None:
    """A body that is small on the wire and large in memory is refused before it is there."""
    content = b"\0" * 64 * MIB
    bomb = gzip.compress(content) if coding == "gzip" else zlib.compress(content)
    del content
    tracemalloc.start()
    try:
        with pytest.raises(RefusedBody, match="it is longer than 1,000 bytes"):
            collect([bomb], coding)
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert len(bomb) < MIB
    # One piece, and its parts of which zlib puts it together.
    assert peak < 3 * CHUNK_SIZE


def test_what_is_compressed_has_a_limit_as_well() -> None:
    """A compressed body that holds nothing cannot go on for ever either."""
    nothing = gzip.compress(b"", mtime=0)[:10] + b"\x00\x00\x00\xff\xff" * (CHUNK_SIZE // 5)
    with pytest.raises(RefusedBody, match=r"its compressed form is longer than 1,000 bytes"):
        collect([nothing, nothing], "gzip")


# --- damage ---------------------------------------------------------------------------------------


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("at_once", [True, False])
def test_truncated_at_every_byte(coding: str, at_once: bool) -> None:
    """A compressed body that is truncated, wherever it is, is refused."""
    packed = PACKED[coding]
    for length in range(len(packed)):
        part = packed[:length]
        with pytest.raises(RefusedBody, match="its compressed form is truncated"):
            collect(slices(part, 1000 if at_once else 1), coding)


@pytest.mark.parametrize("more", [b"\0", b"x" * 5000, PACKED["gzip"]])
@pytest.mark.parametrize("size", [1, 10_000])
def test_trailing_data(more: bytes, size: int) -> None:
    """Nothing may follow upon the end of a compressed body."""
    with pytest.raises(RefusedBody, match="its compressed form does not end where it should"):
        collect(slices(PACKED["gzip"] + more, size), "gzip", 10**6)


@pytest.mark.parametrize("coding", PACKED)
@pytest.mark.parametrize("size", [1, 1000])
def test_not_compressed(coding: str, size: int) -> None:
    """A body that is not compressed as its headers declare is refused."""
    with pytest.raises(RefusedBody, match=r"it is not compressed as its headers declare \("):
        collect(slices(CONTENT, size), coding)


def test_a_wrong_checksum() -> None:
    """A compressed body with a flipped bit is refused."""
    packed = bytearray(PACKED["gzip"])
    packed[-5] ^= 1
    with pytest.raises(RefusedBody, match="not compressed as its headers declare"):
        collect([bytes(packed)], "gzip")
