"""Pushing blobs: at once, in chunks, as a stream or by mounting; and pushes that are refused.

These servers follow the specification; ``test_as_ecr_does.py`` has the differences of ECR.
"""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from ecr_client.models import (
    EncryptionConfiguration,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
)

DATA = bytes(range(256)) * 40
NOWHERE = "sha256:" + "0" * 64
UPLOADS = "team/app/blobs/uploads/"


@pytest.fixture
def oci(oci_registry: Any) -> Any:
    """Return a session with a server that accepts chunks of any size."""
    return oci_registry


def patch(registry: Any, address: str, first: int, last: int, data: Any = None) -> Any:
    """Send the bytes of DATA from `first` to `last` as a chunk with that range."""
    data = DATA[first : last + 1] if data is None else data
    headers = {"Content-Range": f"{first}-{last}"}
    return registry.send("PATCH", address, data=data, headers=headers)


def finish(registry: Any, address: str, data: Any = b"", digest: str = "", **headers: str) -> Any:
    query = {"digest": digest or registry.digest(DATA)}
    return registry.send("PUT", address, params=query, data=data, headers=headers)


def begun(registry: Any) -> str:
    """Return the address of an upload that has received 4,000 bytes."""
    address: str = registry.start("team/app")
    assert patch(registry, address, 0, 3999).headers["Range"] == "0-3999"
    return address


def is_stored(registry: Any, response: Any) -> bool:
    """Return whether DATA was stored, and can be pulled from the location in a response."""
    digest = registry.digest(DATA)
    return bool(
        response.status_code == 201
        and response.headers["Docker-Content-Digest"] == digest
        and response.headers["Location"].endswith(f"/v2/team/app/blobs/{digest}")
        and registry.send("GET", response.headers["Location"]).content == DATA
    )


def test_upload_lifecycle(oci: Any) -> None:
    """An upload has a location and reports its progress until it is cancelled."""
    started = oci.send("POST", UPLOADS)
    address = started.headers["Location"]
    patch(oci, address, 0, 3999)
    progress = oci.send("GET", address)
    cancelled = oci.send("DELETE", address)

    assert (started.status_code, started.headers["Range"]) == (202, "0-0")
    assert address == f"/v2/{UPLOADS}{started.headers['Docker-Upload-UUID']}"
    assert (progress.status_code, progress.content) == (204, b"")
    assert (progress.headers["Range"], progress.headers["Location"]) == ("0-3999", address)
    assert cancelled.status_code == 204
    for method in ("GET", "DELETE", "PATCH"):
        assert oci.code(oci.send(method, address)) == (404, "BLOB_UPLOAD_UNKNOWN")


def _at_once(registry: Any, data: Any) -> Any:
    return registry.send("POST", UPLOADS, params={"digest": registry.digest(DATA)}, data=data)


def _as_a_stream(registry: Any) -> Any:
    address = registry.start("team/app")
    pieces = iter([DATA[first : first + 1000] for first in range(0, len(DATA), 1000)])
    response = registry.send("PATCH", address, data=pieces)
    assert (response.status_code, response.headers["Range"]) == (202, f"0-{len(DATA) - 1}")
    return finish(registry, address)


def _in_chunks(registry: Any) -> Any:
    address, ranges = registry.start("team/app"), []
    for first in range(0, len(DATA), 4000):
        response = patch(registry, address, first, min(first + 4000, len(DATA)) - 1)
        assert response.status_code == 202
        ranges.append(response.headers["Range"])
        address = response.headers["Location"]
    assert ranges == ["0-3999", "0-7999", f"0-{len(DATA) - 1}"]
    return finish(registry, address)


def _after_a_digest(registry: Any) -> Any:
    response = _at_once(registry, b"")
    assert response.status_code == 202
    return finish(registry, response.headers["Location"], DATA)


