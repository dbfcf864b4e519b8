"""Lists of tags, of repositories and of referrers."""

from __future__ import annotations

from typing import Any

import pytest

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
NOWHERE = "sha256:" + "0" * 64


def pages(registry: Any, path: str, member: str) -> list[list[str]]:
    """Follow the links of a list to its end."""
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


def test_tags_are_sorted(registry: Any) -> None:
    """The tags of a repository come in the order of their characters."""
    tag(registry, "v2", "v10", "V1", "_x", "1.0")

    response = registry.send("GET", "team/app/tags/list")

    assert response.json() == {"name": "team/app", "tags": ["1.0", "V1", "_x", "v10", "v2"]}
    assert response.headers["Content-Type"] == "application/json"
    assert "Link" not in response.headers


def test_pages_of_tags(registry: Any) -> None:
    """With n every page but the last links to the next; a list begins behind any last name."""
    tag(registry, "a", "b", "d", "e")

    assert pages(registry, "team/app/tags/list?n=2", "tags") == [["a", "b"], ["d", "e"]]
    assert pages(registry, "team/app/tags/list?n=3", "tags") == [["a", "b", "d"], ["e"]]
    assert pages(registry, "team/app/tags/list?n=4", "tags") == [["a", "b", "d", "e"]]
    assert pages(registry, "team/app/tags/list?n=0", "tags") == [[]]
    for last in ("b", "c"):
        assert pages(registry, f"team/app/tags/list?last={last}", "tags") == [["d", "e"]]


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("team/new/tags/list", 404, "NAME_UNKNOWN"),
        ("team/app/referrers/latest", 400, "DIGEST_INVALID"),
        (f"team/new/referrers/{NOWHERE}", 404, "NAME_UNKNOWN"),
    ],
)
def test_lists_of_nothing(path: str, status: int, code: str, registry: Any) -> None:
    """Lists are of existing repositories, and referrers those of a digest."""
    assert registry.code(registry.send("GET", path)) == (status, code)


def test_a_page_has_a_hundred_tags_by_default(registry: Any) -> None:
    """ECR gives a hundred tags to who does not say how many."""
    names = [f"v{number:03}" for number in range(101)]
    tag(registry, *names)

    assert pages(registry, "team/app/tags/list", "tags") == [names[:100], names[100:]]


@pytest.mark.parametrize("path", ["team/app/tags/list", "_catalog"])
@pytest.mark.parametrize("number", ["1001", "9" * 30, "-1", "many", ""])
def test_invalid_page_sizes(path: str, number: str, registry: Any) -> None:
    """ECR gives at most a thousand entries, and refuses who asks for more."""
    response = registry.send("GET", f"{path}?n={number}")

    assert registry.code(response) == (405, "UNSUPPORTED")


def test_repositories_page_by_page(registry: Any, api: Any) -> None:
    """The catalog has the names of all repositories in their order."""
    for name in ("zebra", "ant", "team/web"):
        api.create_repository(repository_name=name)

    assert pages(registry, "_catalog", "repositories") == [["ant", "team/app", "team/web", "zebra"]]
    assert pages(registry, "_catalog?n=3", "repositories") == [
        ["ant", "team/app", "team/web"],
        ["zebra"],
    ]


@pytest.mark.parametrize("there", [True, False])
def test_nothing_refers(there: bool, registry: Any) -> None:
    """The referrers of a digest to which nothing refers are an empty index."""
    digest = registry.image("team/app").digest if there else NOWHERE

    response = registry.send("GET", f"team/app/referrers/{digest}")

    assert response.status_code == 200
    assert response.headers["Content-Type"] == INDEX
    assert response.json() == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def refer(registry: Any, subject: Any, layer: bytes, **members: Any) -> Any:
    return registry.image("team/app", layer=layer, subject=subject.descriptor, **members)


def test_referrers(registry: Any) -> None:
    """Each referrer comes with its type, which is that of its configuration if it has no other."""
    subject = registry.image("team/app", "v1")
    signature = refer(
        registry,
        subject,
        b"1",
        artifactType="application/vnd.example.signature",
        annotations={"org.example.key": "value"},
    )
    image = refer(registry, subject, b"2")
    index = registry.manifest(
        "team/app",
        {
            "schemaVersion": 2,
            "mediaType": INDEX,
            "manifests": [],
            "subject": subject.descriptor,
        },
    )

    response = registry.send("GET", f"team/app/referrers/{subject.digest}")

    assert response.json()["manifests"] == [
        {
            **signature.descriptor,
            "artifactType": "application/vnd.example.signature",
            "annotations": {"org.example.key": "value"},
        },
        {**image.descriptor, "artifactType": CONFIG},
        index.descriptor,
    ]
    assert "OCI-Filters-Applied" not in response.headers


def test_referrers_of_one_type(registry: Any) -> None:
    """A filter by type is applied, as a header of the response says."""
    subject = registry.image("team/app", "v1")
    wanted = refer(registry, subject, b"1", artifactType="application/vnd.example.signature")
    refer(registry, subject, b"2", artifactType="application/vnd.example.sbom")

    response = registry.send(
        "GET",
        f"team/app/referrers/{subject.digest}",
        params={"artifactType": "application/vnd.example.signature"},
    )

    assert response.headers["OCI-Filters-Applied"] == "artifactType"
    assert [item["digest"] for item in response.json()["manifests"]] == [wanted.digest]
