"""Tags of repositories."""

from __future__ import annotations

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


def test_tags_are_added_replaced_and_removed(client: ECRClient) -> None:
    """Known keys get new values, removing unknown ones does nothing, and keys are sorted."""
    made = client.create_repository(
        repository_name="team/api", tags=[Tag(key="team", value="é + b")]
    ).repository
    assert made is not None
    arn = str(made.repository_arn)
    tag(client, arn, stage="dev")
    tag(client, arn, stage="prod", cost="")
    before = list(tags_of(client, arn).items())
    client.untag_resource(resource_arn=arn, tag_keys=["stage", "nothing"])

    assert before == [("cost", ""), ("stage", "prod"), ("team", "é + b")]
    assert tags_of(client, arn) == {"cost": "", "team": "é + b"}


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
    ("arn", "error"),
    [
        ("", InvalidParameterException),
        ("arn:aws:ecr", InvalidParameterException),
        ("arn:aws:s3:::bucket", InvalidParameterException),
        ("arn:aws:ecr:us-east-1:123456789012:app", InvalidParameterException),
        ("arn:aws:ecr:us-east-1:123456789012:repository/", InvalidParameterException),
        ("arn:aws:ecr:us-east-1:12345678901:repository/app", InvalidParameterException),
        ("arn:aws:ecr:eu-west-1:123456789012:repository/app", InvalidParameterException),
        ("arn::ecr:us-east-1:123456789012:repository/app", InvalidParameterException),
        (f"{ARN}2", RepositoryNotFoundException),
    ],
)
def test_refuses_arns(client: ECRClient, arn: str, error: type[Exception]) -> None:
    """Only existing repositories in the region can be tagged."""
    for call in (
        lambda: tag(client, arn, k="v"),
        lambda: client.untag_resource(resource_arn=arn, tag_keys=["k"]),
        lambda: client.list_tags_for_resource(resource_arn=arn),
    ):
        with pytest.raises(error, match=r"resourceArn|app2"):
            call()
