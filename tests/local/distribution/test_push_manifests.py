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
    """The response to a push by tag or by digest has digest and location."""
    pushed = registry.image("team/app")

    response = registry.put("team/app", "v1" if by == "tag" else pushed.digest, pushed.manifest)

    assert response.status_code == 201
    assert response.headers["Docker-Content-Digest"] == pushed.digest
    assert registry.send("GET", response.headers["Location"]).content == pushed.manifest
    assert "OCI-Subject" not in response.headers


@pytest.mark.parametrize("media_type", [f"{MANIFEST}; charset=utf-8", None])
def test_the_type_of_a_manifest(media_type: str | None, registry: Any) -> None:
    """The type may have parameters, or come from the manifest alone."""
    pushed = registry.image("team/app")

    response = registry.put("team/app", "v1", pushed.manifest, media_type)

    assert response.status_code == 201
    assert registry.send("GET", "team/app/manifests/v1").headers["Content-Type"] == MANIFEST


@pytest.mark.parametrize(
    "change",
    [
        {"artifactType": "application/vnd.example+json;version=1"},
        {"annotations": {"name": "\ud800"}},
        {"subject": {"mediaType": MANIFEST, "digest": "x:\r\nInjected: y", "size": 2}},
    ],
)
def test_manifests_that_no_response_can_hold(change: dict[str, Any], registry: Any) -> None:
    """Types with parameters, lone surrogates, and what is no digest are refused."""
    document = {**json.loads(registry.image("team/app").manifest), **change}

    response = registry.put("team/app", "v1", json.dumps(document).encode())

    assert registry.code(response) == (400, "MANIFEST_INVALID")
    assert "Injected" not in response.headers


MISSING = {"mediaType": LAYER, "digest": NOWHERE, "size": 5}
LISTING = {
    "schemaVersion": 2,
    "mediaType": INDEX,
    "manifests": [{**MISSING, "mediaType": MANIFEST}],
}


@pytest.mark.parametrize(
    ("reference", "data", "status", "code"),
    [
        (NOWHERE, {}, 400, "DIGEST_INVALID"),
        ("v1", {"config": MISSING}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ("v1", {"layers": [MISSING]}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ("v1", json.dumps(LISTING).encode(), 404, "MANIFEST_BLOB_UNKNOWN"),
        ("v1", b"", 400, "MANIFEST_INVALID"),
        ("v1", b"\xff", 400, "MANIFEST_INVALID"),
        ("v1", b"[]", 400, "MANIFEST_INVALID"),
        ("v1", b'{"schemaVersion": 2}', 400, "MANIFEST_INVALID"),
        ("v1", bytes(4 * 4_194_304 + 1), 413, "SIZE_INVALID"),
        *((tag, {}, 400, "TAG_INVALID") for tag in (".v1", "-v1", "v%201", "v" * 301, "%C3%A4")),
    ],
)
def test_refused_pushes(
    reference: str, data: bytes | dict[str, Any], status: int, code: str, registry: Any
) -> None:
    """A push that PutImage would refuse has the code of the specification, and stores nothing."""
    if isinstance(data, dict):
        data = json.dumps({**json.loads(registry.image("team/app").manifest), **data}).encode()
    kind = INDEX if INDEX.encode() in data else MANIFEST

    assert registry.code(registry.put("team/app", reference, data, kind)) == (status, code)
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == []


def test_deletions(registry: Any) -> None:
    """A digest deletes the image with its tags, after the index that lists it."""
    image = registry.image("team/app", "v1")
    index = registry.index("team/app", "v2", image)
    statuses = [
        registry.send("DELETE", f"team/app/manifests/{reference}").status_code
        for reference in (NOWHERE, "v3", image.digest, index.digest, image.digest, image.digest)
    ]

    assert statuses == [404, 404, 403, 202, 202, 404]
    assert registry.send("GET", "team/app/tags/list").json()["tags"] == []


def test_the_same_manifest_again(registry: Any) -> None:
    """Pushing what is there already is no error, as docker and others rely on."""
    pushed = registry.image("team/app", "v1")

    responses = [registry.put("team/app", name, pushed.manifest) for name in ("v1", pushed.digest)]

    assert [response.status_code for response in responses] == [201, 201]
    assert responses[0].headers["Docker-Content-Digest"] == pushed.digest


def test_an_immutable_tag_does_not_move(registry: Any, api: Any) -> None:
    """A tag that must not move is refused with ECR's code, unless it names this image already."""
    api.put_image_tag_mutability(repository_name="team/app", image_tag_mutability="IMMUTABLE")
    old, new = registry.image("team/app", "v1", b"old"), registry.image("team/app", None, b"new")

    response = registry.put("team/app", "v1", new.manifest)

    assert registry.code(response) == (400, "TAG_INVALID")
    assert registry.send("GET", "team/app/manifests/v1").content == old.manifest
    assert registry.put("team/app", "v1", old.manifest).status_code == 201


@pytest.mark.parametrize("there", [True, False])
def test_a_subject_is_acknowledged(there: bool, registry: Any) -> None:
    """A manifest is stored whether its subject exists or not, and the response names it."""
    subject = registry.image("team/app").descriptor
    if not there:
        subject["digest"] = NOWHERE
    referrer = json.loads(registry.image("team/app", layer=b"signature").manifest)

    response = registry.put(
        "team/app", "sig", json.dumps({**referrer, "subject": subject}).encode()
    )

    assert response.status_code == 201
    assert response.headers["OCI-Subject"] == subject["digest"]
