"""The quotas of the service, each at its bound, and pagination tokens."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client.exceptions import InvalidParameterException, LimitExceededException
from ecr_client.local import Limits, LocalECR

MISSING = f"sha256:{'0' * 64}"
OTHER = "210987654321"
#: An image that references nothing.
INDEX: dict[str, Any] = {
    "schemaVersion": 2,
    "mediaType": "application/vnd.oci.image.index.v1+json",
    "manifests": [],
}


def put(client: Any, document: dict[str, Any], **members: Any) -> None:
    client.put_image(image_manifest=json.dumps(document), **members)


BIG = json.dumps({**INDEX, "annotations": {"filler": ""}})
APP = {"repositoryName": "app"}


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(
    ("operation", "members", "member", "value", "least", "most"),
    [
        ("BatchGetImage", APP, "imageIds", [{"imageTag": "v1"}], 1, 100),
        ("BatchDeleteImage", APP, "imageIds", [{"imageTag": "v1"}], 1, 100),
        ("BatchCheckLayerAvailability", APP, "layerDigests", [MISSING], 1, 100),
        ("DescribeRepositories", {}, "repositoryNames", ["app"], 1, 100),
        ("DescribeRepositories", {}, "maxResults", 1, 1, 1000),
        ("GetAuthorizationToken", {}, "registryIds", ["123456789012"], 1, 10),
        ("PutImage", {**APP, "imageManifest": json.dumps(INDEX)}, "imageTag", "t", 1, 300),
        ("CreateRepository", {}, "repositoryName", "n", 2, 256),
    ],
)
def test_bounds_of_members(
    call: Any, operation: str, members: Any, member: str, value: Any, least: int, most: int
) -> None:
    """A list, a string or a number is accepted at both of its bounds, and refused beyond them."""
    responses = [
        call(operation, **members, **{member: value * size})
        for size in (least - 1, least, most, most + 1)
    ]

    assert [status for status, _ in responses] == [400, 200, 200, 400]
    assert member in responses[-1][1]["message"]


@pytest.mark.usefixtures("client")
@pytest.mark.parametrize(("length", "status"), [(4_194_304, 200), (4_194_305, 400)])
def test_longest_manifest(call: Any, length: int, status: int) -> None:
    """The longest manifest of the model is accepted, and one that is a character longer is not."""
    text = BIG.replace('"filler": "', '"filler": "' + "x" * (length - len(BIG)))

    assert call("PutImage", **APP, imageManifest=text)[0] == status


def test_quotas(plain: Any) -> None:
    """An image or a repository above the quota is refused; a second tag is not an image."""
    limits = Limits(repositories=1, images=1)
    with LocalECR(auth=False, limits=limits) as ecr, ecr.client() as made:
        client = plain(made)
        client.create_repository()
        put(client, INDEX, image_tag="v1")
        put(client, INDEX, image_tag="v2")
        with pytest.raises(LimitExceededException, match="maximum number of images: 1"):
            put(client, {**INDEX, "annotations": {}})
        with pytest.raises(LimitExceededException, match="maximum number of repositories: 1"):
            client.create_repository(repository_name="other")


@pytest.mark.parametrize(
    ("operation", "members", "name", "most"),
    [
        (
            "CreatePullThroughCacheRule",
            {"upstreamRegistryUrl": "quay.io"},
            "ecrRepositoryPrefix",
            50,
        ),
        ("CreateRepositoryCreationTemplate", {"appliedFor": ["REPLICATION"]}, "prefix", 50),
        ("RegisterPullTimeUpdateExclusion", {}, "principalArn", 100),
    ],
)
def test_quotas_of_settings(call: Any, operation: str, members: Any, name: str, most: int) -> None:
    """A registry has a maximum number of settings of each kind; another registry has its own."""
    role = "arn:aws:iam::123456789012:role/" if name == "principalArn" else ""

    def code(number: int, account: str = "") -> str | None:
        _, body = call(operation, account, **members, **{name: f"{role}p{number}"})
        return body.get("__type")

    assert [code(number) for number in range(most)] == [None] * most
    assert code(most) == "LimitExceededException"
    assert code(most, OTHER) is None


# --- tokens ---------------------------------------------------------------------------------------


@pytest.fixture
def token(client: Any) -> str:
    """Return the token after the first of three repositories."""
    for name in ("aa", "zz"):
        client.create_repository(repository_name=name)
    return str(client.describe_repositories(max_results=1).next_token)


def names(client: Any, token: str, **members: Any) -> list[str]:
    """Return the names of the repositories on a page."""
    found = client.describe_repositories(next_token=token, **members).repositories
    return [str(each.repository_name) for each in found]


def refused(listing: Callable[..., Any], token: str, **members: Any) -> str:
    """Return the error message of a listing that refuses a token."""
    with pytest.raises(InvalidParameterException, match="nextToken") as raised:
        listing(next_token=token, **members)
    return str(raised.value)


def test_tokens_can_be_reused(client: Any, token: str) -> None:
    """A token always leads to the same page, of any size; the last page has no token."""
    pages = [client.describe_repositories(next_token=token, max_results=size) for size in (2, 3)]

    assert names(client, token) == ["app", "zz"]
    assert names(client, token, max_results=1) == ["app"]
    assert [(len(page.repositories), page.next_token) for page in pages] == [(2, None)] * 2


def test_a_foreign_token_is_refused(client: Any, connect: Any, token: str) -> None:
    """A token that was altered, or belongs to another operation, registry or region, is refused."""
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}
    other = connect(account=OTHER)
    other.put_registry_policy(policy_text=json.dumps({"Statement": everybody}))
    altered = ("A" if token[0] != "A" else "B") + token[1:]

    for message in (
        refused(client.list_images, token, repository_name="aa"),
        refused(client.describe_repositories, token, registry_id=OTHER),
        refused(other.describe_repositories, token),
        refused(connect(region="eu-west-1").describe_repositories, token),
        refused(client.describe_repositories, altered),
        refused(client.describe_repositories, "no base64 !"),
    ):
        assert "does not belong to this listing" in message


def test_a_token_expires(client: Any, clock: Any, token: str) -> None:
    """A token is valid for a day."""
    clock.advance(days=1)
    client.describe_repositories(next_token=token)
    clock.advance(seconds=1)

    assert "expired" in refused(client.describe_repositories, token)


def test_listings_continue_by_name(client: Any, token: str) -> None:
    """A listing continues after a name, whatever has changed before it."""
    client.delete_repository(repository_name="aa")
    client.create_repository(repository_name="ab")

    assert names(client, token) == ["ab", "app", "zz"]


def test_stale_tokens(client: Any) -> None:
    """If an item before the page is gone, the token is refused, so that no item is skipped."""
    roles = [f"arn:aws:iam::123456789012:role/{name}" for name in "abcd"]
    for role in roles[:3]:
        client.register_pull_time_update_exclusion(principal_arn=role)
    listing = client.list_pull_time_update_exclusions
    token = str(listing(max_results=2).next_token)
    client.register_pull_time_update_exclusion(principal_arn=roles[3])
    longer = listing(next_token=token).pull_time_update_exclusions
    client.deregister_pull_time_update_exclusion(principal_arn=roles[0])

    assert list(longer) == roles[2:]
    assert "has changed" in refused(listing, token)


def test_tokens_of_deleted_repositories(client: Any, push: Any) -> None:
    """The token of a deleted repository is refused by a new repository of the same name."""
    for tag in ("v1", "v2"):
        push.image("app", tag)
    token = str(client.list_images(max_results=1).next_token)
    client.delete_repository(force=True)
    client.create_repository()

    assert "does not belong" in refused(client.list_images, token)
