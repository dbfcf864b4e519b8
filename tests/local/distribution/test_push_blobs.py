"""Pushing blobs: at once, in chunks, as a stream; and what is refused.

The protocol is that of the specification; ``test_as_ecr_does.py`` has what ECR does otherwise.
"""

from __future__ import annotations

import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any
from urllib.parse import urlsplit

import pytest

from ecr_client.local import LocalECR

DATA = bytes(range(256)) * 40
NOWHERE = "sha256:" + "0" * 64


@pytest.fixture
def ecr(oci: LocalECR) -> LocalECR:
    """Give a server that takes chunks of any size."""
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


def is_there(registry: Any, answer: Any) -> bool:
    """Tell whether an answer says that DATA was stored, and it can be had where the answer says."""
    digest = registry.digest(DATA)
    return bool(
        answer.status_code == 201
        and answer.headers["Docker-Content-Digest"] == digest
        and answer.headers["Location"].endswith(f"/v2/team/app/blobs/{digest}")
        and registry.send("GET", answer.headers["Location"]).content == DATA
    )


def test_an_upload_begins(registry: Any) -> None:
    """The answer says where to send the bytes and that there are none yet."""
    answer = registry.send("POST", "team/app/blobs/uploads/")

    assert answer.status_code == 202
    assert answer.headers["Range"] == "0-0"
    upload_id = answer.headers["Docker-Upload-UUID"]
    assert answer.headers["Location"] == f"/v2/team/app/blobs/uploads/{upload_id}"


def test_a_blob_in_two_requests(registry: Any) -> None:
    """POST and then PUT with all of it."""
    assert is_there(registry, finish(registry, registry.start("team/app"), DATA))


def test_a_blob_in_one_request(registry: Any) -> None:
    """POST with the digest and all of it."""
    answer = registry.send(
        "POST", "team/app/blobs/uploads/", params={"digest": registry.digest(DATA)}, data=DATA
    )

    assert is_there(registry, answer)


def test_a_blob_in_one_request_without_a_length(registry: Any) -> None:
    """The one request may come as a stream whose length is not known."""
    answer = registry.send(
        "POST",
        "team/app/blobs/uploads/",
        params={"digest": registry.digest(DATA)},
        data=iter([DATA[:100], DATA[100:]]),
    )

    assert is_there(registry, answer)


def test_POST_with_a_digest_but_no_bytes_begins_an_upload(registry: Any) -> None:  # noqa: N802
    """A digest alone does not make a blob: the caller is told where to send it."""
    answer = registry.send(
        "POST", "team/app/blobs/uploads/", params={"digest": registry.digest(DATA)}
    )

    assert answer.status_code == 202
    assert is_there(registry, finish(registry, answer.headers["Location"], DATA))


def test_a_blob_in_chunks(registry: Any) -> None:
    """Chunks that follow each other; every answer says how far the upload has come."""
    address = registry.start("team/app")

    ranges = []
    for first in range(0, len(DATA), 4000):
        answer = chunked(registry, address, first, min(first + 4000, len(DATA)) - 1)
        assert answer.status_code == 202
        ranges.append(answer.headers["Range"])
        address = answer.headers["Location"]

    assert ranges == ["0-3999", "0-7999", f"0-{len(DATA) - 1}"]
    assert is_there(registry, finish(registry, address))


def test_the_last_chunk_may_come_with_the_end(registry: Any) -> None:
    """PUT may bring the last chunk, with or without a Content-Range."""
    for headers in ({}, {"Content-Range": f"4000-{len(DATA) - 1}"}):
        address = registry.start("team/app")
        chunked(registry, address, 0, 3999)

        answer = registry.send(
            "PUT",
            address,
            params={"digest": registry.digest(DATA)},
            data=DATA[4000:],
            headers=headers,
        )

        assert is_there(registry, answer)


