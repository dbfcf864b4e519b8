"""Pushing and deleting manifests: the checks of PutImage in the words of the protocol."""

from __future__ import annotations

import json
from typing import Any

import pytest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
NOWHERE = "sha256:" + "0" * 64


@pytest.mark.parametrize("by", ["tag", "digest"])
def test_a_manifest_is_stored(by: str, registry: Any) -> None:
    """The answer to a push by tag or by digest says the digest and where the manifest is."""
    pushed = registry.image("team/app")

    answer = registry.put("team/app", "v1" if by == "tag" else pushed.digest, pushed.manifest)

    assert answer.status_code == 201
    assert answer.headers["Docker-Content-Digest"] == pushed.digest
    assert registry.send("GET", answer.headers["Location"]).content == pushed.manifest
    assert "OCI-Subject" not in answer.headers


@pytest.mark.parametrize("media_type", [f"{MANIFEST}; charset=utf-8", None])
def test_the_type_of_a_manifest(media_type: str | None, registry: Any) -> None:
    """The type may have parameters, or come from the manifest alone."""
    pushed = registry.image("team/app")

    answer = registry.put("team/app", "v1", pushed.manifest, media_type)

    assert answer.status_code == 201
    assert registry.send("GET", "team/app/manifests/v1").headers["Content-Type"] == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        {"artifactType": "application/vnd.example+json;version=1"},
        {"annotations": {"name": "\ud800"}},
        {"subject": {"mediaType": MANIFEST, "digest": "x:\r\nInjected: y", "size": 2}},
    ],
)
def test_a_manifest_that_cannot_be_given_back(change: dict[str, Any], registry: Any) -> None:
    """Types with parameters, lone surrogates, and what is no digest are refused."""
    document = {**json.loads(registry.image("team/app").manifest), **change}

    answer = registry.put("team/app", "v1", json.dumps(document).encode())

    assert registry.code(answer) == (400, "MANIFEST_INVALID")
    assert "Injected" not in answer.headers


def test_another_digest_than_the_path_says(registry: Any) -> None:
    """A manifest pushed by digest must have that digest."""
    pushed = registry.image("team/app")

    answer = registry.put("team/app", NOWHERE, pushed.manifest)

    assert registry.code(answer) == (400, "DIGEST_INVALID")


@pytest.mark.parametrize("member", ["config", "layers"])
def test_a_blob_that_is_not_there(member: str, registry: Any) -> None:
    """A manifest is refused as long as the repository lacks something that it names."""
    missing: Any = {"mediaType": LAYER, "digest": NOWHERE, "size": 5}
    document = json.loads(registry.image("team/app").manifest)
    document[member] = missing if member == "config" else [*document["layers"], missing]

    answer = registry.put("team/app", "v1", json.dumps(document).encode())

    assert registry.code(answer) == (404, "MANIFEST_BLOB_UNKNOWN")
    assert NOWHERE in answer.text
    assert registry.send("HEAD", "team/app/manifests/v1").status_code == 404


def test_an_image_that_is_not_there(registry: Any) -> None:
    """An index is refused as long as the repository lacks an image that it lists."""
    listed = [{"mediaType": MANIFEST, "digest": NOWHERE, "size": 5}]
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": listed}

    answer = registry.put("team/app", "v1", json.dumps(document).encode(), INDEX)

    assert registry.code(answer) == (404, "MANIFEST_BLOB_UNKNOWN")


@pytest.mark.parametrize(
    ("data", "media_type"),
    [
        (b"", MANIFEST),
        (b"not JSON", MANIFEST),
        (b"\xff", MANIFEST),
        (b"[" * 100_000, MANIFEST),
        (b"[]", MANIFEST),
        (b"{}", MANIFEST),
        (b'{"schemaVersion": 2}', None),
        (b'{"schemaVersion": 2, "config": {}, "layers": []}', MANIFEST),
        (b'{"schemaVersion": 2, "manifests": []}', "application/json"),
        (json.dumps({"schemaVersion": 2, "mediaType": INDEX, "manifests": []}).encode(), MANIFEST),
    ],
)
def test_what_is_no_manifest(data: bytes, media_type: str | None, registry: Any) -> None:
    """What is not a manifest of a known type is refused."""
    answer = registry.put("team/app", "v1", data, media_type)

    assert registry.code(answer) == (400, "MANIFEST_INVALID")


def test_a_manifest_that_is_too_long(registry: Any) -> None:
    """A body that no manifest can have is refused before it is read to its end."""
    answer = registry.put("team/app", "v1", bytes(4 * 4_194_304 + 1))

    assert registry.code(answer) == (413, "SIZE_INVALID")


