"""The quotas of the service, each at its bound."""

from __future__ import annotations

import json
from collections.abc import Callable
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


def pull_through_rule(client: ECRClient, number: int) -> object:
    return client.create_pull_through_cache_rule(
        ecr_repository_prefix=f"p{number}", upstream_registry_url="quay.io"
    )


def template(client: ECRClient, number: int) -> object:
    return client.create_repository_creation_template(
        prefix=f"p{number}", applied_for=["REPLICATION"]
    )


def exclusion(client: ECRClient, number: int) -> object:
    return client.register_pull_time_update_exclusion(
        principal_arn=f"arn:aws:iam::123456789012:role/r{number}"
    )


@pytest.mark.parametrize(
    ("create", "most"), [(pull_through_rule, 50), (template, 50), (exclusion, 100)]
)
def test_settings_have_a_number(
    connect: Callable[..., ECRClient], create: Callable[[ECRClient, int], object], most: int
) -> None:
    """A registry has so many settings of a kind and no more; another registry has room."""
    client = connect()
    for number in range(most):
        create(client, number)

    with pytest.raises(LimitExceededException):
        create(client, most)
    create(connect(account="210987654321"), most)


@pytest.mark.slow
def test_largest_pages(client: ECRClient) -> None:
    """A page of the largest size has a thousand tags, and one more is on a second page."""
    for number in range(1001):
        put(client, INDEX, image_tag=f"v{number}")
    images = client.paginate_list_images(repository_name="app", max_results=1000)
    sizes = [len(page.image_ids) for page in images.pages()]
    client.batch_delete_image(repository_name="app", image_ids=[ImageIdentifier(image_tag="v0")])

    assert sizes == [1000, 1]
    assert [len(page.image_ids) for page in images.pages()] == [1000]