def test_a_blob_as_a_stream(registry: Any) -> None:
    """PATCH without a Content-Range and of unknown length, as docker and skopeo do it."""
    address = registry.start("team/app")

    def pieces() -> Iterator[bytes]:
        for first in range(0, len(DATA), 1000):
            yield DATA[first : first + 1000]

    answer = registry.send("PATCH", address, data=pieces())

    assert answer.status_code == 202
    assert answer.headers["Range"] == f"0-{len(DATA) - 1}"
    assert is_there(registry, finish(registry, address))


def test_a_blob_of_several_pieces(registry: Any) -> None:
    """A blob that is not written at once, but in pieces, has all its bytes in their order."""
    data = b"".join(bytes([number]) * 400_001 for number in range(9))

    digest = registry.blob("team/app", data)

    assert registry.send("GET", f"team/app/blobs/{digest}").content == data


@pytest.mark.parametrize("first", [0, 3999, 4001, 8000])
def test_a_chunk_out_of_order(first: int, registry: Any) -> None:
    """A chunk that does not follow the last one is refused, and the answer says what would."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    answer = chunked(registry, address, first, first + 99)

    assert registry.code(answer) == (416, "BLOB_UPLOAD_INVALID")
    assert answer.headers["Range"] == "0-3999"
    assert answer.headers["Location"] == address
    chunked(registry, address, 4000, len(DATA) - 1)
    assert is_there(registry, finish(registry, address))


@pytest.mark.parametrize("text", ["", "0", "-5", "5-0", "0-x", "items 0-5", "0-" + "9" * 30])
def test_a_range_that_is_none(text: str, registry: Any) -> None:
    """A Content-Range that cannot be understood is refused like one out of order."""
    address = registry.start("team/app")

    answer = registry.send("PATCH", address, data=DATA, headers={"Content-Range": text})

    assert registry.code(answer) == (416, "BLOB_UPLOAD_INVALID")
    assert registry.send("GET", address).headers["Range"] == "0-0"


@pytest.mark.parametrize("streamed", [False, True])
def test_a_chunk_of_another_size_than_it_says(streamed: bool, registry: Any) -> None:
    """A chunk that is not as long as its Content-Range is dropped whole."""
    address = registry.start("team/app")
    data = iter([DATA[:100]]) if streamed else DATA[:100]

    answer = chunked(registry, address, 0, 3999, data=data)

    assert registry.code(answer) == (400, "SIZE_INVALID")
    assert is_there(registry, finish(registry, address, DATA))


def test_the_progress_of_an_upload(registry: Any) -> None:
    """GET says how far an upload has come and where to go on."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    answer = registry.send("GET", address)

    assert (answer.status_code, answer.content) == (204, b"")
    assert answer.headers["Range"] == "0-3999"
    assert answer.headers["Location"] == address


def test_an_upload_is_cancelled(registry: Any) -> None:
    """After DELETE the upload is gone."""
    address = registry.start("team/app")

    answer = registry.send("DELETE", address)

    assert answer.status_code == 204
    for method in ("GET", "DELETE", "PATCH"):
        assert registry.code(registry.send(method, address)) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("body", [b"", DATA[4000:] + b"?"])
