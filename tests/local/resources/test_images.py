"""The rules of the API for images: pushing, tagging, archiving, listing, deleting; referrers."""

from __future__ import annotations

import json
from contextlib import nullcontext
from typing import Any

import pytest

from ecr_client import exceptions as errors
from ecr_client.models import ImageIdentifier
from ecr_client.oci import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MISSING = f"sha256:{'0' * 64}"
V1 = {"image_tag": "v1"}
SBOM, SIGNATURE = "application/spdx+json", "application/vnd.cncf.notary.signature"


def descriptor(name: str, size: int = 2, kind: str = "application/octet-stream") -> dict[str, Any]:
    return {"mediaType": kind, "digest": name, "size": size}


@pytest.fixture
def document(push: Any) -> dict[str, Any]:
    """Return a manifest without layers, whose configuration the repository ``app`` holds."""
    config = descriptor(push.layer("app", b"{}"))
    return {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}


def put(client: Any, document: dict[str, Any], **members: Any) -> Any:
    """Put a manifest, and return the image."""
    return client.put_image(image_manifest=json.dumps(document), **members).image


def tags(client: Any) -> dict[str, tuple[str, ...]]:
    """Return the tags of each image."""
    return {image.image_digest: image.image_tags for image in client.paginate_describe_images()}


def digests(found: Any) -> list[str]:
    return [each.image_digest for each in found]


def test_a_manifest_needs_its_layers(client: Any, document: Any, push: Any) -> None:
    """Missing layers are all named in the error; foreign layers may be elsewhere."""
    client.create_repository(repository_name="other")
    elsewhere = descriptor(push.layer("other", b"elsewhere"))
    document["mediaType"] = DOCKER_MANIFEST
    missing = [descriptor(MISSING), elsewhere, document["config"]]
    foreign = {**descriptor(MISSING), "urls": ["https://example.com/layer"]}

    with pytest.raises(errors.LayersNotFoundException, match=f"{MISSING}, {elsewhere['digest']}"):
        put(client, {**document, "layers": missing})
    assert tags(client) == {}
    made = put(client, {**document, "layers": [foreign]})
    assert made.image_manifest_media_type == DOCKER_MANIFEST


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_an_index_needs_its_children(client: Any, push: Any, kind: str) -> None:
    """Listed manifests have to exist in the repository, unless they have URLs."""
    child = push.image("app")
    present, missing = (descriptor(name, kind=OCI_MANIFEST) for name in (child, MISSING))
    foreign = {**missing, "urls": ["https://example.com/manifest"]}
    document = {"schemaVersion": 2, "mediaType": kind}

    with pytest.raises(errors.ReferencedImagesNotFoundException, match=MISSING):
        put(client, {**document, "manifests": [present, missing]})
    made = put(client, {**document, "manifests": [present, foreign]})
    assert made.image_manifest_media_type == kind


def test_digests(client: Any, document: Any) -> None:
    """A requested digest is verified, and the manifest is returned byte for byte."""
    text = json.dumps(document, indent=3)
    digest = Digest.of(text.encode())

    for tag in (None, "v1"):
        with pytest.raises(errors.ImageDigestDoesNotMatchException, match=MISSING):
            client.put_image(image_manifest=text, image_digest=MISSING, image_tag=tag)
    made = client.put_image(image_manifest=text, image_digest=digest).image
    (read,) = client.batch_get_image(image_ids=[{"image_digest": digest}]).images
    assert (made.image_manifest, read.image_manifest) == (text, text)


def test_pushing_an_image_again(client: Any, document: Any) -> None:
    """Pushing the same image is refused with the same tag or none, but not with another tag."""
    put(client, document, image_tag="v1")

    for again in ({"image_tag": "v1"}, {}):
        with pytest.raises(errors.ImageAlreadyExistsException):
            put(client, document, **again)
    put(client, document, image_tag="v2")
    assert list(tags(client).values()) == [("v1", "v2")]


def test_a_tag_moves(client: Any, push: Any) -> None:
    """The image that loses its tag remains, and can still be found by its digest."""
    old, new = push.image("app", "latest"), push.image("app", "latest")
    untagged = client.list_images(filter={"tag_status": "UNTAGGED"}).image_ids

    assert tags(client) == {old: (), new: ("latest",)}
    assert untagged == (ImageIdentifier(image_digest=old),)


