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
        answer = registry.send("GET", following)
        found.append(answer.json()[member])
        following = answer.links.get("next", {}).get("url")
    return found


def tag(registry: Any, *names: str) -> None:
    pushed = registry.image("team/app")
    for name in names:
        assert registry.put("team/app", name, pushed.manifest).status_code == 201


def test_tags_are_sorted(registry: Any) -> None:
    """The tags of a repository come in the order of their characters."""
    tag(registry, "v2", "v10", "V1", "_x", "1.0")

    answer = registry.send("GET", "team/app/tags/list")

    assert answer.json() == {"name": "team/app", "tags": ["1.0", "V1", "_x", "v10", "v2"]}
    assert answer.headers["Content-Type"] == "application/json"
    assert "Link" not in answer.headers


def test_a_repository_without_tags(registry: Any) -> None:
    """A repository may have images without tags, or nothing."""
    registry.image("team/app")

    assert registry.send("GET", "team/app/tags/list").json() == {"name": "team/app", "tags": []}


def test_tags_page_by_page(registry: Any) -> None:
    """With n every page has a link to the next one, except for the last one."""
    tag(registry, "a", "b", "c", "d")

    assert pages(registry, "team/app/tags/list?n=2", "tags") == [["a", "b"], ["c", "d"]]
    assert pages(registry, "team/app/tags/list?n=3", "tags") == [["a", "b", "c"], ["d"]]
    assert pages(registry, "team/app/tags/list?n=4", "tags") == [["a", "b", "c", "d"]]


def test_tags_after_one(registry: Any) -> None:
    """A list begins after the tag that is given as the last one known, be it there or not."""
    tag(registry, "a", "b", "d")

    for last in ("b", "c"):
        answer = registry.send("GET", f"team/app/tags/list?last={last}")
        assert answer.json()["tags"] == ["d"]


def test_no_tags_at_all(registry: Any) -> None:
    """With n=0 the list is empty and has no next page."""
    tag(registry, "a")

    answer = registry.send("GET", "team/app/tags/list?n=0")

    assert answer.json()["tags"] == []
    assert "Link" not in answer.headers


def test_a_page_has_a_hundred_tags_by_default(registry: Any) -> None:
    """ECR gives a hundred tags to who does not say how many."""
    names = [f"v{number:03}" for number in range(101)]
    tag(registry, *names)

    assert pages(registry, "team/app/tags/list", "tags") == [names[:100], names[100:]]


@pytest.mark.parametrize("path", ["team/app/tags/list", "_catalog"])
@pytest.mark.parametrize("number", ["1001", "9" * 30, "-1", "many", ""])
def test_a_number_that_is_too_large_or_none(path: str, number: str, registry: Any) -> None:
    """ECR gives at most a thousand entries, and refuses who asks for more."""
    answer = registry.send("GET", f"{path}?n={number}")

    assert registry.code(answer) == (405, "UNSUPPORTED")


def test_tags_of_a_repository_that_is_not_there(registry: Any) -> None:
    """Tags of a repository that was not created cannot be listed."""
    answer = registry.send("GET", "team/new/tags/list")

    assert registry.code(answer) == (404, "NAME_UNKNOWN")


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

    answer = registry.send("GET", f"team/app/referrers/{digest}")

    assert answer.status_code == 200
    assert answer.headers["Content-Type"] == INDEX
    assert answer.json() == {"schemaVersion": 2, "mediaType": INDEX, "manifests": []}


def refer(registry: Any, subject: Any, layer: bytes, **members: Any) -> Any:
    return registry.image("team/app", layer=layer, subject=subject.descriptor, **members)


def test_what_refers_to_an_image(registry: Any) -> None:
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

    answer = registry.send("GET", f"team/app/referrers/{subject.digest}")

    assert answer.json()["manifests"] == [
        {
            **signature.descriptor,
            "artifactType": "application/vnd.example.signature",
            "annotations": {"org.example.key": "value"},
        },
        {**image.descriptor, "artifactType": CONFIG},
        index.descriptor,
    ]
    assert "OCI-Filters-Applied" not in answer.headers


def test_referrers_of_one_type(registry: Any) -> None:
    """A filter by type is applied, and the answer says so."""
    subject = registry.image("team/app", "v1")
    wanted = refer(registry, subject, b"1", artifactType="application/vnd.example.signature")
    refer(registry, subject, b"2", artifactType="application/vnd.example.sbom")

    answer = registry.send(
        "GET",
        f"team/app/referrers/{subject.digest}",
        params={"artifactType": "application/vnd.example.signature"},
    )

    assert answer.headers["OCI-Filters-Applied"] == "artifactType"
    assert [item["digest"] for item in answer.json()["manifests"]] == [wanted.digest]


def test_referrers_go_when_they_are_deleted(registry: Any) -> None:
    """What was deleted refers to nothing."""
    subject = registry.image("team/app", "v1")
    signature = refer(registry, subject, b"1")

    registry.send("DELETE", f"team/app/manifests/{signature.digest}")

    answer = registry.send("GET", f"team/app/referrers/{subject.digest}")
    assert answer.json()["manifests"] == []


@pytest.mark.parametrize(
    ("path", "status", "code"),
    [
        ("team/app/referrers/latest", 400, "DIGEST_INVALID"),
        (f"team/new/referrers/{NOWHERE}", 404, "NAME_UNKNOWN"),
    ],
)
def test_referrers_of_nothing(path: str, status: int, code: str, registry: Any) -> None:
    """Referrers are asked for with a digest, in a repository that is there."""
    assert registry.code(registry.send("GET", path)) == (status, code)