def test_a_wrong_digest(body: bytes, registry: Any) -> None:
    """Bytes with another digest are refused, and the upload is what it was before."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    answer = finish(registry, address, body)

    assert registry.code(answer) == (400, "DIGEST_INVALID")
    assert registry.send("GET", address).headers["Range"] == "0-3999"
    assert is_there(registry, finish(registry, address, DATA[4000:]))


def test_a_wrong_digest_in_one_request(registry: Any) -> None:
    """The one request with everything in it leaves nothing behind if the digest is wrong."""
    answer = registry.send("POST", "team/app/blobs/uploads/", params={"digest": NOWHERE}, data=DATA)

    assert registry.code(answer) == (400, "DIGEST_INVALID")
    assert registry.send("HEAD", f"team/app/blobs/{registry.digest(DATA)}").status_code == 404


@pytest.mark.parametrize("digest", ["", "sha256:1", "latest", "sha512:" + "0" * 128])
def test_a_digest_that_is_none(digest: str, registry: Any) -> None:
    """An upload ends with a SHA-256 digest and nothing else."""
    address = registry.start("team/app")

    answer = finish(registry, address, DATA, digest=digest)

    assert registry.code(answer) == (400, "DIGEST_INVALID")


def test_no_digest(registry: Any) -> None:
    """An upload cannot end without a digest."""
    address = registry.start("team/app")

    assert registry.code(registry.send("PUT", address, data=DATA)) == (400, "DIGEST_INVALID")


def test_an_empty_blob(registry: Any) -> None:
    """ECR stores no empty blobs, and says it in these words."""
    address = registry.start("team/app")

    answer = finish(registry, address, digest=registry.digest(b""))

    assert registry.code(answer) == (400, "BLOB_UPLOAD_INVALID")
    (error,) = answer.json()["errors"]
    assert error["message"].endswith("cannot be completed because it does not have any parts")


def test_a_blob_that_is_there_already(registry: Any) -> None:
    """Pushing a blob again is no error."""
    registry.blob("team/app", DATA)

    assert is_there(registry, finish(registry, registry.start("team/app"), DATA))


@pytest.mark.parametrize("upload_id", ["0", "../../x", "00000000-0000-0000-0000-000000000000"])
def test_an_upload_that_is_not_there(upload_id: str, registry: Any) -> None:
    """An address that was made up gets an error and touches nothing."""
    address = f"team/app/blobs/uploads/{upload_id.replace('/', '%2F')}"

    assert registry.send("PATCH", address, data=DATA).status_code == 404


def test_an_upload_of_another_repository(registry: Any, api: Any) -> None:
    """An upload can be gone on with only in its own repository."""
    api.create_repository(repository_name="other")
    address = registry.start("team/app").replace("team/app", "other")

    answer = registry.send("PATCH", address, data=DATA)

    assert registry.code(answer) == (404, "BLOB_UPLOAD_UNKNOWN")


@pytest.mark.parametrize("query", ["", f"?digest={NOWHERE}", f"?mount={NOWHERE}&from=team/app"])
def test_a_push_does_not_make_a_repository(query: str, registry: Any, api: Any) -> None:
    """A repository that was not created cannot be pushed to."""
    answer = registry.send("POST", f"team/new/blobs/uploads/{query}", data=DATA)

    assert registry.code(answer) == (404, "NAME_UNKNOWN")
    names = [item.repository_name for item in api.describe_repositories().repositories]
    assert names == ["team/app"]


def test_blobs_are_not_deleted(registry: Any) -> None:
    """ECR deletes no layer by itself."""
    digest = registry.blob("team/app", DATA)

    answer = registry.send("DELETE", f"team/app/blobs/{digest}")

    assert registry.code(answer) == (405, "UNSUPPORTED")
    assert registry.send("GET", f"team/app/blobs/{digest}").content == DATA


def test_a_chunk_that_is_cut_off_is_dropped(registry: Any) -> None:
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

    answer = chunked(registry, address, 4000, len(DATA) - 1)

    assert answer.status_code == 202
    assert is_there(registry, finish(registry, address))


def test_of_many_who_send_the_same_chunk_one_is_first(registry: Any) -> None:
    """However many requests work on an upload at once, its bytes stay in order."""
    address = registry.start("team/app")
    chunked(registry, address, 0, 3999)

    # More than the server has threads: those that wait must not need one.
    with ThreadPoolExecutor(48) as pool:
        answers = list(
            pool.map(lambda _: chunked(registry, address, 4000, len(DATA) - 1), range(96))
        )

    statuses = sorted(answer.status_code for answer in answers)
    assert statuses == [202] + [416] * 95
    assert is_there(registry, finish(registry, address))


def test_many_push_the_same_blob(registry: Any) -> None:
    """Uploads of the same bytes at once all succeed."""

    def push(_: int) -> bool:
        return is_there(registry, finish(registry, registry.start("team/app"), DATA))

    with ThreadPoolExecutor(16) as pool:
        assert all(pool.map(push, range(32)))
