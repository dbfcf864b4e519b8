"""Repository creation templates."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    InvalidTagParameterException,
    TemplateAlreadyExistsException,
    TemplateNotFoundException,
)
from ecr_client.models import (
    EncryptionConfigurationForRepositoryCreationTemplate as Encryption,
)
from ecr_client.models import (
    ImageTagMutabilityExclusionFilter,
    ReplicationConfiguration,
    ReplicationDestination,
    ReplicationRule,
    Tag,
)

PULL = {"Effect": "Allow", "Principal": "*", "Action": "ecr:BatchGetImage"}
POLICY = json.dumps({"Version": "2012-10-17", "Statement": [PULL]})
SELECTION = {"tagStatus": "any", "countType": "imageCountMoreThan", "countNumber": 9}
LIFECYCLE = json.dumps(
    {"rules": [{"rulePriority": 1, "selection": SELECTION, "action": {"type": "expire"}}]}
)
KEY = "arn:aws:kms:us-east-1:123456789012:key/1234abcd-12ab-34cd-56ef-1234567890ab"
KEEP_DEV = [ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter="dev-*")]
FULL: dict[str, Any] = {
    "description": "of the team",
    "encryption_configuration": Encryption(encryption_type="KMS", kms_key=KEY),
    "resource_tags": [Tag(key="team", value="a")],
    "image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION",
    "image_tag_mutability_exclusion_filters": KEEP_DEV,
    "repository_policy": POLICY,
    "lifecycle_policy": LIFECYCLE,
    "custom_role_arn": "arn:aws:iam::123456789012:role/templates",
}


def create(
    client: ECRClient, prefix: str = "team", applied_for: str = "REPLICATION", **more: Any
) -> Any:
    return client.create_repository_creation_template(
        prefix=prefix, applied_for=[applied_for], **more
    ).repository_creation_template


def prefixes(client: ECRClient, **asked: Any) -> list[str | None]:
    found = client.describe_repository_creation_templates(**asked)
    return [one.prefix for one in found.repository_creation_templates]


def replicated(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any, name: str
) -> tuple[ECRClient, Any]:
    """Let replication create a repository in the client's region, and return both."""
    source = connect(region="eu-west-1")
    to_client = ReplicationDestination(registry_id="123456789012", region="us-east-1")
    source.put_replication_configuration(
        replication_configuration=ReplicationConfiguration(
            rules=[ReplicationRule(destinations=[to_client])]
        )
    )
    source.create_repository(repository_name=name)
    type(push)(source).image(name, "v1")
    return client, client.describe_repositories(repository_names=[name]).repositories[0]


def test_makes_a_template(client: ECRClient, clock: Any) -> None:
    """A template is returned and described with all its members."""
    response = create(client, **FULL)
    described = client.describe_repository_creation_templates()
    [found] = described.repository_creation_templates

    assert described.registry_id == "123456789012"
    assert response == found
    assert (found.prefix, found.applied_for) == ("team", ("REPLICATION",))
    assert (found.created_at, found.updated_at) == (clock.now, clock.now)
    assert (found.description, found.custom_role_arn) == ("of the team", FULL["custom_role_arn"])
    assert found.encryption_configuration == FULL["encryption_configuration"]
    assert list(found.resource_tags) == FULL["resource_tags"]
    assert list(found.image_tag_mutability_exclusion_filters) == KEEP_DEV
    assert (found.repository_policy, found.lifecycle_policy) == (POLICY, LIFECYCLE)


def test_the_life_of_a_template(client: ECRClient) -> None:
    """A prefix, with or without a slash at its end, has one template until it is deleted."""
    made = create(client, "team/", description="old")
    create(client, "other")
    with pytest.raises(TemplateAlreadyExistsException, match="'team'"):
        create(client, "team")
    gone = client.delete_repository_creation_template(prefix="team").repository_creation_template

    assert made.image_tag_mutability == "MUTABLE"
    assert made.encryption_configuration == Encryption(encryption_type="AES256")
    assert gone == made
    assert prefixes(client, prefixes=["team", "other/"]) == ["other"]
    for call in (
        client.update_repository_creation_template,
        client.delete_repository_creation_template,
    ):
        with pytest.raises(TemplateNotFoundException, match="'team'"):
            call(prefix="team")


