"""Ways to read a layer, from any start; the content is verified, or an error is raised."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client.exceptions import LayerDownloadException, LayerVerificationException


@pytest.mark.parametrize("storage", ["http", "https"], indirect=True)
@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_read_returns_the_size(client: Any, storage: Any, size: int) -> None:
    """Each read but the last returns exactly the requested size, however the bytes arrive."""
    pieces = [storage.content[:3], storage.content[3:4], storage.content[4:]]
    storage.script = [storage.send(200, {"Content-Length": "40"}, *pieces)]
    with client.layer() as layer:
        found = [layer.read(size) for _ in range(-(-40 // size))]
        after = layer.read(size)

    assert found == [storage.content[at : at + size] for at in range(0, 40, size)]
    assert after == b""


def test_entering_at_the_end(client: Any, storage: Any) -> None:
    """A layer that was read to its end is not requested again when its ``with`` begins."""
    layer = client.layer()
    assert layer.read() == storage.content
    with layer:
        assert layer.read(10) == b""


def test_readinto_fills_buffers(client: Any, storage: Any) -> None:
    """Bytes are read into any writable buffer, whatever its items; 0 means the end."""
    content, buffer = io.BytesIO(), memoryview(bytearray(12)).cast("I")
    with client.layer() as layer:
        while count := layer.readinto(buffer):
            content.write(buffer.cast("B")[:count])

    assert content.getvalue() == storage.content


def test_readers_may_be_mixed(client: Any, storage: Any) -> None:
    """Each way of reading continues where the last one stopped; pieces are never too long."""
    buffer = bytearray(5)
    with client.layer() as layer:
        # Empty pieces would end the loop at once, with nothing verified.
        for size in (0, -1):
            with pytest.raises(ValueError, match=f"^chunk_size must be at least 1, got {size}$"):
                layer.iter_bytes(size)
        found = layer.read(3) + next(layer.iter_bytes(4))
        found += buffer[: layer.readinto(buffer)] + layer.read(0)
        pieces = list(layer.iter_bytes(chunk_size=7))

    assert found + b"".join(pieces) == storage.content
    assert all(1 <= len(piece) <= 7 for piece in pieces)


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("start", [1, 39])
def test_start(client: Any, storage: Any, start: int, ranges: bool) -> None:
    """The rest of a layer is requested as a range; without ranges, the start is skipped."""
    storage.ranges = ranges
    whole = client.content(start=start)
    with client.layer(start=start) as layer:
        single = layer.read(1)

    assert whole == storage.content[start:]
    assert single == storage.content[start : start + 1]
    assert storage.ranges_seen() == [f"bytes={start}-"] * 2


@pytest.mark.parametrize("start", [40, 41])
def test_start_beyond_the_end_is_refused(client: Any, storage: Any, start: int) -> None:
    """A start beyond the end of the layer is an error with the storage's status."""
    with pytest.raises(LayerDownloadException, match=r"responded with status 416$") as raised:
        client.content(start=start)

    assert (raised.value.status_code, raised.value.layer_digest) == (416, storage.digest)


def test_size_and_position_are_known(client: Any, storage: Any) -> None:
    """Size and position show the progress of a download; nothing is sent before it is entered."""
    layer = client.layer(start=10)
    before = (layer.size, layer.position, repr(layer))
    assert (len(client.urls), len(storage.requests)) == (0, 0)
    with layer:
        assert (len(client.urls), len(storage.requests)) == (1, 1)
        layer.read(5)
        middle = (layer.size, layer.position, repr(layer))
        layer.read()

    assert layer.digest == storage.digest
    assert before == (None, 10, f"<LayerDownload {storage.digest}, 10 of ? bytes>")
    assert middle == (40, 15, f"<LayerDownload {storage.digest}, 15 of 40 bytes>")
    assert layer.position == 40


def test_a_closed_download_is_not_read(client: Any) -> None:
    """Reading after the block, or after `close`, is a ValueError."""
    with client.layer() as layer:
        layer.close()
        with pytest.raises(ValueError, match=r"^the download of layer sha256:\w+ is closed$"):
            layer.read()
    for read in (layer.read, lambda: layer.readinto(bytearray(1)), lambda: [*layer.iter_bytes()]):
        with pytest.raises(ValueError, match="is closed"):
            read()
    layer.close()


@pytest.mark.parametrize(
    "read",
    [
        lambda layer: layer.read(),
        lambda layer: layer.read(40),
        lambda layer: layer.readinto(bytearray(40)),
        lambda layer: list(layer.iter_bytes()),
    ],
    ids=["read", "exact read", "readinto", "iter_bytes"],
)
def test_all_readers_verify(client: Any, storage: Any, read: Callable[[Any], object]) -> None:
    """However the bytes are read, the last one is not handed out if they are wrong."""
    storage.content = bytes(40)
    with client.layer() as layer, pytest.raises(LayerVerificationException):
        read(layer)


def test_an_exact_read_is_enough(client: Any, storage: Any) -> None:
    """Reading exactly the size of a layer verifies it and releases its connection."""
    with client.layer() as layer:
        content = layer.read(40)
    with client.layer() as layer:
        layer.read(40)

    assert content == storage.content
    assert storage.connections == 1


def test_more_bytes_are_not_waited_for(client: Any, storage: Any) -> None:
    """After the last byte of the layer, the connection is released, whatever is still promised."""
    headers = {"Content-Length": "30", "Content-Range": "bytes 20-39/40"}
    promise = storage.send(206, headers, storage.content[20:])
    storage.script = [storage.cut(20), lambda seen: promise(seen)._replace(stall=True)]
    with client.layer() as layer:
        content = layer.read()
        left = storage.left.wait(30)

    assert content == storage.content
    assert left


def test_bytes_after_the_layer(client: Any, storage: Any) -> None:
    """Bytes after a response are part neither of it nor of the next one."""
    storage.script = [storage.send(200, {"Content-Length": "40"}, storage.content, b"!")]
    contents = [client.content(), client.content()]

    assert contents == [storage.content] * 2


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_a_length(client: Any, storage: Any, chunked: bool) -> None:
    """A body without a length can be read; its size is then unknown."""
    body, headers = [storage.content], {"Connection": "close"}
    if chunked:
        body = [b"14\r\n", storage.content[:20], b"\r\n14\r\n", storage.content[20:]]
        body, headers = [*body, b"\r\n0\r\n\r\n"], {"Transfer-Encoding": "chunked"}
    storage.script = [storage.send(200, headers, *body, close=True)]
    with client.layer() as layer:
        content = layer.read()

    assert content == storage.content
    assert layer.size is None
    assert layer.position == 40


def test_compressed_content_is_left_alone(client: Any, storage: Any) -> None:
    """The bytes of a layer are those that are stored, whatever a header says about them."""
    headers = {"Content-Length": "40", "Content-Encoding": "gzip"}
    storage.script = [storage.send(200, headers, storage.content)]

    assert client.content() == storage.content
