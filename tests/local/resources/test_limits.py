"""The quotas of the service, each at its border."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import LimitExceededException
from ecr_client.local import Limits, LocalECR

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

    def answer(length: int) -> tuple[int, dict[str, Any]]:
        return call(operation, **members, **{member: [item] * length})

    assert [answer(length)[0] for length in (0, 1, most, most + 1)] == [400, 200, 200, 400]
    assert member in answer(most + 1)[1]["message"]


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