@pytest.mark.parametrize(
    ("mutability", "pattern", "moves", "stays"),
    [
        ("IMMUTABLE", None, None, "v1"),
        ("IMMUTABLE_WITH_EXCLUSION", "latest*", "latest-a", "v1"),
        ("MUTABLE_WITH_EXCLUSION", "v*", "latest", "v1"),
    ],
)
def test_tag_mutability(
    client: Any, push: Any, mutability: str, pattern: str | None, moves: str, stays: str
) -> None:
    """A tag moves only if the repository's setting and its exclusion filters allow it."""
    filters = [{"filter_type": "WILDCARD", "filter": pattern}] if pattern else None
    put = client.put_image_tag_mutability(
        image_tag_mutability=mutability, image_tag_mutability_exclusion_filters=filters
    )
    (described,) = client.describe_repositories().repositories
    image = push.image("app", stays)

    with pytest.raises(errors.ImageTagAlreadyExistsException, match=stays):
        push.image("app", stays)
    for _ in range(2 if moves else 0):
        push.image("app", moves)
    assert tags(client)[image] == (stays,)
    for found in (put, described):
        shown = [each.filter for each in found.image_tag_mutability_exclusion_filters]
        assert shown == ([pattern] if pattern else [])


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "Invalid JSON syntax"), ('{"schemaVersion": 1}', "Schema 1"), ("{}", "no mediaType")],
)
def test_malformed_manifests(client: Any, text: str, problem: str) -> None:
    """A malformed manifest is refused with the reason."""
    with pytest.raises(errors.InvalidParameterException, match=problem):
        client.put_image(image_manifest=text)


def test_media_type_of_the_request(client: Any, document: Any) -> None:
    """A manifest without a media type gets the one in the request."""
    del document["mediaType"]
    made = put(client, document, image_manifest_media_type=OCI_MANIFEST)

    assert made.image_manifest_media_type == OCI_MANIFEST


def delete(client: Any, **identifier: str) -> tuple[Any, ...]:
    """Delete an image or a tag; return what was deleted, or the failure codes."""
    response = client.batch_delete_image(image_ids=[identifier])
    gone = [(each.image_digest, each.image_tag) for each in response.image_ids]
    return (*gone, *(failure.failure_code for failure in response.failures))


def test_deletions(client: Any, push: Any) -> None:
    """Deleting the last tag deletes the image; deleting a digest deletes all its tags."""
    image = push.image("app", "v1", "v2")

    assert delete(client, image_tag="v1") == ((image, "v1"),)
    assert tags(client) == {image: ("v2",)}
    assert delete(client, image_tag="v2") == ((image, "v2"),)
    assert tags(client) == {}
    image = push.image("app", "v1", "v2")
    assert delete(client, image_digest=image) == ((image, "v1"), (image, "v2"))
    assert delete(client, image_digest=image) == ("ImageNotFound",)


def test_refused_deletions(client: Any, push: Any) -> None:
    """A tag that has moved is not deleted by mistake, nor an image that an index lists."""
    old, new = push.image("app", "v1"), push.image("app", "v1")
    index = push.index("app", old)

    assert delete(client, **V1, image_digest=old) == ("ImageTagDoesNotMatchDigest",)
    assert delete(client, **V1, image_digest=new) == ((new, "v1"),)
    assert delete(client, image_digest=old) == ("ImageReferencedByManifestList",)
    assert delete(client, image_digest=index) == ((index, None),)
    assert delete(client, image_digest=old) == ((old, None),)


def test_images_are_described(client: Any, push: Any, clock: Any) -> None:
    """The size, the time, the type and the tags of an image are those of its push."""
    data = b"layer"
    layer = descriptor(push.layer("app", data), len(data))
    image = push.image("app", "v1", layers=[layer])
    (detail,) = client.describe_images().image_details
    size = len(json.dumps({"number": 0})) + len(data)

    assert (detail.image_digest, detail.image_tags) == (image, ("v1",))
    assert (detail.image_size_in_bytes, detail.image_pushed_at) == (size, clock.now)
    assert (detail.image_manifest_media_type, detail.artifact_media_type) == (
        OCI_MANIFEST,
        OCI_CONFIG,
    )
    assert detail.last_recorded_pull_time is None


def test_listings(client: Any, push: Any) -> None:
    """Both listings can be filtered by tag status, and return each image once over all pages."""
    tagged = [push.image("app", f"v{number}") for number in range(3)]
    untagged = [push.image("app") for _ in range(2)]
    described = {
        status: digests(
            client.paginate_describe_images(max_results=2, filter={"tag_status": status})
        )
        for status in ("TAGGED", "UNTAGGED", "ANY")
    }

    assert digests(client.paginate_list_images(max_results=2)) == tagged + untagged
    assert described == {"TAGGED": tagged, "UNTAGGED": untagged, "ANY": tagged + untagged}


