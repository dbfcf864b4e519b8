"""Where ECR departs from the specification and breaks tools, the local ECR does the same."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import requests

from ecr_client.local import LocalECR

PART = 5 << 20
DATA = bytes(PART)


def patch(registry: Any, address: str, first: int, data: bytes) -> Any:
    """Send a chunk with its range."""
    headers = {"Content-Range": f"{first}-{first + len(data) - 1}"}
    return registry.send("PATCH", address, data=data, headers=headers)


def finish(registry: Any, address: str, whole: bytes, data: Any = b"") -> int:
    """Complete an upload, and return the status."""
    query = {"digest": registry.digest(whole)}
    return registry.send("PUT", address, params=query, data=data).status_code


def test_chunks_get_201(registry: Any) -> None:
    """Chunks get 201, not 202, with a range that always ends where the first chunk ended."""
    address = registry.start("team/app")
    responses = [patch(registry, address, number * PART, DATA) for number in range(3)]

    assert [response.status_code for response in responses] == [201, 201, 201]
    assert [response.headers["Range"] for response in responses] == [f"0-{PART - 1}"] * 3
    assert finish(registry, address, DATA * 3) == 201


def test_streams_get_201(registry: Any) -> None:
    """A whole layer in one PATCH of unknown length, as docker sends it, works as it should."""
    address = registry.start("team/app")
    response = registry.send("PATCH", address, data=iter([b"a la", b"yer"]))

    assert (response.status_code, response.headers["Range"]) == (201, "0-6")
    assert finish(registry, address, b"a layer") == 201


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_after_a_small_one(method: str, registry: Any) -> None:
    """A chunk below 5 MiB is the last one: it is kept, and any chunk after it is refused."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA[:-1])
    query = {"digest": registry.digest(DATA)}
    response = registry.send(method, address, params=query, data=DATA[-1:])
    (error,) = response.json()["errors"]

    assert registry.code(response) == (400, "BLOB_UPLOAD_INVALID")
    assert error["message"] == "All layer parts except the last part should be at least 5MB"
    assert finish(registry, address, DATA[:-1]) == 201


def test_a_chunk_after_a_small_part(registry: Any, uploads: Any) -> None:
    """A chunk after a small part is refused, even if the part came through the API."""
    upload = uploads(registry.client, "team/app")
    upload.part(b"first ")
    response = registry.send("PATCH", f"team/app/blobs/uploads/{upload.id}", data=b"second")

    assert registry.code(response) == (400, "BLOB_UPLOAD_INVALID")


def test_empty_chunks(registry: Any) -> None:
    """A chunk without bytes does not count, so it may follow a small one."""
    address = registry.start("team/app")
    empty = registry.send("PATCH", address, data=iter([b""]))
    registry.send("PATCH", address, data=b"a layer")
    registry.send("PATCH", address, data=iter([b""]))

    assert (empty.status_code, empty.headers["Range"]) == (201, "0-0")
    assert finish(registry, address, b"a layer", iter([b""])) == 201


def test_an_upload_that_starts_over(registry: Any) -> None:
    """A chunk that starts at the first byte again gets 416, with ECR's message."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA)
    response = patch(registry, address, 0, DATA)
    (error,) = response.json()["errors"]

    assert registry.code(response) == (416, "BLOB_UPLOAD_INVALID")
    assert error["message"].endswith(f"First byte of the layer part is 0 instead of {PART}")


def test_layers_are_redirected(ecr: LocalECR, registry: Any) -> None:
    """GET redirects to a presigned URL, which ignores the password that clients send along."""
    digest = registry.blob("team/app", b"a layer")
    path = f"team/app/blobs/{digest}"
    redirect = registry.send("GET", path, allow_redirects=False)
    head = registry.send("HEAD", path, allow_redirects=False)
    place = redirect.headers["Location"]
    layer = requests.get(place, timeout=60)
    ecr.requests.clear()
    followed = registry.send("GET", path)

    assert (redirect.status_code, redirect.content) == (307, b"")
    assert urlsplit(place).path.startswith("/_layers/")
    assert place.startswith(registry.url)
    assert (layer.status_code, layer.content) == (200, b"a layer")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "7")
    assert head.headers["Docker-Content-Digest"] == digest
    assert "Authorization" in followed.request.headers
    assert followed.content == b"a layer"
    # Both requests can be injected with faults.
    assert ecr.requests.operations() == ["Registry", "DownloadLayer"]


def test_unknown_protocols() -> None:
    """An unknown protocol is refused by name."""
    with pytest.raises(ValueError, match="'docker'"):
        LocalECR(registry_protocol=cast("Any", "docker"))
