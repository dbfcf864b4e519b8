"""Images on their way in, by the rules of the API, and what becomes of their tags."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ImageAlreadyExistsException,
    ImageDigestDoesNotMatchException,
    ImageTagAlreadyExistsException,
    InvalidParameterException,
    LayersNotFoundException,
    ReferencedImagesNotFoundException,
)
from ecr_client.models import (
    DescribeImagesFilter,
    ImageIdentifier,
    ImageTagMutabilityExclusionFilter,
    ListImagesFilter,
)
from ecr_client.oci import Digest

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
KIND = "application/octet-stream"
MISSING = f"sha256:{'0' * 64}"


def descriptor(name: str, size: int = 2, kind: str = KIND) -> dict[str, Any]:
    return {"mediaType": kind, "digest": name, "size": size}


@pytest.fixture
def config(push: Any) -> dict[str, Any]:
    """Return the descriptor of a configuration that is in the repository ``app``."""
    return descriptor(push.layer("app", b"{}"))


def put(client: ECRClient, document: dict[str, Any], **members: Any) -> Any:
    """Put a manifest and give what is then there."""
    return client.put_image(
        repository_name="app", image_manifest=json.dumps(document), **members
    ).image


def tags(client: ECRClient) -> dict[str, tuple[str, ...]]:
    """Return the tags of each image."""
    found = client.paginate_describe_images(repository_name="app")
    return {str(image.image_digest): image.image_tags for image in found}


def test_a_manifest_needs_its_layers(client: ECRClient, config: dict[str, Any], push: Any) -> None:
    """Layers that the repository does not hold are all named; foreign ones may be elsewhere."""
    client.create_repository(repository_name="other")
    elsewhere = descriptor(push.layer("other", b"elsewhere"))
    document = {"schemaVersion": 2, "mediaType": DOCKER_MANIFEST, "config": config}
    missing = [descriptor(MISSING), elsewhere, config]
    foreign = {**descriptor(MISSING), "urls": ["https://example.com/layer"]}

    with pytest.raises(LayersNotFoundException, match=f"{MISSING}, {elsewhere['digest']}"):
        put(client, {**document, "layers": missing})
    assert tags(client) == {}
    made = put(client, {**document, "layers": [foreign]})
    assert made.image_manifest_media_type == DOCKER_MANIFEST


@pytest.mark.parametrize("kind", [OCI_INDEX, DOCKER_LIST])
def test_an_index_needs_its_children(client: ECRClient, push: Any, kind: str) -> None:
    """Manifests that are listed have to be there first, unless they are kept elsewhere."""
    child = push.image("app")
    present, missing = (descriptor(name, kind=OCI_MANIFEST) for name in (child, MISSING))
    foreign = {**missing, "urls": ["https://example.com/manifest"]}
    document = {"schemaVersion": 2, "mediaType": kind}

    with pytest.raises(ReferencedImagesNotFoundException, match=MISSING):
        put(client, {**document, "manifests": [present, missing]})
    made = put(client, {**document, "manifests": [present, foreign]})
    assert made.image_manifest_media_type == kind


def test_the_digest_is_that_of_the_bytes(client: ECRClient, config: dict[str, Any]) -> None:
    """A digest that was given is compared, and the manifest comes back byte for byte."""
    text = json.dumps(
        {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}, indent=3
    )
    common = {"repository_name": "app", "image_manifest": text}

    for tag in (None, "v1"):
        with pytest.raises(ImageDigestDoesNotMatchException, match=MISSING):
            client.put_image(**common, image_digest=MISSING, image_tag=tag)
    made = client.put_image(**common, image_digest=Digest.of(text.encode())).image
    (read,) = client.batch_get_image(
        repository_name="app", image_ids=[ImageIdentifier(image_digest=Digest.of(text.encode()))]
    ).images
    assert made is not None
    assert (made.image_manifest, read.image_manifest) == (text, text)


def test_an_image_is_pushed_once(client: ECRClient, config: dict[str, Any]) -> None:
    """The same image under the same tag, or again without one, is refused; a further tag is not."""
    document = {"schemaVersion": 2, "mediaType": OCI_MANIFEST, "config": config, "layers": []}
    put(client, document, image_tag="v1")

    for again in ({"image_tag": "v1"}, {}):
        with pytest.raises(ImageAlreadyExistsException):
            put(client, document, **again)
    put(client, document, image_tag="v2")
    assert list(tags(client).values()) == [("v1", "v2")]


def test_a_tag_that_moves_leaves_the_old_image(client: ECRClient, push: Any) -> None:
    """The image that had the tag is there without it, and is still found by its digest."""
    old = push.image("app", "latest")
    new = push.image("app", "latest")
    untagged = client.list_images(
        repository_name="app", filter=ListImagesFilter(tag_status="UNTAGGED")
    ).image_ids

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
def test_tags_that_may_not_move(
    client: ECRClient, push: Any, mutability: str, pattern: str | None, moves: str, stays: str
) -> None:
    """A tag moves as the repository's setting and its exclusions say."""
    filters = pattern and [
        ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter=pattern)
    ]
    client.put_image_tag_mutability(
        repository_name="app",
        image_tag_mutability=mutability,
        image_tag_mutability_exclusion_filters=filters,
    )
    image = push.image("app", stays)

    with pytest.raises(ImageTagAlreadyExistsException, match=stays):
        push.image("app", stays)
    if moves:
        push.image("app", moves)
        push.image("app", moves)
    assert tags(client)[image] == (stays,)