LAST = {"Content-Range": f"4000-{len(DATA) - 1}"}
WAYS: dict[str, Callable[[Any], Any]] = {
    "two requests": lambda r: finish(r, r.start("team/app"), DATA),
    "one request": lambda r: _at_once(r, DATA),
    "without a length": lambda r: _at_once(r, iter([DATA[:100], DATA[100:]])),
    "last chunk in the final request": lambda r: finish(r, begun(r), DATA[4000:]),
    "last chunk with a range": lambda r: finish(r, begun(r), DATA[4000:], **LAST),
    "a stream": _as_a_stream,
    "in chunks": _in_chunks,
    "a digest without bytes": _after_a_digest,
}


@pytest.mark.parametrize("push", WAYS.values(), ids=WAYS)
def test_pushing_a_blob(push: Callable[[Any], Any], oci: Any) -> None:
    """Each way to push a blob stores it, also when it is repeated."""
    assert is_stored(oci, push(oci))
    assert is_stored(oci, push(oci))


def test_large_blobs(oci: Any) -> None:
    """A blob that is written in several pieces is stored in order, and cannot be deleted."""
    data = b"".join(bytes([number]) * 400_001 for number in range(9))
    path = f"team/app/blobs/{oci.blob('team/app', data)}"

    assert oci.code(oci.send("DELETE", path)) == (405, "UNSUPPORTED")
    assert oci.send("GET", path).content == data


@pytest.mark.parametrize(
    "content_range",
    ["0-99", "3999-4098", "4001-4100", "8000-8099", "", "5-0", "items 0-5", "0-" + "9" * 30],
)
def test_chunks_out_of_order(content_range: str, oci: Any) -> None:
    """A chunk whose range does not follow the last chunk is refused, with the progress."""
    address = begun(oci)
    response = oci.send("PATCH", address, data=DATA[:100], headers={"Content-Range": content_range})

    assert oci.code(response) == (416, "BLOB_UPLOAD_INVALID")
    assert (response.headers["Range"], response.headers["Location"]) == ("0-3999", address)
    patch(oci, address, 4000, len(DATA) - 1)
    assert is_stored(oci, finish(oci, address))


@pytest.mark.parametrize("streamed", [False, True])
def test_chunks_of_the_wrong_size(streamed: bool, oci: Any) -> None:
    """A chunk that is not as long as its Content-Range is dropped as a whole."""
    address = oci.start("team/app")
    data = iter([DATA[:100]]) if streamed else DATA[:100]

    assert oci.code(patch(oci, address, 0, 3999, data)) == (400, "SIZE_INVALID")
    assert is_stored(oci, finish(oci, address, DATA))


@pytest.mark.parametrize("body", [b"", DATA[4000:] + b"?"], ids=["missing", "more"])
def test_a_wrong_digest(body: bytes, oci: Any) -> None:
    """Bytes with another digest are refused, and the upload remains as it was before."""
    address = begun(oci)

    assert oci.code(finish(oci, address, body)) == (400, "DIGEST_INVALID")
    assert oci.send("GET", address).headers["Range"] == "0-3999"
    assert is_stored(oci, finish(oci, address, DATA[4000:]))


def test_refused_blobs(oci: Any) -> None:
    """A wrong digest stores nothing; empty blobs, and digests other than SHA-256, are refused."""
    wrong = oci.send("POST", UPLOADS, params={"digest": NOWHERE}, data=DATA)
    empty = finish(oci, oci.start("team/app"), digest=oci.digest(b""))
    (error,) = empty.json()["errors"]

    for query in ({}, {"digest": "sha256:1"}, {"digest": f"sha512:{'0' * 128}"}):
        malformed = oci.send("PUT", oci.start("team/app"), params=query, data=DATA)
        assert oci.code(malformed) == (400, "DIGEST_INVALID")
    assert oci.code(wrong) == (400, "DIGEST_INVALID")
    assert oci.send("HEAD", f"team/app/blobs/{oci.digest(DATA)}").status_code == 404
    assert oci.code(empty) == (400, "BLOB_UPLOAD_INVALID")
    assert error["message"].endswith("cannot be completed because it does not have any parts")


