"""Pushing blobs: at once, in chunks, as a stream; and what is refused.

The protocol is that of the specification; ``test_as_ecr_does.py`` has what ECR does otherwise.
"""

from __future__ import annotations

import socket
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR

DATA = bytes(range(256)) * 40
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def ecr(oci: LocalECR) -> LocalECR:
    """Return a server that takes chunks of any size."""
    return oci


def chunked(registry: Any, address: str, first: int, last: int, **options: Any) -> Any:
    """Send the bytes of DATA from `first` to `last` as a chunk that says which they are."""
    return registry.send(
        "PATCH",
        address,
        data=options.pop("data", DATA[first : last + 1]),
        headers={"Content-Range": f"{first}-{last}", **options},
    )


def finish(registry: Any, address: str, data: bytes = b"", digest: str | None = None) -> Any:
    digest = registry.digest(DATA) if digest is None else digest
    return registry.send("PUT", address, params={"digest": digest}, data=data)


def is_there(registry: Any, response: Any) -> bool:
    """Return whether DATA was stored and can be pulled from the location in a response."""
    digest = registry.digest(DATA)
    return bool(
        response.status_code == 201
        and response.headers["Docker-Content-Digest"] == digest
        and response.headers["Location"].endswith(f"/v2/team/app/blobs/{digest}")
        and registry.send("GET", response.headers["Location"]).content == DATA
    )


def test_the_life_of_an_upload(registry: Any) -> None:
    """An upload has a location and its progress, until it is cancelled."""
    begun = registry.send("POST", "team/app/blobs/uploads/")
    address = begun.headers["Location"]
    chunked(registry, address, 0, 3999)
    progress = registry.send("GET", address)
    cancelled = registry.send("DELETE", address)

    assert (begun.status_code, begun.headers["Range"]) == (202, "0-0")
    assert address == f"/v2/team/app/blobs/uploads/{begun.headers['Docker-Upload-UUID']}"
    assert (progress.status_code, progress.content) == (204, b"")
    assert (progress.headers["Range"], progress.headers["Location"]) == ("0-3999", address)
    assert cancelled.status_code == 204
    for method in ("GET", "DELETE", "PATCH"):
        assert registry.code(registry.send(method, address)) == (404, "BLOB_UPLOAD_UNKNOWN")


def _at_once(registry: Any, data: Any) -> Any:
    query = {"digest": registry.digest(DATA)}
    return registry.send("POST", "team/app/blobs/uploads/", params=query, data=data)


def _with_last_chunk(registry: Any, headers: dict[str, str]) -> Any:
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)
    query = {"digest": registry.digest(DATA)}
    return registry.send("PUT", address, params=query, data=DATA[4000:], headers=headers)


def _as_a_stream(registry: Any) -> Any:
    address = registry.start("team/app")
    pieces = iter([DATA[first : first + 1000] for first in range(0, len(DATA), 1000)])
    response = registry.send("PATCH", address, data=pieces)
    assert (response.status_code, response.headers["Range"]) == (202, f"0-{len(DATA) - 1}")
    return finish(registry, address)


@pytest.mark.parametrize(
    "push",
    [
        pytest.param(lambda r: finish(r, r.start("team/app"), DATA), id="two requests"),
        pytest.param(lambda r: _at_once(r, DATA), id="one request"),
        pytest.param(lambda r: _at_once(r, iter([DATA[:100], DATA[100:]])), id="without a length"),
        pytest.param(lambda r: _with_last_chunk(r, {}), id="last chunk with the end"),
        pytest.param(
            lambda r: _with_last_chunk(r, {"Content-Range": f"4000-{len(DATA) - 1}"}),
            id="last chunk with its range",
        ),
        pytest.param(_as_a_stream, id="a stream"),
    ],
)
def test_ways_to_push_a_blob(push: Callable[[Any], Any], registry: Any) -> None:
    """Each way to push a blob stores it, again and again."""
    assert is_there(registry, push(registry))
    assert is_there(registry, push(registry))


def test_POST_with_a_digest_but_no_bytes_begins_an_upload(registry: Any) -> None:  # noqa: N802
    """A digest alone does not make a blob: the caller is told where to send it."""
    response = registry.send(
        "POST", "team/app/blobs/uploads/", params={"digest": registry.digest(DATA)}
    )

    assert response.status_code == 202
    assert is_there(registry, finish(registry, response.headers["Location"], DATA))


def test_a_blob_in_chunks(registry: Any) -> None:
    """Chunks follow each other, and every response has the progress."""
    address = registry.start("team/app")

    ranges = []
    for first in range(0, len(DATA), 4000):
        response = chunked(registry, address, first, min(first + 4000, len(DATA)) - 1)
        assert response.status_code == 202
        ranges.append(response.headers["Range"])
        address = response.headers["Location"]

    assert ranges == ["0-3999", "0-7999", f"0-{len(DATA) - 1}"]
    assert is_there(registry, finish(registry, address))


def test_a_blob_of_several_pieces(registry: Any) -> None:
    """A blob that is not written at once, but in pieces, has all its bytes in their order."""
    data = b"".join(bytes([number]) * 400_001 for number in range(9))

    digest = registry.blob("team/app", data)

    assert registry.send("GET", f"team/app/blobs/{digest}").content == data


