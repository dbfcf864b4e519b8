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


def test_a_chunk_is_answered_with_201(registry: Any) -> None:
    """Chunks get 201, not 202; the end of the first one is said to be the end of all of them."""
    address = registry.start("team/app")

    answers = [patch(registry, address, number * PART, DATA) for number in range(3)]
    done = finish(registry, address, registry.digest(DATA * 3))

    assert [answer.status_code for answer in answers] == [201, 201, 201]
    assert [answer.headers["Range"] for answer in answers] == [f"0-{PART - 1}"] * 3
    assert done.status_code == 201


def test_a_stream_is_answered_with_201(registry: Any) -> None:
    """A whole layer in one PATCH of unknown length, as docker sends it, is as good as ever."""
    address = registry.start("team/app")

    answer = registry.send("PATCH", address, data=iter([b"a la", b"yer"]))
    done = finish(registry, address, registry.digest(b"a layer"))

    assert (answer.status_code, answer.headers["Range"]) == (201, "0-6")
    assert done.status_code == 201


@pytest.mark.parametrize("method", ["PATCH", "PUT"])
def test_a_chunk_after_one_that_is_too_small(method: str, registry: Any) -> None:
    """A chunk below 5 MiB is the last one: another one after it is refused, and it is kept."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA[:-1])
    digest = registry.digest(DATA)

    answer = registry.send(method, address, params={"digest": digest}, data=DATA[-1:])
    (error,) = answer.json()["errors"]
    done = finish(registry, address, registry.digest(DATA[:-1]))

    assert registry.code(answer) == (400, "BLOB_UPLOAD_INVALID")
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

    answer = registry.send("PATCH", f"team/app/blobs/uploads/{upload_id}", data=b"second")

    assert registry.code(answer) == (400, "BLOB_UPLOAD_INVALID")


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
    """Whoever sends the first byte again gets 416, in the words of ECR."""
    address = registry.start("team/app")
    patch(registry, address, 0, DATA)

    answer = patch(registry, address, 0, DATA)

    assert registry.code(answer) == (416, "BLOB_UPLOAD_INVALID")
    (error,) = answer.json()["errors"]
    assert error["message"].endswith(f"First byte of the layer part is 0 instead of {PART}")


def test_a_layer_is_somewhere_else(registry: Any) -> None:
    """GET leads to a presigned address that needs no password, and HEAD answers by itself."""
    digest = registry.blob("team/app", b"a layer")
    path = f"team/app/blobs/{digest}"

    answer = registry.send("GET", path, allow_redirects=False)
    head = registry.send("HEAD", path, allow_redirects=False)
    place = answer.headers["Location"]
    layer = requests.get(place, timeout=60)

    assert (answer.status_code, answer.content) == (307, b"")
    assert urlsplit(place).path.startswith(DOWNLOADS)
    assert place.startswith(registry.url)
    assert (layer.status_code, layer.content) == (200, b"a layer")
    assert (head.status_code, head.headers["Content-Length"]) == (200, "7")
    assert head.headers["Docker-Content-Digest"] == digest


def test_a_password_on_the_way_to_the_layer_does_no_harm(registry: Any) -> None:
    """Clients take their password along, as it is the same host; there it is not looked at."""
    digest = registry.blob("team/app", b"a layer")

    answer = registry.send("GET", f"team/app/blobs/{digest}")

    assert [step.status_code for step in answer.history] == [307]
    assert "Authorization" in answer.request.headers
    assert answer.content == b"a layer"


def test_the_downloads_are_recorded_as_such(ecr: LocalECR, registry: Any) -> None:
    """A pull is seen as a request of the registry and one of its storage, which can have faults."""
    digest = registry.blob("team/app", b"a layer")
    ecr.requests.clear()
    registry.send("GET", f"team/app/blobs/{digest}")

    assert ecr.requests.operations() == ["Registry", "DownloadLayer"]


def test_a_protocol_that_there_is_not() -> None:
    """A protocol that is neither of the two is refused by name."""
    with pytest.raises(ValueError, match="'docker'"):
        LocalECR(registry_protocol=cast("Any", "docker"))
