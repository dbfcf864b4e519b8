"""Pulling manifests and blobs, pushing and deleting manifests, and listings."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client.models import ImageIdentifier

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
DOCKER = "application/vnd.docker.distribution.manifest.v2+json"
NOWHERE = "sha256:" + "0" * 64
V1 = "team/app/manifests/v1"
TAGS = "team/app/tags/list"
SIGNATURE = {"artifactType": "application/vnd.example.signature"}


def tags(registry: Any) -> list[str]:
    return registry.send("GET", TAGS).json()["tags"]


@pytest.mark.parametrize("kind", ["manifests", "blobs"])
def test_head(kind: str, oci_registry: Any) -> None:
    """HEAD returns the same headers as GET, and no body."""
    pushed = oci_registry.image("team/app", "v1")
    path = f"team/app/{kind}/{pushed.digest if kind == 'manifests' else pushed.layers[0]}"
    head, get = oci_registry.send("HEAD", path), oci_registry.send("GET", path)

    assert head.status_code == get.status_code == 200
    assert head.content == b""
    for name in ("Content-Length", "Content-Type", "Docker-Content-Digest", "ETag"):
        assert head.headers[name] == get.headers[name]
    assert int(head.headers["Content-Length"]) == len(get.content)


def test_the_accept_header(registry: Any) -> None:
    """A manifest is returned if its type, or any type, is accepted, and is never converted."""
    registry.image("team/app", "v1")

    def pull(accept: str) -> Any:
        return registry.send("GET", V1, headers={"Accept": accept})

    for accept in (
        *(MANIFEST, f"{INDEX}, {MANIFEST}", f"{DOCKER};q=0.9,{MANIFEST}", MANIFEST.upper()),
        *("*/*", "application/*", "", f"{DOCKER}, */*;q=0.1"),
    ):
        response = pull(accept)
        assert (response.status_code, response.headers["Content-Type"]) == (200, MANIFEST), accept
    for accept in (DOCKER, f"{DOCKER}, {INDEX}", "text/plain"):
        assert registry.code(pull(accept)) == (404, "MANIFEST_UNKNOWN"), accept


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("team/app/manifests/v2", 404, "MANIFEST_UNKNOWN"),
        (f"team/app/manifests/{NOWHERE}", 404, "MANIFEST_UNKNOWN"),
        ("team/app/manifests/sha256:123", 400, "DIGEST_INVALID"),
        ("team/app/manifests/sha512:" + "0" * 128, 400, "DIGEST_INVALID"),
        ("team/app/manifests/.v1", 400, "TAG_INVALID"),
        (f"team/app/blobs/{NOWHERE}", 404, "BLOB_UNKNOWN"),
        ("team/app/blobs/latest", 400, "DIGEST_INVALID"),
        ("team/other/manifests/v1", 404, "NAME_UNKNOWN"),
        (f"team/other/blobs/{NOWHERE}", 404, "NAME_UNKNOWN"),
        ("Team/App/manifests/v1", 400, "NAME_INVALID"),
        ("team//app/manifests/v1", 400, "NAME_INVALID"),
        ("team/new/tags/list", 404, "NAME_UNKNOWN"),
        ("team/app/referrers/latest", 400, "DIGEST_INVALID"),
        (f"team/new/referrers/{NOWHERE}", 404, "NAME_UNKNOWN"),
    ],
)
def test_errors(path: str, status: int, code: str, registry: Any) -> None:
    """Missing and malformed names have the error codes of the specification."""
    registry.image("team/app", "v1")

    assert registry.code(registry.send("GET", path)) == (status, code)
    assert registry.send("HEAD", path).status_code == status


@pytest.mark.parametrize(
    ("range_header", "status", "expected", "content_range"),
    [
        ("bytes=0-3", 206, b"0123", "bytes 0-3/10"),
        ("bytes=4-", 206, b"456789", "bytes 4-9/10"),
        ("bytes=-2", 206, b"89", "bytes 8-9/10"),
        ("bytes=8-99", 206, b"89", "bytes 8-9/10"),
        ("bytes=10-", 416, None, "bytes */10"),
    ],
)
def test_ranges(
    range_header: str, status: int, expected: bytes | None, content_range: str, registry: Any
) -> None:
    """A download can be resumed, and a range beyond the end is refused with the blob's size."""
    # The colon of a digest may be escaped.
    path = f"team/app/blobs/{registry.blob('team/app', b'0123456789')}".replace(":", "%3A")
    response = registry.send("GET", path, headers={"Range": range_header})

    assert (response.status_code, response.headers["Content-Range"]) == (status, content_range)
    assert expected in (None, response.content)


