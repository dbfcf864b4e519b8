"""Repositories: making, deleting, describing, and two of their settings."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import invalid_parameter
from ecr_client.local.operations import operation

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
    """Give a repository as the API describes it."""
    name = repository.name
    encryption = {"encryptionType": repository.encryption_type}
    if repository.kms_key:
        encryption["kmsKey"] = repository.kms_key
    found: dict[str, Any] = {
        "repositoryArn": repository.arn,
        "registryId": repository.scope.account,
        "repositoryName": name,
        # All registries have one address here: a password tells which of them is meant.
        "repositoryUri": f"{context.address(repository.scope.account)}/{name}".partition("://")[2],
        "createdAt": repository.created_at,
        "imageTagMutability": repository.tag_mutability,
        "imageScanningConfiguration": {"scanOnPush": repository.scan_on_push},
        "encryptionConfiguration": encryption,
    }
    if repository.exclusion_filters:
        found["imageTagMutabilityExclusionFilters"] = filters_described(repository)
    return found


def filters_described(repository: Repository) -> list[dict[str, str]]:
    """Give the filters of tags that the mutability of a repository does not govern."""
    return [{"filterType": kind, "filter": text} for kind, text in repository.exclusion_filters]


@operation("CreateRepository")
def create_repository(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make a repository."""
    mutability = members.get("imageTagMutability", "MUTABLE")
    encryption = members.get("encryptionConfiguration", {})
    kind, key = encryption.get("encryptionType", "AES256"), encryption.get("kmsKey")
    if key and kind == "AES256":
        raise invalid_parameter("kmsKey", "AES256 takes no KMS key")
    scope = context.registry(members)
    tags = members.get("tags", [])
    with context.store.write():
        made = context.store.repositories.create(
            scope,
            members["repositoryName"],
            tag_mutability=mutability,
            exclusion_filters=_filters(members, mutability),
            scan_on_push=members.get("imageScanningConfiguration", {}).get("scanOnPush", False),
            encryption_type=kind,
            kms_key=key,
        )
        if tags:
            from ecr_client.local.api.tagging import tag_resource

            tag_resource(context, {"resourceArn": made.arn, "tags": tags})
    return {"repository": described(context, made)}


@operation("DeleteRepository")
def delete_repository(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a repository; one with images only by force."""
    gone = context.store.repositories.delete(
        context.registry(members), members["repositoryName"], force=members.get("force", False)
    )
    return {"repository": described(context, gone)}


@operation("DescribeRepositories")
def describe_repositories(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe all repositories of a registry in pages, or those that are named."""
    scope, store = context.registry(members), context.store.repositories
    names = members.get("repositoryNames")
    if names:
        pages.refuse_with(members, "repositoryNames")
        found: Sequence[Repository] = [store.require(scope, name) for name in names]
        more: dict[str, str] = {}
    else:
        found, more = pages.page(
            context,
            "DescribeRepositories",
            members,
            lambda after, size: store.list(scope, after=after, limit=size),
            lambda repository: repository.name,
        )
    return {"repositories": [described(context, each) for each in found], **more}


@operation("PutImageTagMutability")
def put_image_tag_mutability(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say whether tags of a repository may be moved."""
    mutability = members["imageTagMutability"]
    changed = context.store.repositories.update(
        context.registry(members),
        members["repositoryName"],
        tag_mutability=mutability,
        exclusion_filters=_filters(members, mutability),
    )
    answer = {
        "registryId": changed.scope.account,
        "repositoryName": changed.name,
        "imageTagMutability": changed.tag_mutability,
    }
    if changed.exclusion_filters:
        return {**answer, "imageTagMutabilityExclusionFilters": filters_described(changed)}
    return answer


@operation("PutImageScanningConfiguration")
def put_image_scanning_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say whether images of a repository are scanned when they are pushed."""
    changed = context.store.repositories.update(
        context.registry(members),
        members["repositoryName"],
        scan_on_push=members["imageScanningConfiguration"].get("scanOnPush", False),
    )
    return {
        "registryId": changed.scope.account,
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
    """Check the filters of tags that the mutability of a repository does not govern.

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
