"""Tags of repositories, and their encryption keys."""

from __future__ import annotations

import re
from typing import Any

import pytest

from ecr_client import exceptions as errors

ARN = "arn:aws:ecr:us-east-1:123456789012:repository/app"
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
DEFAULT_KEY = "arn:aws:kms:us-east-1:123456789012:key/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def tag(client: Any, arn: str = ARN, **tags: str) -> None:
    given = [{"Key": key, "Value": value} for key, value in tags.items()]
    client.tag_resource(resource_arn=arn, tags=given)


def tags_of(client: Any, arn: str = ARN) -> dict[str, str]:
    return {one.key: one.value for one in client.list_tags_for_resource(resource_arn=arn).tags}


def test_tags(client: Any) -> None:
    """Existing keys get new values, removing unknown keys does nothing, and keys are sorted."""
    given = [{"Key": "team", "Value": "é + b"}]
    made = client.create_repository(repository_name="team/api", tags=given).repository
    arn = made.repository_arn
    tag(client, arn, stage="dev")
    tag(client, arn, stage="prod", cost="")
    before = list(tags_of(client, arn).items())
    client.untag_resource(resource_arn=arn, tag_keys=["stage", "nothing"])

    assert before == [("cost", ""), ("stage", "prod"), ("team", "é + b")]
    assert tags_of(client, arn) == {"cost": "", "team": "é + b"}


def test_quota(client: Any) -> None:
    """The fifty-first tag is refused with the whole request; existing keys may still change."""
    tag(client, **{f"k{number}": "x" for number in range(49)})

    with pytest.raises(errors.TooManyTagsException):
        tag(client, last="x", too_many="x")
    tag(client, last="x", k0="changed")

    assert len(tags_of(client)) == 50
    assert tags_of(client)["k0"] == "changed"


@pytest.mark.parametrize(
    ("key", "value"),
    [
        *(("", "x"), ("k" * 129, "x"), ("k", "v" * 257), ("a;b", "x"), ("k", "a|b")),
        *(("aws:cloudformation:stack-name", "x"), ("AWS:x", "x")),
    ],
)
def test_refuses_tags(client: Any, key: str, value: str) -> None:
    """Keys and values have a maximum length and an alphabet, and some keys are reserved."""
    with pytest.raises(errors.InvalidTagParameterException):
        tag(client, **{key: value})


def test_longest_tags(client: Any) -> None:
    """Keys of 128 and values of 256 characters are accepted, but no key twice."""
    key, value = "a_.:/=+-@ é" + "k" * 117, "v" * 256
    tag(client, **{key: value})

    assert tags_of(client) == {key: value}
    with pytest.raises(errors.InvalidTagParameterException, match="twice"):
        client.tag_resource(resource_arn=ARN, tags=[{"Key": "k", "Value": "1"}] * 2)


@pytest.mark.parametrize(
    "arn",
    [
        *("", "arn:aws:ecr", "arn:aws:s3:::bucket", "arn:aws:ecr:us-east-1:123456789012:app"),
        "arn:aws:ecr:us-east-1:123456789012:repository/",
        "arn:aws:ecr:us-east-1:12345678901:repository/app",
        "arn:aws:ecr:eu-west-1:123456789012:repository/app",
        "arn::ecr:us-east-1:123456789012:repository/app",
        f"{ARN}2",
    ],
)
def test_refuses_arns(client: Any, arn: str) -> None:
    """Only existing repositories in the region can be tagged."""
    missing = arn.endswith("app2")
    error = errors.RepositoryNotFoundException if missing else errors.InvalidParameterException
    for call in (
        lambda: tag(client, arn, k="v"),
        lambda: client.untag_resource(resource_arn=arn, tag_keys=["k"]),
        lambda: client.list_tags_for_resource(resource_arn=arn),
    ):
        with pytest.raises(error, match="app2" if missing else "resourceArn"):
            call()


def key_of(client: Any, kind: str, key: str | None = None, name: str = "kept") -> Any:
    """Create a repository, and return its described key."""
    given = {"encryption_type": kind, "kms_key": key}
    client.create_repository(repository_name=name, encryption_configuration=given)
    (found,) = client.describe_repositories(repository_names=[name]).repositories
    return found.encryption_configuration.kms_key


@pytest.mark.parametrize(
    ("kind", "given", "expected"),
    [
        ("AES256", None, ""),
        ("KMS", KEY, KEY),
        ("KMS", None, DEFAULT_KEY),
        ("KMS_DSSE", None, DEFAULT_KEY),
    ],
)
def test_the_key_is_described(client: Any, kind: str, given: str | None, expected: str) -> None:
    """Encryption with KMS but without a key uses the account's default key, which has an ARN."""
    assert re.fullmatch(expected, key_of(client, kind, given) or "")


def test_a_registry_has_one_default_key(connect: Any) -> None:
    """All repositories of an account and region, and no others, share the default key."""
    first = connect()
    keys = [key_of(first, "KMS", name=name) for name in ("one", "two")]
    elsewhere = key_of(connect(region="cn-north-1"), "KMS")
    others = key_of(connect(account="210987654321"), "KMS")

    assert len(set(keys)) == 1
    assert len({*keys, elsewhere, others}) == 3
    assert elsewhere.startswith("arn:aws-cn:kms:cn-north-1:123456789012:key/")
