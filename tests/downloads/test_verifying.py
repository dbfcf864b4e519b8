"""What is downloaded is the layer, or an error says that it is not."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client.exceptions import LayerVerificationException


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
    """A layer of which exactly all bytes were read is verified, and its connection is free."""
    with client.layer() as layer:
        content = layer.read(40)
    with client.layer() as layer:
        layer.read(40)

    assert content == storage.content
    assert storage.connections == 1


def test_more_bytes_are_not_waited_for(client: Any, storage: Any) -> None:
    """With the last byte of the layer the connection is released, whatever it still promises."""
    headers = {"Content-Length": "30", "Content-Range": "bytes 20-39/40"}
    promise = storage.send(206, headers, storage.content[20:])
    storage.script = [storage.cut(20), lambda seen: promise(seen)._replace(stall=True)]
    with client.layer() as layer:
        content = layer.read()
        left = storage.left.wait(30)

    assert content == storage.content
    assert left


def test_bytes_behind_the_layer(client: Any, storage: Any) -> None:
    """What follows a response is no part of it, nor of the next one."""
    storage.script = [storage.send(200, {"Content-Length": "40"}, storage.content, b"!")]
    contents = [client.content(), client.content()]

    assert contents == [storage.content] * 2


@pytest.mark.parametrize("chunked", [True, False])
def test_a_body_without_a_length(client: Any, storage: Any, chunked: bool) -> None:
    """A length is not needed; the size is then not known."""
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
    """The bytes of a layer are those that are stored, whatever a header says of them."""
    headers = {"Content-Length": "40", "Content-Encoding": "gzip"}
    storage.script = [storage.send(200, headers, storage.content)]

    assert client.content() == storage.content
