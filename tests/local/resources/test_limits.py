"""The quotas of the service, each at its border."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import LimitExceededException
from ecr_client.local import Limits, LocalECR
from ecr_client.models import ImageIdentifier

MISSING = f"sha256:{'0' * 64}"
#: An image that needs nothing else.
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}


def put(client: ECRClient, document: dict[str, Any], **members: Any) -> None:
    client.put_image(repository_name="app", image_manifest=json.dumps(document), **members)


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("length", "status"), [(4_194_304, 200), (4_194_305, 400)])
def test_manifests_have_a_length(call: Any, length: int, status: int) -> None:
    """The longest manifest of the model is taken, and one of a character more is not."""
    text = json.dumps({**INDEX, "annotations": {"filler": ""}})
    text = text.replace('"filler": "', '"filler": "' + "x" * (length - len(text)))

    assert call("PutImage", repositoryName="app", imageManifest=text)[0] == status


def test_registries_and_repositories_have_their_limits() -> None:
    """An image or a repository above the quota is refused; a further tag is none."""
    limits = Limits(repositories=1, images=1)
    with LocalECR(auth=False, limits=limits) as ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        put(client, INDEX, image_tag="v1")
        put(client, INDEX, image_tag="v2")
        with pytest.raises(LimitExceededException, match="maximum number of images: 1"):
            put(client, {**INDEX, "annotations": {}})
        with pytest.raises(LimitExceededException, match="maximum number of repositories: 1"):
            client.create_repository(repository_name="other")


@pytest.mark.parametrize(
    ("operation", "member", "item", "most"),
    [
        ("BatchGetImage", "imageIds", {"imageTag": "v1"}, 100),
        ("BatchDeleteImage", "imageIds", {"imageTag": "v1"}, 100),
        ("BatchCheckLayerAvailability", "layerDigests", MISSING, 100),
        ("DescribeRepositories", "repositoryNames", "app", 100),
        ("GetAuthorizationToken", "registryIds", "123456789012", 10),
    ],
)
@pytest.mark.usefixtures("client")
def test_lists_have_a_length(call: Any, operation: str, member: str, item: Any, most: int) -> None:
    """A list has one item at least, and no more than the service takes."""
    members = {} if member in ("registryIds", "repositoryNames") else {"repositoryName": "app"}

    def response(length: int) -> tuple[int, dict[str, Any]]:
        return call(operation, **members, **{member: [item] * length})

    assert [response(length)[0] for length in (0, 1, most, most + 1)] == [400, 200, 200, 400]
    assert member in response(most + 1)[1]["message"]


@pytest.mark.parametrize(("size", "status"), [(0, 400), (1, 200), (1000, 200), (1001, 400)])
def test_pages_have_a_size(call: Any, size: int, status: int) -> None:
    """A page has 1 to 1,000 items."""
    assert call("DescribeRepositories", maxResults=size)[0] == status


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("length", "accepted"), [(1, True), (300, True), (301, False)])
def test_tags_have_a_length(call: Any, length: int, accepted: bool) -> None:
    """A tag has 1 to 300 characters."""
    text = json.dumps(INDEX)
    status, _ = call("PutImage", repositoryName="app", imageManifest=text, imageTag="t" * length)

    assert (status == 200) == accepted


@pytest.mark.parametrize("count", [1, 100, 101])
def test_batches_have_no_limit(client: ECRClient, count: int) -> None:
    """What one call refuses, the batch helpers do in as many calls as it takes."""
    for number in range(3):
        put(client, {**INDEX, "annotations": {"number": str(number)}}, image_tag=f"v{number}")
    ids = [ImageIdentifier(image_tag=f"v{number}") for number in range(count)]
    got = client.batch_get_image_all(repository_name="app", image_ids=ids)
    deleted = client.batch_delete_image_all(repository_name="app", image_ids=ids)

    assert [len(got.images), len(got.failures)] == [min(count, 3), max(count - 3, 0)]
    assert [len(deleted.image_ids), len(deleted.failures)] == [min(count, 3), max(count - 3, 0)]


@pytest.mark.parametrize("count", [1, 25, 26])
def test_repositories_in_batches(client: ECRClient, count: int) -> None:
    """The helper for scanning configurations takes more than the 25 repositories of a call."""
    found = client.batch_get_repository_scanning_configuration_all(
        repository_names=["app", *(f"missing-{number}" for number in range(count - 1))]
    )

    assert [len(found.scanning_configurations), len(found.failures)] == [1, count - 1]


def test_largest_pages(client: ECRClient) -> None:
    """A page of the largest size has a thousand tags, and one more is on a second page."""
    for number in range(1001):
        put(client, INDEX, image_tag=f"v{number}")
    images = client.paginate_list_images(repository_name="app", max_results=1000)
    sizes = [len(page.image_ids) for page in images.pages()]
    client.batch_delete_image(repository_name="app", image_ids=[ImageIdentifier(image_tag="v0")])

    assert sizes == [1000, 1]
    assert [len(page.image_ids) for page in images.pages()] == [1000]
