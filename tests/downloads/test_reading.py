"""Ways to read a layer, from wherever, and what is known of it meanwhile."""

from __future__ import annotations

import io
from typing import Any

import pytest

from ecr_client.exceptions import LayerDownloadException


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_read_returns_as_many_bytes_as_it_is_asked_for(
    client: Any, storage: Any, size: int
) -> None:
    """Each read returns exactly the size, but for the last one, however the bytes arrive."""
    pieces = [storage.content[:3], storage.content[3:4], storage.content[4:]]
    storage.script = [storage.send(200, {"Content-Length": "40"}, *pieces)]
    with client.layer() as layer:
        found = [layer.read(size) for _ in range(-(-40 // size))]
        after = layer.read(size)

    assert found == [storage.content[at : at + size] for at in range(0, 40, size)]
    assert after == b""


def test_iter_bytes_yields_pieces_of_a_size_at_most(client: Any, storage: Any) -> None:
    """The pieces are never empty and never too long, and make up the layer."""
    with client.layer() as layer:
        pieces = list(layer.iter_bytes(chunk_size=7))

    assert b"".join(pieces) == storage.content
    assert all(1 <= len(piece) <= 7 for piece in pieces)


@pytest.mark.parametrize("storage", ["http"], indirect=True)
@pytest.mark.parametrize("size", [0, -1])
def test_iter_bytes_refuses_pieces_without_bytes(client: Any, size: int) -> None:
    """Pieces of no bytes would end the loop at once, with nothing verified."""
    with (
        client.layer() as layer,
        pytest.raises(ValueError, match=f"^chunk_size must be at least 1, got {size}$"),
    ):
        layer.iter_bytes(size)


def test_readinto_fills_buffers(client: Any, storage: Any) -> None:
    """Bytes are read into any writable buffer, of whatever items; 0 is the end."""
    content, buffer = io.BytesIO(), memoryview(bytearray(12)).cast("I")
    with client.layer() as layer:
        while count := layer.readinto(buffer):
            content.write(buffer.cast("B")[:count])

    assert content.getvalue() == storage.content


def test_readers_may_be_mixed(client: Any, storage: Any) -> None:
    """All ways of reading go on where the one before has stopped."""
    buffer = bytearray(5)
    with client.layer() as layer:
        found = layer.read(3) + next(layer.iter_bytes(4))
        found += buffer[: layer.readinto(buffer)]
        found += layer.read(0) + layer.read()

    assert found == storage.content


@pytest.mark.parametrize("ranges", [True, False], ids=["ranges", "no ranges"])
@pytest.mark.parametrize("start", [1, 39])
def test_start_leaves_out_the_beginning(
    client: Any, storage: Any, start: int, ranges: bool
) -> None:
    """The rest of a layer is asked for by its range; a storage that has none is read over."""
    storage.ranges = ranges
    whole = client.content(start=start)
    with client.layer(start=start) as layer:
        single = layer.read(1)

    assert whole == storage.content[start:]
    assert single == storage.content[start : start + 1]
    assert storage.ranges_seen() == [f"bytes={start}-"] * 2


@pytest.mark.parametrize("start", [40, 41])
def test_start_beyond_the_end_is_refused(client: Any, storage: Any, start: int) -> None:
    """A range behind the layer is an error of the storage, with its status."""
    with pytest.raises(LayerDownloadException, match=r"responded with status 416$") as raised:
        client.content(start=start)

    assert (raised.value.status_code, raised.value.layer_digest) == (416, storage.digest)


def test_size_and_position_are_known(client: Any, storage: Any) -> None:
    """Size and position tell how far a download is."""
    layer = client.layer(start=10)
    before = (layer.size, layer.position, repr(layer))
    with layer:
        layer.read(5)
        middle = (layer.size, layer.position, repr(layer))
        layer.read()

    assert layer.digest == storage.digest
    assert before == (None, 10, f"<LayerDownload {storage.digest}, 10 of ? bytes>")
    assert middle == (40, 15, f"<LayerDownload {storage.digest}, 15 of 40 bytes>")
    assert layer.position == 40


def test_nothing_is_sent_before_the_block(client: Any, storage: Any) -> None:
    """Making a download asks neither the service nor the storage; entering it asks both."""
    layer = client.layer()
    before = (len(client.urls), len(storage.requests))
    with layer:
        inside = (len(client.urls), len(storage.requests))

    assert (before, inside) == ((0, 0), (1, 1))


def test_a_closed_download_is_not_read(client: Any) -> None:
    """Reading after the block, or after `close`, is an error of the program."""
    with client.layer() as layer:
        layer.close()
        with pytest.raises(ValueError, match=r"^the download of layer sha256:\w+ is closed$"):
            layer.read()
    for read in (layer.read, lambda: layer.readinto(bytearray(1)), lambda: [*layer.iter_bytes()]):
        with pytest.raises(ValueError, match="is closed"):
            read()
    layer.close()