def test_missing_uploads(oci: Any) -> None:
    """An upload that does not exist, or belongs to another repository, is not found."""
    oci.client.create_repository(repository_name="other")
    ids = "0", "..%2F..%2Fx", "00000000-0000-0000-0000-000000000000"
    of_another = oci.start("team/app").replace("team/app", "other")

    for address in (of_another, *(f"{UPLOADS}{each}" for each in ids)):
        assert oci.send("PATCH", address, data=DATA).status_code == 404


def test_an_interrupted_chunk(oci: Any, dial: Any) -> None:
    """When the connection ends within a chunk, the upload is as it was before the chunk."""
    address = begun(oci)
    credentials = oci.send("GET", "/v2/").request.headers["Authorization"]
    head = (
        f"PATCH {address} HTTP/1.1\r\nHost: localhost\r\nAuthorization: {credentials}\r\n"
        f"Content-Length: {len(DATA)}\r\n\r\n"
    )
    dial(oci.url, head.encode() + DATA[:3000]).close()

    assert patch(oci, address, 4000, len(DATA) - 1).status_code == 202
    assert is_stored(oci, finish(oci, address))


def test_concurrent_chunks(oci: Any) -> None:
    """However many requests send a chunk at once, one succeeds and the bytes stay in order."""
    address = begun(oci)

    # More than the server has threads: a request that waits must not occupy one.
    with ThreadPoolExecutor(48) as pool:
        responses = pool.map(lambda _: patch(oci, address, 4000, len(DATA) - 1), range(48))
        statuses = sorted(response.status_code for response in responses)

    assert statuses == [202] + [416] * 47
    assert is_stored(oci, finish(oci, address))


# --- both protocols -------------------------------------------------------------------------------


def test_both_protocols_share_uploads(oci: Any, uploads: Any) -> None:
    """An upload that one protocol begins can be completed by the other."""
    part = bytes(5 << 20)
    address = oci.start("team/app")
    oci.send("PATCH", address, data=part)
    upload = uploads(oci.client, "team/app", address.rpartition("/")[2])
    upload.part(b"second", len(part))
    digest = upload.complete(oci.digest(part + b"second"))
    upload = uploads(oci.client, "team/app")
    upload.part(part)
    address = UPLOADS + upload.id
    progress = oci.send("GET", address).headers["Range"]
    other = oci.digest(part + b"rest")

    assert progress == f"0-{len(part) - 1}"
    assert finish(oci, address, b"rest", other).status_code == 201
    assert oci.send("GET", f"team/app/blobs/{digest}").content == part + b"second"
    assert oci.send("GET", f"team/app/blobs/{other}").content == part + b"rest"


# --- mounting -------------------------------------------------------------------------------------

KEYS = [f"arn:aws:kms:us-east-1:123456789012:key/{number}" for number in range(2)]


def mount(registry: Any, target: str, digest: str, source: str | None) -> Any:
    query = {"mount": digest} if source is None else {"mount": digest, "from": source}
    return registry.send("POST", f"{target}/blobs/uploads/", params=query)


@pytest.fixture
def mounting(oci: Any) -> Any:
    """Return a session with a registry where mounting is enabled, with a repository ``other``."""
    oci.client.create_repository(repository_name="other")
    oci.client.put_account_setting(name="BLOB_MOUNTING", value="ENABLED")
    return oci


def test_mounting(mounting: Any) -> None:
    """A mounted layer needs no upload, and outlives its source."""
    digest = mounting.blob("team/app", b"layer")
    response = mount(mounting, "other", digest, "team/app")
    mounting.client.delete_repository(repository_name="team/app", force=True)

    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == digest
    assert mounting.send("GET", response.headers["Location"]).content == b"layer"