def test_default_page_size(client: Any, push: Any) -> None:
    """By default, a page has 100 items, and the next page the rest."""
    push.image("app", *(f"v{number:03}" for number in range(101)))
    first = client.list_images()
    second = client.list_images(next_token=first.next_token)

    assert (len(first.image_ids), len(second.image_ids)) == (100, 1)
    assert second.next_token is None


@pytest.mark.parametrize("page", [{"max_results": 5}, {"next_token": "token"}])
def test_named_images(client: Any, push: Any, page: dict[str, Any]) -> None:
    """Named images are each described once, without paging."""
    image = push.image("app", "v1", "v2")
    found = client.describe_images(image_ids=[V1, {"image_tag": "v2"}, {"image_digest": image}])

    assert digests(found.image_details) == [image]
    with pytest.raises(errors.InvalidParameterException, match="together with imageIds"):
        client.describe_images(image_ids=[V1], **page)


def move(client: Any, target: str, **identifier: str) -> Any:
    return client.update_image_storage_class(target_storage_class=target, image_id=identifier or V1)


def test_archives_and_restores(client: Any, push: Any, clock: Any) -> None:
    """An update returns the new status and sets a time; repeating it is refused."""
    digest = push.image("app", "v1")
    with pytest.raises(errors.ImageStorageClassUpdateNotSupportedException, match="STANDARD"):
        move(client, "STANDARD")
    archived, archived_at = move(client, "ARCHIVE"), clock.now
    with pytest.raises(errors.ImageStorageClassUpdateNotSupportedException, match="ARCHIVE"):
        move(client, "ARCHIVE")
    clock.advance(days=1)
    restored = move(client, "STANDARD", image_digest=digest)
    (image,) = client.describe_images().image_details

    assert (archived.registry_id, archived.repository_name) == ("123456789012", "app")
    assert archived.image_id == ImageIdentifier(image_digest=digest, image_tag="v1")
    assert (archived.image_status, restored.image_status) == ("ARCHIVED", "ACTIVE")
    assert (image.last_archived_at, image.last_activated_at) == (archived_at, clock.now)


def test_archived_images(client: Any, push: Any) -> None:
    """An archived image is only listed on request, is not pulled, and is restored by a push."""
    digest = push.image("app", "v1")
    manifest = client.batch_get_image(image_ids=[V1]).images[0].image_manifest
    move(client, "ARCHIVE")
    members = {"filter": {"image_status": "ARCHIVED"}}
    pulled = client.batch_get_image(image_ids=[V1])
    (described,) = client.describe_images(**members).image_details
    listed = client.list_images(**members).image_ids
    push.manifest("app", manifest, "v1")
    (restored,) = client.describe_images().image_details

    assert (pulled.images, len(pulled.failures)) == ((), 1)
    assert (described.image_status, restored.image_status) == ("ARCHIVED", "ACTIVE")
    assert digests(listed) == [digest]


# --- referrers ------------------------------------------------------------------------------------


def referrers(client: Any, subject: str, **members: Any) -> Any:
    return client.list_image_referrers(subject_id={"image_digest": subject}, **members)


def referring(response: Any) -> list[str]:
    return [one.digest for one in response.referrers]


def test_artifacts_are_listed(client: Any, push: Any) -> None:
    """An artifact is listed with its type, size and annotations."""
    image = push.image("app", "v1")
    sbom = push.artifact("app", image, artifactType=SBOM, annotations={"by": "test"})
    push.artifact("app", sbom)
    (found,) = referrers(client, image).referrers
    (manifest,) = client.batch_get_image(image_ids=[{"image_digest": sbom}]).images

    assert (found.digest, found.artifact_type) == (sbom, SBOM)
    assert found.media_type == manifest.image_manifest_media_type
    assert found.size == len(str(manifest.image_manifest))
    assert (found.annotations, found.artifact_status) == ({"by": "test"}, "ACTIVE")


def test_artifacts_are_filtered(client: Any, push: Any) -> None:
    """Artifacts are filtered by status, and by type, which may be that of the configuration."""
    image = push.image("app")
    sbom = push.artifact("app", image, artifactType=SBOM)
    plain = push.artifact("app", image)
    archived = push.artifact("app", image, artifactType=SIGNATURE)
    move(client, "ARCHIVE", image_digest=archived)

    def of(**members: Any) -> list[str]:
        return referring(referrers(client, image, filter=members))

    assert referring(referrers(client, image)) == of(artifact_types=[]) == [sbom, plain]
    assert of(artifact_types=[SBOM]) == [sbom]
    assert of(artifact_types=[OCI_CONFIG]) == [plain]
    assert of(artifact_types=["text/plain"]) == of(artifact_status="ACTIVATING") == []
    assert of(artifact_status="ARCHIVED") == [archived]
    assert of(artifact_types=[SBOM, SIGNATURE], artifact_status="ANY") == [sbom, archived]


