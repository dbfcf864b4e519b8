"""The tags of repositories, by their ARNs."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import invalid_parameter
from ecr_client.local.registry import parse_repository_arn
from ecr_client.local.resource_tags import checked_tags, read_tags, write_tags

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey


def tag_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Add tags to a repository; an existing key gets the new value."""
    added = checked_tags(members["tags"])
    registry, name = _repository(context, members["resourceArn"])
    with context.store.database.write():
        context.store.repositories.require(registry, name)
        tags = read_tags(context.store, registry, name) | added
        write_tags(context.store, registry, name, tags)
    return {}


def untag_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Remove tags from a repository; unknown keys are ignored."""
    registry, name = _repository(context, members["resourceArn"])
    removed = set(members["tagKeys"])
    with context.store.database.write():
        context.store.repositories.require(registry, name)
        tags = read_tags(context.store, registry, name).items()
        kept = {key: text for key, text in tags if key not in removed}
        write_tags(context.store, registry, name, kept)
    return {}


def list_tags_for_resource(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the tags of a repository, ordered by key."""
    registry, name = _repository(context, members["resourceArn"])
    context.store.repositories.require(registry, name)
    found = sorted(read_tags(context.store, registry, name).items())
    return {"tags": [{"Key": key, "Value": value} for key, value in found]}


def _repository(context: Context, arn: str) -> tuple[RegistryKey, str]:
    """Return the registry and the name of the repository that an ARN names.

    Raises:
        ServiceError: InvalidParameterException.
    """
    found = parse_repository_arn(arn, context.region)
    if found is None:
        raise invalid_parameter("resourceArn", f"Invalid ARN '{arn}'")
    return found