@pytest.mark.parametrize(
    ("digest", "source"),
    [
        *((NOWHERE, "team/app"), (None, "nobody/there"), (None, "other"), (None, None)),
        *(("latest", "team/app"), (None, "team/app")),
    ],
)
def test_impossible_mounts(digest: str | None, source: str | None, mounting: Any) -> None:
    """If anything is missing, or mounting is disabled, the response starts an upload instead."""
    pushed = mounting.blob("team/app", b"layer")
    if (digest, source) == (None, "team/app"):
        mounting.client.put_account_setting(name="BLOB_MOUNTING", value="DISABLED")
    response = mount(mounting, "other", digest or pushed, source)
    address = response.headers["Location"]

    assert response.status_code == 202
    assert address.startswith("/v2/other/blobs/uploads/")
    assert mounting.send("HEAD", f"other/blobs/{pushed}").status_code == 404
    assert finish(mounting, address, b"layer", pushed).status_code == 201


@pytest.mark.parametrize(("key", "status"), [(None, 202), (KEYS[1], 202), (KEYS[0], 201)])
def test_mounting_and_encryption(key: str | None, status: int, mounting: Any) -> None:
    """Layers are mounted only between repositories with the same encryption and key."""
    for name, used in (("source", KEYS[0]), ("target", key)):
        kind = EncryptionConfiguration(encryption_type="KMS" if used else "AES256", kms_key=used)
        mounting.client.create_repository(repository_name=name, encryption_configuration=kind)
    digest = mounting.blob("source", b"layer")

    assert mount(mounting, "target", digest, "source").status_code == status


# --- replication, and repositories created on push ------------------------------------------------


def template(registry: Any, prefix: str, reason: str = "CREATE_ON_PUSH") -> None:
    """Create a template for repositories with immutable tags."""
    registry.client.create_repository_creation_template(
        prefix=prefix, applied_for=[reason], image_tag_mutability="IMMUTABLE"
    )


@pytest.mark.parametrize("prefix", ["team", "ROOT"])
def test_create_on_push(prefix: str, oci: Any) -> None:
    """Pushing an image, or an empty index, creates the repository from a template."""
    template(oci, prefix)
    pushed = {"team/new": oci.image("team/new", "v1"), "team/more": oci.index("team/more", "v1")}
    names = ["team/new"]
    (made,) = oci.client.describe_repositories(repository_names=names).repositories

    assert made.image_tag_mutability == "IMMUTABLE"
    for name, image in pushed.items():
        assert oci.send("GET", f"{name}/manifests/v1").content == image.manifest


@pytest.mark.parametrize("query", ["", f"?digest={NOWHERE}", f"?mount={NOWHERE}&from=team/app"])
def test_missing_repositories(query: str, oci: Any) -> None:
    """A push to a missing repository fails unless a template for pushes matches its name."""
    template(oci, "other")
    template(oci, "team", "REPLICATION")
    response = oci.send("POST", f"team/new/blobs/uploads/{query}", data=DATA)

    assert oci.code(response) == (404, "NAME_UNKNOWN")
    assert oci.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


def test_other_requests_create_nothing(oci: Any) -> None:
    """Neither a pull nor a push that is refused creates a repository."""
    template(oci, "team")
    oci.send("HEAD", f"team/new/blobs/{oci.digest(b'')}")
    oci.send("GET", "team/new/tags/list")
    oci.put("team/new", ".v1", b"")

    assert oci.send("GET", "_catalog").json() == {"repositories": ["team/app"]}


def test_replication(registry: Any, ecr: Any) -> None:
    """A push through the registry protocol is replicated."""
    destination = ReplicationDestination(region="eu-west-1", registry_id=ecr.account)
    rules = [ReplicationRule(destinations=[destination])]
    registry.client.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(rules=rules)
    )
    pushed = registry.image("team/app", "v1")

    with ecr.client(region="eu-west-1") as there:
        (image,) = there.describe_images(repository_name="team/app").image_details
    assert image.image_digest == pushed.digest
