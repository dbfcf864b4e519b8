"""Repositories: creating, deleting and describing them, and two of their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import invalid_parameter
from ecr_client.local.resource_tags import checked_tags, write_tags

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.store import Repository

_WITH_EXCLUSION = ("IMMUTABLE_WITH_EXCLUSION", "MUTABLE_WITH_EXCLUSION")
_FILTERS = "imageTagMutabilityExclusionFilters"
_MOST_FILTERS = 5
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-tag-mutability.html
_MOST_WILDCARDS = 2


def described(context: Context, repository: Repository) -> dict[str, Any]:
    """Return a repository as the API describes it."""
    name = repository.name
    encryption = {"encryptionType": repository.encryption_type}
    if repository.kms_key:
        encryption["kmsKey"] = repository.kms_key
    found: dict[str, Any] = {
        "repositoryArn": repository.arn,
        "registryId": repository.registry.account,
        "repositoryName": name,
        # All registries share one address here: a password names the registry that is meant.
        "repositoryUri": f"{context.address(repository.registry.account)}/{name}".partition("://")[
            2
        ],
        "createdAt": repository.created_at,
        "imageTagMutability": repository.tag_mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": encryption,
    }
    if repository.exclusion_filters:
        found["imageTagMutabilityExclusionFilters"] = filters_described(repository)
    return found


def filters_described(repository: Repository) -> list[dict[str, str]]:
    """Return the exclusion filters of a repository: its tag mutability does not govern them."""
    return [{"filterType": kind, "filter": text} for kind, text in repository.exclusion_filters]


def create_repository(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Create a repository."""
    mutability = members.get("imageTagMutability", "MUTABLE")
    encryption = members.get("encryptionConfiguration", {})
    kind, key = encryption.get("encryptionType", "AES256"), encryption.get("kmsKey")
    if key and kind == "AES256":
        raise invalid_parameter("kmsKey", "AES256 takes no KMS key")
    registry = context.registry(members)
    tags = members.get("tags", [])
    with context.store.database.write():
        made = context.store.repositories.create(
            registry,
            members["repositoryName"],
            tag_mutability=mutability,
            exclusion_filters=_filters(members, mutability),
            scan_on_push=members.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption_type=kind,
            kms_key=key,
        )
        if tags:
            write_tags(context.store, registry, made.name, checked_tags(tags))
    return {"repository": described(context, made)}


def delete_repository(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a repository; one with images only with ``force``."""
    deleted = context.store.repositories.delete(
        context.registry(members), members["repositoryName"], force=members.get("force", False)
    )
    return {"repository": described(context, deleted)}


def describe_repositories(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe all repositories of a registry in pages, or the named ones."""
    registry, store = context.registry(members), context.store.repositories
    names = members.get("repositoryNames")
    if names:
        pages.refuse_with(members, "repositoryNames")
        found: Sequence[Repository] = [store.require(registry, name) for name in names]
        more: dict[str, str] = {}
    else:
        found, more = pages.page(
            context,
            "DescribeRepositories",
            members,
            lambda after, size: store.list(registry, after=after, limit=size),
            lambda repository: repository.name,
        )
    return {"repositories": [described(context, each) for each in found], **more}


def put_image_tag_mutability(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set whether tags of a repository may move."""
    mutability = members["imageTagMutability"]
    changed = context.store.repositories.update(
        context.registry(members),
        members["repositoryName"],
        tag_mutability=mutability,
        exclusion_filters=_filters(members, mutability),
    )
    response = {
        "registryId": changed.registry.account,
        "repositoryName": changed.name,
        "imageTagMutability": changed.tag_mutability,
    }
    if changed.exclusion_filters:
        return {**response, "imageTagMutabilityExclusionFilters": filters_described(changed)}
    return response


def put_image_scanning_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set whether images of a repository are scanned on push."""
    changed = context.store.repositories.update(
        context.registry(members),
        members["repositoryName"],
        scan_on_push=members["imageScanningConfiguration"].get("scanOnPush", False),
    )
    return {
        "registryId": changed.registry.account,
        "repositoryName": changed.name,
        "imageScanningConfiguration": {"scanOnPush": changed.scan_on_push},
    }


def _filters(members: dict[str, Any], mutability: str) -> tuple[tuple[str, str], ...]:
    given = members.get(_FILTERS, [])
    if given and mutability not in _WITH_EXCLUSION:
        raise invalid_parameter(_FILTERS, f"{mutability} takes no exclusion filters")
    if not given and mutability in _WITH_EXCLUSION:
        raise invalid_parameter(_FILTERS, f"{mutability} needs exclusion filters")
    check_exclusion_filters(given)
    return tuple((each["filterType"], each["filter"]) for each in given)


def check_exclusion_filters(filters: Sequence[Mapping[str, str]]) -> None:
    """Check the exclusion filters of a repository or a template.

    Raises:
        ServiceError: InvalidParameterException.
    """
    if len(filters) > _MOST_FILTERS:
        raise invalid_parameter(_FILTERS, f"there may be at most {_MOST_FILTERS} filters")
    for each in filters:
        if each["filter"].count("*") > _MOST_WILDCARDS:
            raise invalid_parameter(
                _FILTERS,
                f"the filter '{each['filter']}' has more than {_MOST_WILDCARDS} wildcards (*)",
            )
