"""Where ECR departs from the specification, and tools break on it: the local ECR does the same."""

from __future__ import annotations

from typing import Any, cast
from urllib.parse import urlsplit

import pytest
import requests

from ecr_client.local import LocalECR

PART = 5 << 20
DATA = bytes(range(256)) * (PART // 256)
DOWNLOADS = "/_layers/"


def patch(registry: Any, address: str, first: int, data: bytes) -> Any:
    """Send a chunk that says which bytes it has."""
    headers = {"Content-Range": f"{first}-{first + len(data) - 1}"}
    return registry.send("PATCH", address, data=data, headers=headers)


def finish(registry: Any, address: str, digest: str, data: bytes = b"") -> Any:
    return registry.send("PUT", address, params={"digest": digest}, data=data)


def test_chunks_get_201(registry: Any) -> None:
    """Chunks get 201, not 202; the end of the first one is said to be the end of all of them."""
    address = registry.start("team/app")

    responses = [patch(registry, address, number * PART, DATA) for number in range(3)]
    done = finish(registry, address, registry.digest(DATA * 3))

    assert [response.status_code for response in responses] == [201, 201, 201]
    assert [response.headers["Range"] for response in responses] == [f"0-{PART - 1}"] * 3
    assert done.status_code == 201


def test_streams_get_201(registry: Any) -> None:
    """A whole layer in one PATCH of unknown length, as docker sends it, is as good as ever."""
    address = registry.start("team/app")

    response = registry.send("PATCH", address, data=iter([b"a la", b"yer"]))
    done = finish(registry, address, registry.digest(b"a layer"))

    assert (response.status_code, response.headers["Range"]) == (201, "0-6")
    assert done.status_code == 201


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_after_a_small_one(method: str, registry: Any) -> None:
    """A chunk below 5 MiB is the last one: another one after it is refused, and it is kept."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA[:-1])
    digest = registry.digest(DATA)

    response = registry.send(method, address, params={"digest": digest}, data=DATA[-1:])
    (error,) = response.json()["errors"]
    done = finish(registry, address, registry.digest(DATA[:-1]))

    assert registry.code(response) == (400, "BLOB_UPLOAD_INVALID")
    assert error["message"] == "All layer parts except the last part should be at least 5MB"
    assert done.status_code == 201


def test_a_part_of_the_API_that_is_too_small(registry: Any, api: Any) -> None:  # noqa: N802
    """A chunk may not follow a small part that came through the API either."""
    upload_id = api.initiate_layer_upload(repository_name="team/app").upload_id
    api.upload_layer_part(
        repository_name="team/app",
        upload_id=upload_id,
        part_first_byte=0,
        part_last_byte=5,
        layer_part_blob=b"first ",
    )

    response = registry.send("PATCH", f"team/app/blobs/uploads/{upload_id}", data=b"second")

    assert registry.code(response) == (400, "BLOB_UPLOAD_INVALID")


def test_an_empty_chunk_is_none(registry: Any) -> None:
    """Chunks without bytes do not make a small one before them one that is too small."""
    address = registry.start("team/app")

    empty = registry.send("PATCH", address, data=iter([b""]))
    registry.send("PATCH", address, data=b"a layer")
    registry.send("PATCH", address, data=iter([b""]))
    done = finish(registry, address, registry.digest(b"a layer"), cast("Any", iter([b""])))

    assert (empty.status_code, empty.headers["Range"]) == (201, "0-0")
    assert done.status_code == 201


def test_an_upload_that_begins_again(registry: Any) -> None:
    """An upload that starts again at the first byte gets 416, with ECR's message."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA)

    response = patch(registry, address, 0, DATA)

    assert registry.code(response) == (416, "BLOB_UPLOAD_INVALID")
    (error,) = response.json()["errors"]
    assert error["message"].endswith(f"First byte of the layer part is 0 instead of {PART}")


def test_a_layer_is_somewhere_else(registry: Any) -> None:
    """GET redirects to a presigned URL that needs no password; HEAD is not redirected."""
    digest = registry.blob("team/app", b"a layer")
    path = f"team/app/blobs/{digest}"

    response = registry.send("GET", path, allow_redirects=False)
    head = registry.send("HEAD", path, allow_redirects=False)
    place = response.headers["Location"]
    layer = requests.get(place, timeout=60)

    assert (response.status_code, response.content) == (307, b"")
    assert urlsplit(place).path.startswith(DOWNLOADS)
    assert place.startswith(registry.url)
    assert (layer.status_code, layer.content) == (200, b"a layer")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "7")
    assert head.headers["Docker-Content-Digest"] == digest


def test_passwords_of_downloads_are_ignored(registry: Any) -> None:
    """Clients take their password along, as it is the same host; there it is not looked at."""
    digest = registry.blob("team/app", b"a layer")

    response = registry.send("GET", f"team/app/blobs/{digest}")

    assert [step.status_code for step in response.history] == [307]
    assert "Authorization" in response.request.headers
    assert response.content == b"a layer"


def test_the_downloads_are_recorded_as_such(ecr: LocalECR, registry: Any) -> None:
    """A pull is seen as a request of the registry and one of its storage, which can have faults."""
    digest = registry.blob("team/app", b"a layer")
    ecr.requests.clear()
    registry.send("GET", f"team/app/blobs/{digest}")

    assert ecr.requests.operations() == ["Registry", "DownloadLayer"]


def test_unknown_protocols() -> None:
    """A protocol that is neither of the two is refused by name."""
    with pytest.raises(ValueError, match="'docker'"):
        LocalECR(registry_protocol=cast("Any", "docker"))