@pytest.mark.parametrize(
    "name", ["aa", "n" * 256, "blobs", "manifests/tags", "team/blobs/uploads", "v2/tags/list"]
)
def test_names_that_look_like_paths(name: str, registry: Any, api: Any) -> None:
    """Repositories with any valid name can be pushed to and pulled from."""
    api.create_repository(repository_name=name)
    pushed = registry.image(name, "list")

    assert registry.send("GET", f"{name}/manifests/list").content == pushed.manifest
    assert registry.send("GET", f"{name}/blobs/{pushed.layers[0]}").content == b"layer"
    assert registry.send("GET", f"{name}/tags/list").json() == {"name": name, "tags": ["list"]}


def test_pull_time(registry: Any, api: Any) -> None:
    """DescribeImages has the time of a pull, and a HEAD request is not a pull."""
    registry.image("team/app", "v1")
    registry.send("HEAD", V1)
    (before,) = api.describe_images(repository_name="team/app").image_details
    registry.send("GET", V1)
    (after,) = api.describe_images(repository_name="team/app").image_details

    assert before.last_recorded_pull_time is None
    assert after.last_recorded_pull_time is not None


def test_archived_images(registry: Any, api: Any) -> None:
    """The manifest and the layers of an archived image cannot be pulled, nor is its tag listed."""
    pushed = registry.image("team/app", "v1")
    api.update_image_storage_class(
        repository_name="team/app",
        image_id=ImageIdentifier(image_tag="v1"),
        target_storage_class="ARCHIVE",
    )
    layer = registry.send("GET", f"team/app/blobs/{pushed.layers[0]}")

    assert registry.code(registry.send("GET", V1)) == (404, "MANIFEST_UNKNOWN")
    assert registry.code(layer) == (404, "BLOB_UNKNOWN")
    assert tags(registry) == []


def test_both_protocols_share_images(registry: Any, api: Any, pushers: Any) -> None:
    """An image pushed through the API or the registry protocol is complete in the other."""
    pushed = registry.image("team/app", "v1")
    digest = pushers(api).image("team/app", "v2")
    (image,) = api.batch_get_image(
        repository_name="team/app", image_ids=[ImageIdentifier(image_tag="v1")]
    ).images
    pulled = registry.send("GET", "team/app/manifests/v2")
    config = pulled.json()["config"]

    assert (image.image_manifest.encode(), image.image_manifest_media_type) == pushed[1:3]
    assert registry.digest(pulled.content) == digest == pulled.headers["Docker-Content-Digest"]
    assert tags(registry) == ["v1", "v2"]
    assert len(registry.send("GET", f"team/app/blobs/{config['digest']}").content) == config["size"]


# --- pushing --------------------------------------------------------------------------------------