def test_artifacts_are_paged(client: Any, push: Any) -> None:
    """A page has 20 referrers by default, and 50 at most."""
    subject = f"sha256:{'0' * 64}"  # which does not have to exist
    artifacts = [push.artifact("app", subject) for _ in range(21)]
    first = referrers(client, subject)
    second = referrers(client, subject, next_token=first.next_token)
    whole = referrers(client, subject, max_results=50)

    assert [len(first.referrers), len(second.referrers)] == [20, 1]
    assert referring(first) + referring(second) == referring(whole) == artifacts
    assert whole.next_token is None
    with pytest.raises(errors.InvalidParameterException, match="maxResults"):
        referrers(client, subject, max_results=51)
    with pytest.raises(errors.InvalidParameterException, match="nextToken"):
        referrers(client, artifacts[0], next_token=first.next_token)
    with pytest.raises(errors.RepositoryNotFoundException):
        referrers(client, subject, repository_name="other")


# --- batches and exclusions -----------------------------------------------------------------------


def test_failures_of_batches(client: Any) -> None:
    """Each item that fails has its documented code, in the order of the request."""
    wanted = [V1, {}, {"image_digest": "nonsense"}, {"image_tag": "-"}]
    codes = ["ImageNotFound", "MissingDigestAndTag", "InvalidImageDigest", "InvalidImageTag"]

    for call in (client.batch_get_image, client.batch_delete_image):
        assert [each.failure_code for each in call(image_ids=wanted).failures] == codes


def test_missing_layers(client: Any, push: Any) -> None:
    """Layers are checked one by one, and only those of images can be downloaded."""
    found = client.batch_check_layer_availability(layer_digests=[MISSING, "sha256:short"])

    assert [layer.layer_availability for layer in found.layers] == ["UNAVAILABLE"]
    assert [failure.failure_code for failure in found.failures] == ["InvalidLayerDigest"]
    with pytest.raises(errors.LayersNotFoundException):
        client.get_download_url_for_layer(layer_digest=MISSING)
    with pytest.raises(errors.LayerInaccessibleException):
        client.get_download_url_for_layer(layer_digest=push.layer("app", b"x"))


def test_named_repositories(client: Any) -> None:
    """Named repositories are described in their order, without paging, and all have to exist."""
    client.create_repository(repository_name="two")
    found = client.describe_repositories(repository_names=["two", "app"]).repositories

    assert [repository.repository_name for repository in found] == ["two", "app"]
    with pytest.raises(errors.RepositoryNotFoundException):
        client.describe_repositories(repository_names=["app", "missing"])
    with pytest.raises(errors.InvalidParameterException, match="maxResults"):
        client.describe_repositories(repository_names=["app"], max_results=1)


@pytest.mark.parametrize(
    ("mutability", "filters", "problem"),
    [
        ("IMMUTABLE", ["v*"], "ExclusionFilters"),
        ("MUTABLE_WITH_EXCLUSION", [], "ExclusionFilters"),
        ("IMMUTABLE_WITH_EXCLUSION", [f"v{number}*" for number in range(6)], "ExclusionFilters"),
        ("MUTABLE_WITH_EXCLUSION", ["a*b*c*"], r"'a\*b\*c\*' has more than 2 wildcards"),
        ("MUTABLE_WITH_EXCLUSION", ["*-dev-*", "**"], None),
    ],
)
def test_exclusion_filters(client: Any, mutability: str, filters: Any, problem: str) -> None:
    """Only some kinds of mutability have filters, at most five, with at most two wildcards each."""
    given = [{"filter_type": "WILDCARD", "filter": each} for each in filters]
    settings = {
        "image_tag_mutability": mutability,
        "image_tag_mutability_exclusion_filters": given or None,
    }
    for call, members in (
        (client.create_repository, {"repository_name": "other"}),
        (client.put_image_tag_mutability, {}),
        (
            client.create_repository_creation_template,
            {"prefix": "team", "applied_for": ["CREATE_ON_PUSH"]},
        ),
    ):
        with (
            pytest.raises(errors.InvalidParameterException, match=problem)
            if problem
            else nullcontext()
        ):
            call(**settings, **members)