def test_changes_a_template(client: ECRClient, clock: Any) -> None:
    """Given members are changed, and the others stay."""
    create(client, **FULL)
    made_at = clock.now
    clock.advance(hours=1)

    changed = client.update_repository_creation_template(
        prefix="team/",
        description="",
        image_tag_mutability="MUTABLE",
        applied_for=["CREATE_ON_PUSH"],
    ).repository_creation_template

    assert changed is not None
    assert (changed.prefix, changed.description) == ("team", "")
    assert (changed.created_at, changed.updated_at) == (made_at, clock.now)
    assert (changed.image_tag_mutability, changed.applied_for) == ("MUTABLE", ("CREATE_ON_PUSH",))
    assert changed.image_tag_mutability_exclusion_filters == ()
    assert changed.lifecycle_policy == LIFECYCLE


@pytest.mark.parametrize(
    ("more", "error", "message"),
    [
        ({"repository_policy": "{}"}, InvalidParameterException, "Invalid repository policy"),
        ({"lifecycle_policy": "{}"}, InvalidParameterException, "missing required properties"),
        (
            {"resource_tags": [Tag(key="aws:x", value="")]},
            InvalidTagParameterException,
            "reserved",
        ),
        (
            {"encryption_configuration": Encryption(encryption_type="AES256", kms_key=KEY)},
            InvalidParameterException,
            "no KMS key",
        ),
        (
            {"image_tag_mutability": "IMMUTABLE_WITH_EXCLUSION"},
            InvalidParameterException,
            "can't be null",
        ),
        (
            {"image_tag_mutability_exclusion_filters": KEEP_DEV},
            InvalidParameterException,
            "not allowed when imageTagMutability is set to MUTABLE",
        ),
        ({"applied_for": "PULL"}, InvalidParameterException, "REPLICATION"),
        ({"prefix": "Team"}, InvalidParameterException, "prefix"),
    ],
)
def test_refuses_templates(
    client: ECRClient, more: dict[str, Any], error: type[Exception], message: str
) -> None:
    """What no repository could be made by is refused, and so is a change to it."""
    with pytest.raises(error, match=message):
        create(client, **more)

    create(client)
    if not {"prefix", "applied_for"} & set(more):
        with pytest.raises(error, match=message):
            client.update_repository_creation_template(prefix="team", **more)


def test_repositories_are_made_by_templates(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any
) -> None:
    """A repository that replication makes has the settings of the template for its prefix."""
    create(client, "team", **FULL)

    here, made = replicated(client, connect, push, "team/app")

    assert made.image_tag_mutability == "IMMUTABLE_WITH_EXCLUSION"
    assert list(made.image_tag_mutability_exclusion_filters) == KEEP_DEV
    assert made.encryption_configuration.kms_key == KEY
    assert list(here.list_tags_for_resource(resource_arn=made.repository_arn).tags) == [
        Tag(key="team", value="a")
    ]
    assert here.get_repository_policy(repository_name="team/app").policy_text == POLICY
    found = here.get_lifecycle_policy(repository_name="team/app").lifecycle_policy_text
    assert json.loads(str(found)) == json.loads(LIFECYCLE)


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("team/app", "KMS"),
        ("team/deep/app", "KMS_DSSE"),
        ("team/deeper", "KMS"),
        ("teams/app", "AES256"),
        ("team", "AES256"),
        ("zoo", "AES256"),
    ],
)
def test_the_longest_prefix_decides(
    client: ECRClient, connect: Callable[..., ECRClient], push: Any, name: str, expected: str
) -> None:
    """A prefix is followed by a slash; ROOT is for what no other prefix fits."""
    for prefix, kind in (("ROOT", "AES256"), ("team", "KMS"), ("team/deep", "KMS_DSSE")):
        create(client, prefix, encryption_configuration=Encryption(encryption_type=kind))
    create(client, "team/deeper", "CREATE_ON_PUSH", image_tag_mutability="IMMUTABLE")

    _, made = replicated(client, connect, push, name)

    assert made.encryption_configuration.encryption_type == expected
    assert made.image_tag_mutability == "MUTABLE"