@pytest.mark.parametrize("by", ["tag", "digest"])
@pytest.mark.parametrize("media_type", [MANIFEST, f"{MANIFEST}; charset=utf-8", None])
def test_pushing_a_manifest(by: str, media_type: str | None, registry: Any) -> None:
    """A push, also repeated, has digest and location; the media type may have parameters."""
    pushed = registry.image("team/app")
    for _ in range(2):
        reference = "v1" if by == "tag" else pushed.digest
        response = registry.put("team/app", reference, pushed.manifest, media_type)
        pulled = registry.send("GET", response.headers["Location"])

        assert response.status_code == 201
        assert response.headers["Docker-Content-Digest"] == pushed.digest
        assert (pulled.content, pulled.headers["Content-Type"]) == (pushed.manifest, MANIFEST)
        assert "OCI-Subject" not in response.headers


MISSING = {"mediaType": LAYER, "digest": NOWHERE, "size": 5}
LISTED = [{**MISSING, "mediaType": MANIFEST}]
LISTING = {"schemaVersion": 2, "mediaType": INDEX, "manifests": LISTED}
INJECTED = {"mediaType": MANIFEST, "digest": "x:\r\nInjected: y", "size": 2}


@pytest.mark.parametrize(
    ("reference", "data", "status", "code"),
    [
        (NOWHERE, {}, 400, "DIGEST_INVALID"),
        ("v1", {"config": MISSING}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ("v1", {"layers": [MISSING]}, 404, "MANIFEST_BLOB_UNKNOWN"),
        ("v1", json.dumps(LISTING).encode(), 404, "MANIFEST_BLOB_UNKNOWN"),
        *(("v1", data, 400, "MANIFEST_INVALID") for data in (b"", b"\xff", b"[]")),
        ("v1", b'{"schemaVersion": 2}', 400, "MANIFEST_INVALID"),
        ("v1", bytes(4 * 4_194_304 + 1), 413, "SIZE_INVALID"),
        *((tag, {}, 400, "TAG_INVALID") for tag in (".v1", "-v1", "v%201", "v" * 301, "%C3%A4")),
        # Values that no response header could hold:
        ("v1", {"artifactType": "application/vnd.example+json;version=1"}, 400, "MANIFEST_INVALID"),
        ("v1", {"annotations": {"name": "\ud800"}}, 400, "MANIFEST_INVALID"),
        ("v1", {"subject": INJECTED}, 400, "MANIFEST_INVALID"),
    ],
    ids=lambda value: repr(value)[:30],
)
def test_refused_pushes(
    reference: str, data: bytes | dict[str, Any], status: int, code: str, registry: Any
) -> None:
    """A push that PutImage would refuse has the code of the specification, and stores nothing."""
    if isinstance(data, dict):
        data = json.dumps({**json.loads(registry.image("team/app").manifest), **data}).encode()
    kind = INDEX if INDEX.encode() in data else MANIFEST
    response = registry.put("team/app", reference, data, kind)

    assert registry.code(response) == (status, code)
    assert "Injected" not in response.headers
    assert tags(registry) == []


def test_deletions(registry: Any) -> None:
    """Deleting a digest deletes the image with its tags, unless an index still lists it."""
    image = registry.image("team/app", "v1")
    index = registry.index("team/app", "v2", image)
    statuses = [
        registry.send("DELETE", f"team/app/manifests/{reference}").status_code
        for reference in (NOWHERE, "v3", image.digest, index.digest, image.digest, image.digest)
    ]

    assert statuses == [404, 404, 403, 202, 202, 404]
    assert tags(registry) == []


def test_immutable_tags(registry: Any, api: Any) -> None:
    """Moving an immutable tag is refused with ECR's code; pushing its own image again is not."""
    api.put_image_tag_mutability(repository_name="team/app", image_tag_mutability="IMMUTABLE")
    old, new = registry.image("team/app", "v1", b"old"), registry.image("team/app", None, b"new")

    assert registry.code(registry.put("team/app", "v1", new.manifest)) == (400, "TAG_INVALID")
    assert registry.send("GET", V1).content == old.manifest
    assert registry.put("team/app", "v1", old.manifest).status_code == 201


# --- lists ----------------------------------------------------------------------------------------


def pages(registry: Any, path: str, member: str = "tags") -> list[list[str]]:
    """Return the pages of a list, following its links to the end."""
    found = []
    following: str | None = path
    while following is not None:
        response = registry.send("GET", following)
        found.append(response.json()[member])
        following = response.links.get("next", {}).get("url")
    return found


def tag(registry: Any, *names: str) -> None:
    pushed = registry.image("team/app")
    for name in names:
        assert registry.put("team/app", name, pushed.manifest).status_code == 201


def test_pages_of_tags(registry: Any) -> None:
    """Tags are sorted, every page but the last has a link, and a list can begin after any name."""
    tag(registry, "v2", "v10", "V1", "_x")
    response = registry.send("GET", TAGS)
    names = ["V1", "_x", "v10", "v2"]

    assert response.json() == {"name": "team/app", "tags": names}
    assert response.headers["Content-Type"] == "application/json"
    assert "Link" not in response.headers
    for query, expected in (
        *(("n=2", [names[:2], names[2:]]), ("n=3", [names[:3], names[3:]])),
        *(("n=4", [names]), ("n=0", [[]])),
        *(("last=_x", [names[2:]]), ("last=a", [names[2:]])),
    ):
        assert pages(registry, f"{TAGS}?{query}") == expected, query


def test_default_page_size(registry: Any) -> None:
    """A page has a hundred tags by default."""
    names = [f"v{number:03}" for number in range(101)]
    tag(registry, *names)

    assert pages(registry, TAGS) == [names[:100], names[100:]]


@pytest.mark.parametrize("path", [TAGS, "_catalog"])
@pytest.mark.parametrize("number", ["1001", "9" * 30, "-1", "many", ""])
def test_invalid_page_sizes(path: str, number: str, registry: Any) -> None:
    """A page size above a thousand, or one that is malformed, is refused as in ECR."""
    assert registry.code(registry.send("GET", f"{path}?n={number}")) == (405, "UNSUPPORTED")


def test_catalog(registry: Any, api: Any) -> None:
    """The catalog lists the names of all repositories in order."""
    for name in ("zebra", "ant", "team/web"):
        api.create_repository(repository_name=name)
    names = ["ant", "team/app", "team/web", "zebra"]

    assert pages(registry, "_catalog", "repositories") == [names]
    assert pages(registry, "_catalog?n=3", "repositories") == [names[:3], names[3:]]


@pytest.mark.parametrize("exists", [True, False])
def test_referrers(exists: bool, registry: Any) -> None:
    """A referrer has its own or its configuration's type, whether or not its subject exists."""
    subject = registry.image("team/app", "v1").descriptor
    if not exists:
        subject["digest"] = NOWHERE
    path = f"team/app/referrers/{subject['digest']}"
    nothing = registry.send("GET", path)
    members = {"subject": subject, "annotations": {"org.example.key": "value"}}
    signature = registry.image("team/app", layer=b"1", **SIGNATURE, **members)
    image = registry.image("team/app", layer=b"2", subject=subject)
    document = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [], "subject": subject}
    index = registry.manifest("team/app", document)
    acknowledged = registry.put("team/app", "sig", signature.manifest)
    response = registry.send("GET", path)
    filtered = registry.send("GET", path, params=SIGNATURE)

    signed = {**signature.descriptor, **SIGNATURE, "annotations": members["annotations"]}
    assert (nothing.status_code, nothing.headers["Content-Type"]) == (200, INDEX)
    assert nothing.json() == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}
    assert acknowledged.headers["OCI-Subject"] == subject["digest"]
    assert response.json()["manifests"] == [
        signed,
        {**image.descriptor, "artifactType": CONFIG},
        index.descriptor,
    ]
    assert "OCI-Filters-Applied" not in response.headers
    assert filtered.headers["OCI-Filters-Applied"] == "artifactType"
    assert filtered.json()["manifests"] == [signed]
