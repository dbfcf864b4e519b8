"""Tags of repositories, by their ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import invalid_parameter
from ecr_client.local.operations import operation
from ecr_client.local.store import tags
from ecr_client.local.store.repositories import parse_repository_arn

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope


@operation("TagResource")
def tag_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Add tags to a repository; one whose key it has already gets the new value."""
    added = tags.checked(members["tags"])
    scope, name = _repository(context, members["resourceArn"])
    with context.store.write():
        context.store.repositories.require(scope, name)
        tags.write(context.store, scope, name, tags.read(context.store, scope, name) | added)
    return {}


@operation("UntagResource")
def untag_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take tags from a repository; keys that it does not have do not matter."""
    scope, name = _repository(context, members["resourceArn"])
    gone = set(members["tagKeys"])
    with context.store.write():
        context.store.repositories.require(scope, name)
        kept = tags.read(context.store, scope, name).items()
        tags.write(context.store, scope, name, {key: text for key, text in kept if key not in gone})
    return {}


@operation("ListTagsForResource")
def list_tags_for_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the tags of a repository, ordered by key."""
    scope, name = _repository(context, members["resourceArn"])
    context.store.repositories.require(scope, name)
    found = sorted(tags.read(context.store, scope, name).items())
    return {"tags": [{"Key": key, "Value": value} for key, value in found]}


def _repository(context: Context, arn: str) -> tuple[Scope, str]:
    """Give registry and name of the repository that an ARN is about.

    Raises:
        ServiceError: InvalidParameterException.
    """
    found = parse_repository_arn(arn, context.region)
    if found is None:
        raise invalid_parameter("resourceArn", f"Invalid ARN '{arn}'")
    return found