@pytest.mark.parametrize(
    ("text", "problem"),
    [("{", "Invalid JSON syntax"), ('{"schemaVersion": 1}', "Schema 1"), ("{}", "no mediaType")],
)
def test_malformed_manifests(client: ECRClient, text: str, problem: str) -> None:
    """A malformed manifest is refused with the reason."""
    with pytest.raises(InvalidParameterException, match=problem):
        client.put_image(repository_name="app", image_manifest=text)


def test_the_type_may_be_given_apart(client: ECRClient, config: dict[str, Any]) -> None:
    """A manifest without a media type has the one of the request."""
    document = {"schemaVersion": 2, "config": config, "layers": []}
    made = put(client, document, image_manifest_media_type=OCI_MANIFEST)

    assert made.image_manifest_media_type == OCI_MANIFEST


def delete(client: ECRClient, **identifier: str) -> tuple[Any, ...]:
    """Delete an image or a tag, and give what is gone, or the codes of what failed."""
    response = client.batch_delete_image(
        repository_name="app", image_ids=[ImageIdentifier(**identifier)]
    )
    gone = [(each.image_digest, each.image_tag) for each in response.image_ids]
    return (*gone, *(failure.failure_code for failure in response.failures))


def test_deletions(client: ECRClient, push: Any) -> None:
    """A tag deletes itself, the last one its image; a digest deletes all tags of an image."""
    image = push.image("app", "v1", "v2")

    assert delete(client, image_tag="v1") == ((image, "v1"),)
    assert tags(client) == {image: ("v2",)}
    assert delete(client, image_tag="v2") == ((image, "v2"),)
    assert tags(client) == {}
    image = push.image("app", "v1", "v2")
    assert delete(client, image_digest=image) == ((image, "v1"), (image, "v2"))
    assert delete(client, image_digest=image) == ("ImageNotFound",)


def test_deletions_that_are_refused(client: ECRClient, push: Any) -> None:
    """A tag that has moved is not deleted by mistake, nor an image that an index lists."""
    old, new = push.image("app", "v1"), push.image("app", "v1")
    index = push.index("app", old)

    assert delete(client, image_tag="v1", image_digest=old) == ("ImageTagDoesNotMatchDigest",)
    assert delete(client, image_tag="v1", image_digest=new) == ((new, "v1"),)
    assert delete(client, image_digest=old) == ("ImageReferencedByManifestList",)
    assert delete(client, image_digest=index) == ((index, None),)
    assert delete(client, image_digest=old) == ((old, None),)


def test_images_are_described(client: ECRClient, push: Any, clock: Any) -> None:
    """Size, time, type and tags of an image are those of its push."""
    data = b"layer"
    layer = descriptor(push.layer("app", data), len(data))
    image = push.image("app", "v1", layers=[layer])
    (detail,) = client.describe_images(repository_name="app").image_details
    size = len(json.dumps({"number": 0})) + len(data)

    assert (detail.image_digest, detail.image_tags) == (image, ("v1",))
    assert (detail.image_size_in_bytes, detail.image_pushed_at) == (size, clock.now)
    assert detail.image_manifest_media_type == OCI_MANIFEST
    assert detail.artifact_media_type == "application/vnd.oci.image.config.v1+json"
    assert detail.last_recorded_pull_time is None


def test_lists_are_filtered_and_come_in_pages(client: ECRClient, push: Any) -> None:
    """Both listings know tagged and untagged images, and give each once over all pages."""
    tagged = [push.image("app", f"v{number}") for number in range(3)]
    untagged = [push.image("app") for _ in range(2)]
    listed = client.paginate_list_images(repository_name="app", max_results=2)
    described = {
        status: [
            image.image_digest
            for image in client.paginate_describe_images(
                repository_name="app",
                max_results=2,
                filter=DescribeImagesFilter(tag_status=status),
            )
        ]
        for status in ("TAGGED", "UNTAGGED", "ANY")
    }

    assert [image.image_digest for image in listed] == tagged + untagged
    assert described == {"TAGGED": tagged, "UNTAGGED": untagged, "ANY": tagged + untagged}


def test_a_page_has_a_hundred_items(client: ECRClient, push: Any) -> None:
    """By default a page has 100 items, and the next one the rest."""
    push.image("app", *(f"v{number:03}" for number in range(101)))
    first = client.list_images(repository_name="app")
    second = client.list_images(repository_name="app", next_token=first.next_token)

    assert (len(first.image_ids), len(second.image_ids)) == (100, 1)
    assert second.next_token is None


@pytest.mark.parametrize("page", [{"max_results": 5}, {"next_token": "token"}])
def test_named_images_come_without_pages(
    client: ECRClient, push: Any, page: dict[str, Any]
) -> None:
    """A description of named images takes neither a number of results nor a token."""
    push.image("app", "v1")
    with pytest.raises(InvalidParameterException, match="together with imageIds"):
        client.describe_images(
            repository_name="app", image_ids=[ImageIdentifier(image_tag="v1")], **page
        )