@pytest.mark.parametrize("first", [0, 3999, 4001, 8000])
def test_a_chunk_out_of_order(first: int, registry: Any) -> None:
    """A chunk that does not follow the last one is refused with the progress."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    response = chunked(registry, address, first, first + 99)

    assert registry.code(response) == (416, "BLOB_UPLOAD_INVALID")
    assert response.headers["Range"] == "0-3999"
    assert response.headers["Location"] == address
    chunked(registry, address, 4000, len(DATA) - 1)
    assert is_there(registry, finish(registry, address))


@pytest.mark.parametrize("text", ["", "5-0", "items 0-5", "0-" + "9" * 30])
def test_a_range_that_is_none(text: str, registry: Any) -> None:
    """A Content-Range that cannot be understood is refused like one out of order."""
    address = registry.start("team/app")

    response = registry.send("PATCH", address, data=DATA, headers={"Content-Range": text})

    assert registry.code(response) == (416, "BLOB_UPLOAD_INVALID")
    assert registry.send("GET", address).headers["Range"] == "0-0"


@pytest.mark.parametrize("streamed", [False, True])
def test_chunks_of_another_size(streamed: bool, registry: Any) -> None:
    """A chunk that is not as long as its Content-Range is dropped whole."""
    address = registry.start("team/app")
    data = iter([DATA[:100]]) if streamed else DATA[:100]

    response = chunked(registry, address, 0, 3999, data=data)

    assert registry.code(response) == (400, "SIZE_INVALID")
    assert is_there(registry, finish(registry, address, DATA))


@pytest.mark.parametrize("body", [b"", DATA[4000:] + b"?"])
def test_a_wrong_digest(body: bytes, registry: Any) -> None:
    """Bytes with another digest are refused, and the upload is what it was before."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    response = finish(registry, address, body)

    assert registry.code(response) == (400, "DIGEST_INVALID")
    assert registry.send("GET", address).headers["Range"] == "0-3999"
    assert is_there(registry, finish(registry, address, DATA[4000:]))


def test_a_wrong_digest_in_one_request(registry: Any) -> None:
    """The one request with everything in it leaves nothing behind if the digest is wrong."""
    response = registry.send(
        "POST", "team/app/blobs/uploads/", params={"digest": NOWHERE}, data=DATA
    )

    assert registry.code(response) == (400, "DIGEST_INVALID")
    assert registry.send("HEAD", f"team/app/blobs/{registry.digest(DATA)}").status_code == 404


@pytest.mark.parametrize("digest", [None, "sha256:1", "sha512:" + "0" * 128])
def test_a_malformed_digest(digest: str | None, registry: Any) -> None:
    """An upload ends with a SHA-256 digest and nothing else."""
    query = {} if digest is None else {"digest": digest}
    response = registry.send("PUT", registry.start("team/app"), params=query, data=DATA)

    assert registry.code(response) == (400, "DIGEST_INVALID")


def test_an_empty_blob(registry: Any) -> None:
    """ECR stores no empty blobs, and says it in these words."""
    address = registry.start("team/app")

    response = finish(registry, address, digest=registry.digest(b""))

    assert registry.code(response) == (400, "BLOB_UPLOAD_INVALID")
    (error,) = response.json()["errors"]
    assert error["message"].endswith("cannot be completed because it does not have any parts")


@pytest.mark.parametrize(
    "upload_id", ["0", "../../x", "00000000-0000-0000-0000-000000000000", None]
)
def test_missing_uploads(upload_id: str | None, registry: Any, api: Any) -> None:
    """A made-up upload, and one of another repository, is an error and touches nothing."""
    api.create_repository(repository_name="other")
    address = registry.start("team/app").replace("team/app", "other")
    if upload_id is not None:
        address = f"team/app/blobs/uploads/{upload_id.replace('/', '%2F')}"

    assert registry.send("PATCH", address, data=DATA).status_code == 404


@pytest.mark.parametrize("query", ["", f"?digest={NOWHERE}", f"?mount={NOWHERE}&from=team/app"])
def test_a_push_creates_no_repository(query: str, registry: Any, api: Any) -> None:
    """A repository that was not created cannot be pushed to."""
    response = registry.send("POST", f"team/new/blobs/uploads/{query}", data=DATA)

    assert registry.code(response) == (404, "NAME_UNKNOWN")
    names = [item.repository_name for item in api.describe_repositories().repositories]
    assert names == ["team/app"]


def test_blobs_are_not_deleted(registry: Any) -> None:
    """ECR deletes no layer by itself."""
    digest = registry.blob("team/app", DATA)

    response = registry.send("DELETE", f"team/app/blobs/{digest}")

    assert registry.code(response) == (405, "UNSUPPORTED")
    assert registry.send("GET", f"team/app/blobs/{digest}").content == DATA


def test_an_interrupted_chunk(registry: Any) -> None:
    """When the connection ends within a chunk, the upload is what it was before it."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)
    place = urlsplit(registry.url)
    credentials = registry.send("GET", "/v2/").request.headers["Authorization"]
    with socket.create_connection((place.hostname, place.port)) as connection:
        connection.sendall(
            f"PATCH {address} HTTP/1.1\r\nHost: {place.netloc}\r\nAuthorization: {credentials}\r\n"
            f"Content-Length: {len(DATA)}\r\n\r\n".encode()
            + DATA[:3000]
        )

    response = chunked(registry, address, 4000, len(DATA) - 1)

    assert response.status_code == 202
    assert is_there(registry, finish(registry, address))


def test_one_chunk_many_times(registry: Any) -> None:
    """However many requests work on an upload at once, its bytes stay in order."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    # More than the server has threads: those that wait must not need one.
    with ThreadPoolExecutor(48) as pool:
        responses = list(
            pool.map(lambda _: chunked(registry, address, 4000, len(DATA) - 1), range(96))
        )

    statuses = sorted(response.status_code for response in responses)
    assert statuses == [202] + [416] * 95
    assert is_there(registry, finish(registry, address))
