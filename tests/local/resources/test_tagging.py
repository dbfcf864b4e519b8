"""Tags of repositories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    InvalidTagParameterException,
    RepositoryNotFoundException,
    TooManyTagsException,
)
from ecr_client.models import Tag

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/app"


def tag(client: ECRClient, arn: str = ARN, **tags: str) -> None:
    client.tag_resource(
        resource_arn=arn, tags=[Tag(key=key, value=value) for key, value in tags.items()]
    )


def tags_of(client: ECRClient, arn: str = ARN) -> dict[str, str]:
    return {one.key: one.value for one in client.list_tags_for_resource(resource_arn=arn).tags}


def test_adds_and_replaces_tags(client: ECRClient) -> None:
    """New keys are added, known ones get the new value, others stay; they come sorted."""
    tag(client, team="a", stage="dev")
    tag(client, stage="prod", cost="")

    assert list(tags_of(client).items()) == [("cost", ""), ("stage", "prod"), ("team", "a")]


def test_takes_tags_away(client: ECRClient) -> None:
    """Named keys go, and keys that are not there do not matter."""
    tag(client, team="a", stage="dev")

    client.untag_resource(resource_arn=ARN, tag_keys=["stage", "nothing"])

    assert tags_of(client) == {"team": "a"}


def test_tags_of_a_new_repository(client: ECRClient) -> None:
    """What a repository is created with can be listed by the ARN that was answered."""
    made = client.create_repository(
        repository_name="team/api", tags=[Tag(key="team", value="é + b")]
    ).repository
    assert made is not None
    assert made.repository_arn is not None

    assert tags_of(client, made.repository_arn) == {"team": "é + b"}


def test_tags_go_with_their_repository(client: ECRClient) -> None:
    """A new repository of the same name has no tags."""
    tag(client, team="a")

    client.delete_repository(repository_name="app")
    client.create_repository(repository_name="app")

    assert tags_of(client) == {}


def test_a_repository_has_fifty_tags(client: ECRClient) -> None:
    """The fifty-first tag is refused, and with it the whole call; known keys may change."""
    tag(client, **{f"k{number}": "x" for number in range(49)})

    with pytest.raises(TooManyTagsException):
        tag(client, last="x", too_many="x")
    tag(client, last="x", k0="changed")

    assert len(tags_of(client)) == 50
    assert tags_of(client)["k0"] == "changed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        ("", "x"),
        ("k" * 129, "x"),
        ("k", "v" * 257),
        ("a;b", "x"),
        ("k", "a|b"),
        ("aws:cloudformation:stack-name", "x"),
        ("AWS:x", "x"),
    ],
)
def test_refuses_tags(client: ECRClient, key: str, value: str) -> None:
    """Keys and values have a length and an alphabet, and some keys are reserved."""
    with pytest.raises(InvalidTagParameterException):
        tag(client, **{key: value})


def test_takes_the_longest_tags(client: ECRClient) -> None:
    """A key of 128 and a value of 256 characters are allowed, with all signs there are."""
    key, value = "a_.:/=+-@ é" + "k" * 117, "v" * 256
    tag(client, **{key: value})

    assert tags_of(client) == {key: value}


def test_refuses_a_key_twice(client: ECRClient) -> None:
    """One call has one value for a key."""
    twice = [Tag(key="k", value="1"), Tag(key="k", value="2")]

    with pytest.raises(InvalidTagParameterException, match="twice"):
        client.tag_resource(resource_arn=ARN, tags=twice)


@pytest.mark.parametrize(
    "arn",
    [
        "",
        "app",
        "arn:aws:ecr",
        "arn:aws:s3:::bucket",
        "arn:aws:ecr:us-east-1:123456789012:app",
        "arn:aws:ecr:us-east-1:123456789012:repository/",
        "arn:aws:ecr:us-east-1:12345678901:repository/app",
        "arn:aws:ecr:eu-west-1:123456789012:repository/app",
        "arn::ecr:us-east-1:123456789012:repository/app",
    ],
)
def test_refuses_arns(client: ECRClient, arn: str) -> None:
    """Only ARNs of repositories in the region can be tagged."""
    for call in (
        lambda: tag(client, arn, k="v"),
        lambda: client.untag_resource(resource_arn=arn, tag_keys=["k"]),
        lambda: client.list_tags_for_resource(resource_arn=arn),
    ):
        with pytest.raises(InvalidParameterException, match="resourceArn"):
            call()


def test_needs_the_repository(client: ECRClient) -> None:
    """A repository that is not there has no tags."""
    arn = f"{ARN}2"
    with pytest.raises(RepositoryNotFoundException):
        tag(client, arn, k="v")
    with pytest.raises(RepositoryNotFoundException):
        client.untag_resource(resource_arn=arn, tag_keys=["k"])
    with pytest.raises(RepositoryNotFoundException):
        client.list_tags_for_resource(resource_arn=arn)


def test_regions_are_apart(client: ECRClient, connect: Callable[..., ECRClient]) -> None:
    """The repository of the same name in another region has tags of its own."""
    other = connect(region="eu-west-1")
    other.create_repository(repository_name="app")
    tag(client, team="a")

    assert tags_of(other, ARN.replace("us-east-1", "eu-west-1")) == {}