def test_the_same_manifest_again(registry: Any) -> None:
    """Pushing what is there already is no error, as docker and others rely on."""
    pushed = registry.image("team/app", "v1")

    answers = [registry.put("team/app", name, pushed.manifest) for name in ("v1", pushed.digest)]

    assert [answer.status_code for answer in answers] == [201, 201]
    assert answers[0].headers["Docker-Content-Digest"] == pushed.digest


def test_a_tag_moves(registry: Any) -> None:
    """A tag that is pushed again names the new image; the old one stays under its digest."""
    old = registry.image("team/app", "v1", b"old")
    new = registry.image("team/app", "v1", b"new")

    assert registry.send("GET", "team/app/manifests/v1").content == new.manifest
    assert registry.send("GET", f"team/app/manifests/{old.digest}").content == old.manifest


def test_an_immutable_tag_does_not_move(registry: Any, api: Any) -> None:
    """A tag that must not move is refused with ECR's code, unless it names this image already."""
    api.put_image_tag_mutability(repository_name="team/app", image_tag_mutability="IMMUTABLE")
    old, new = registry.image("team/app", "v1", b"old"), registry.image("team/app", None, b"new")

    answer = registry.put("team/app", "v1", new.manifest)

    assert registry.code(answer) == (400, "TAG_INVALID")
    assert registry.send("GET", "team/app/manifests/v1").content == old.manifest
    assert registry.put("team/app", "v1", old.manifest).status_code == 201


@pytest.mark.parametrize("tag", [".v1", "-v1", "v%201", "v" * 301, "%C3%A4"])
def test_a_tag_that_is_none(tag: str, registry: Any) -> None:
    """Tags have the characters and the length that tags may have."""
    pushed = registry.image("team/app")

    assert registry.code(registry.put("team/app", tag, pushed.manifest)) == (400, "TAG_INVALID")


def test_a_push_does_not_make_a_repository(registry: Any) -> None:
    """A manifest for a repository that was not created is refused."""
    pushed = registry.image("team/app")

    answer = registry.put("team/new", "v1", pushed.manifest)

    assert registry.code(answer) == (404, "NAME_UNKNOWN")


@pytest.mark.parametrize("there", [True, False])
def test_a_subject_is_acknowledged(there: bool, registry: Any) -> None:
    """A manifest is stored whether its subject is there or not, and the answer names that."""
    subject = registry.image("team/app").descriptor
    if not there:
        subject["digest"] = NOWHERE
    referrer = json.loads(registry.image("team/app", layer=b"signature").manifest)

    answer = registry.put("team/app", "sig", json.dumps({**referrer, "subject": subject}).encode())

    assert answer.status_code == 201
    assert answer.headers["OCI-Subject"] == subject["digest"]


def test_an_image_is_deleted_by_digest(registry: Any) -> None:
    """With its digest an image goes, and all its tags."""
    pushed = registry.image("team/app", "v1")
    registry.put("team/app", "v2", pushed.manifest)

    answer = registry.send("DELETE", f"team/app/manifests/{pushed.digest}")

    assert answer.status_code == 202
    for reference in ("v1", "v2", pushed.digest):
        assert registry.send("HEAD", f"team/app/manifests/{reference}").status_code == 404


def test_a_tag_is_deleted(registry: Any) -> None:
    """Of several tags one goes and the image stays; with the last one it goes, as in ECR."""
    pushed = registry.image("team/app", "v1")
    registry.put("team/app", "v2", pushed.manifest)
    by_digest = f"team/app/manifests/{pushed.digest}"

    first = registry.send("DELETE", "team/app/manifests/v1")
    between = registry.send("HEAD", by_digest)
    second = registry.send("DELETE", "team/app/manifests/v2")

    assert (first.status_code, between.status_code, second.status_code) == (202, 200, 202)
    assert registry.send("HEAD", by_digest).status_code == 404


@pytest.mark.parametrize("reference", ["v2", NOWHERE])
def test_what_is_not_there_is_not_deleted(reference: str, registry: Any) -> None:
    """Deleting what is not there says so."""
    registry.image("team/app", "v1")

    answer = registry.send("DELETE", f"team/app/manifests/{reference}")

    assert registry.code(answer) == (404, "MANIFEST_UNKNOWN")


def test_an_image_that_an_index_lists_is_not_deleted(registry: Any) -> None:
    """ECR keeps an image as long as an index lists it."""
    image = registry.image("team/app")
    index = registry.index("team/app", "v1", image)

    refused = registry.send("DELETE", f"team/app/manifests/{image.digest}")
    registry.send("DELETE", f"team/app/manifests/{index.digest}")
    allowed = registry.send("DELETE", f"team/app/manifests/{image.digest}")

    assert registry.code(refused) == (403, "DENIED")
    assert allowed.status_code == 202
