"""Whatever a registry stores, the check of an image ends, and says what is wrong."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator
from typing import Any

from hypothesis import example, given
from hypothesis import strategies as st

from ecr_client import ECRClient, Operation
from ecr_client._operation import Request, Result
from ecr_client.models import Image, ImageIdentifier
from ecr_client.testing import assert_image_valid
from ecr_client.testing import example as example_of
from ecr_client.transport import Deadline, HTTPRequest, InMemory, StreamingResponse, Transport

LAYER = b"the bytes of a layer"
TEXTS = st.text(st.characters() | st.sampled_from("\ud800\udfff\0\r\n"), max_size=20)
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | TEXTS | st.just(10**4299),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=8,
)


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"


def descriptor(content: bytes) -> dict[str, Any]:
    return {
        "mediaType": "application/vnd.oci.image.layer.v1.tar",
        "digest": digest_of(content),
        "size": len(content),
    }


class Storage(Transport):
    """Sends the same bytes for each layer, once or for ever, with or without their number."""

    simulated = True

    def __init__(self, content: bytes, headers: dict[str, str], *, endless: bool = False) -> None:
        self.content, self.headers, self.endless = content, headers, endless

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        stream = self if self.endless else InMemory(self.content)
        return StreamingResponse(request, 200, self.headers, stream)

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        return self.content[:size]


class Registry(ECRClient):
    """Has one manifest, whatever it is asked for."""

    def __init__(self, text: str, storage: Storage) -> None:
        super().__init__(region="eu-west-1")
        self.transport = storage
        self.text, self.asked = text, 0

    def invoke(self, operation: Operation[Request, Result], request: Request) -> Result:
        self.asked += 1
        members: dict[str, Any] = {"download_url": "https://layers.invalid/"}
        if operation.name == "BatchGetImage":
            digest = digest_of(self.text.encode("utf-8", "surrogatepass"))
            image_id = ImageIdentifier(image_digest=digest)
            members = {"images": [example_of(Image, image_id=image_id, image_manifest=self.text)]}
        return operation.result_class(**members)


def problems(text: str, storage: Storage | None = None) -> list[str]:
    """Return what the check says of a manifest; of a valid one, nothing."""
    storage = storage or Storage(LAYER, {"Content-Length": str(len(LAYER))})
    registry = Registry(text, storage)
    try:
        assert_image_valid(registry, "team/app:1.0")
    except AssertionError as error:
        head, *lines = str(error).split("\n")
    else:
        return []

    assert head == "team/app:1.0 is not valid:"
    assert lines
    assert registry.asked < 50
    assert all(line.isprintable() and len(line) < 2100 for line in lines)
    return lines


def places(content: Any, path: str = "") -> Iterator[tuple[str, Any, Any]]:
    """Yield the path of each place in JSON, what it is in, and its key or index there."""
    is_object = isinstance(content, dict)
    for key, value in content.items() if is_object else enumerate(content):
        place = f"{path}.{key}".lstrip(".") if is_object else f"{path}[{key}]"
        yield place, content, key
        if isinstance(value, (dict, list)):
            yield from places(value, place)


@st.composite
def damaged(draw: st.DrawFn) -> tuple[str, str]:
    """Make a manifest with a wrong value in one place, and return the place, too."""
    root = {
        "schemaVersion": 2,
        "config": descriptor(LAYER),
        "layers": [descriptor(LAYER), descriptor(LAYER)],
        "manifests": [],
        "annotations": {"name": "value"},
    }
    place, content, key = draw(st.sampled_from(list(places(root))))
    old = content[key]
    content[key] = draw(ANY_JSON.filter(lambda value: value != old and type(value) is not list))
    return json.dumps(root), place


@example("[" * 900 + "]" * 900)
@example('{"layers": [], "layers": []}')
@example('{"manifests": [{"digest": "\ud800", "size": 1}]}')
@given(
    TEXTS
    | ANY_JSON.map(json.dumps)
    | st.dictionaries(st.sampled_from(["layers", "manifests", "config", "x"]), ANY_JSON).map(
        json.dumps
    )
)
def test_any_manifest(text: str) -> None:
    """A manifest of anything is valid, or the check says what is wrong; nothing else happens."""
    for line in problems(text):
        assert re.match(r"  (manifest|blob) \S+ (has|is|cannot be) ", line)


@given(damaged())
def test_a_manifest_with_another_value(damage: tuple[str, str]) -> None:
    """A wrong value in a place that counts is a problem, and the line names it or its blob."""
    text, place = damage
    lines = problems(text)

    if re.fullmatch(r"(layers|config|manifests)(\[\d\])?(\.digest|\.size)?", place):
        assert any(place in line or "blob" in line or "column" in line for line in lines)


@given(
    st.binary(min_size=1, max_size=40),
    st.sampled_from([{}, {"Content-Length": "20"}, {"Content-Length": str(10**15)}]),
    st.booleans(),
)
def test_any_blob(content: bytes, headers: dict[str, str], endless: bool) -> None:
    """A blob of other bytes, too few, too many or without an end is a problem."""
    text = json.dumps({"layers": [descriptor(LAYER)]})
    storage = Storage(content, headers, endless=endless)

    assert problems(text, storage)
