"""Replication to other registries of this server: what is pushed to one is copied to the others.

A copy is made while the push is answered, so no test has to wait for it; the same goes for
deletions, where a rule replicates them. The registry policy of another account has to allow its
source ``ecr:ReplicateImage``, and ``ecr:CreateRepository`` where the repository does not exist yet.
What a lifecycle policy deletes is not deleted elsewhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_client.local import hooks
from ecr_client.local.api.image_ids import answered_id, require_image
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import operation
from ecr_client.local.repository_templates import repository_for
from ecr_client.local.store import ImageRefusedError, Scope
from ecr_client.local.store.repositories import known_regions, partition_of

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Store, StoredImage

logger = logging.getLogger("ecr_client.local")

_KIND = "replication-configuration"
_ONLY = ""
#: "A replication configuration may contain up to 25 unique destinations across all rules."
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
_MOST_DESTINATIONS = 25


def replication_configuration(store: Store, scope: Scope) -> dict[str, Any]:
    """Give how a registry replicates, in the form of the API."""
    return store.documents.get(scope, _KIND, _ONLY) or {"rules": []}


@operation("PutReplicationConfiguration")
def put_replication_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say how the caller's registry replicates from now on; what is there already is not copied."""
    scope, configuration = context.registry({}), members["replicationConfiguration"]
    destinations = {
        Scope(one["registryId"], one["region"])
        for rule in configuration["rules"]
        for one in rule["destinations"]
    }
    if scope in destinations:
        raise _refused("Replication destination cannot be the same as the source registry")
    # The region of the server may be a made-up one.
    regions = {scope.region, *known_regions(partition_of(scope.region))}
    for destination in sorted(destinations):
        if destination.region not in regions:
            raise _refused(f"Invalid region '{destination.region}'")
    if len(destinations) > _MOST_DESTINATIONS:
        raise _refused(f"There are at most {_MOST_DESTINATIONS} unique destinations in all rules")
    context.store.documents.put(scope, _KIND, _ONLY, configuration)
    return {"replicationConfiguration": configuration}


@operation("DescribeImageReplicationStatus")
def describe_image_replication_status(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Tell of every destination of an image whether it is there."""
    scope, name = context.registry(members), members["repositoryName"]
    image = require_image(context, scope, members)
    return {
        "repositoryName": name,
        "imageId": answered_id(image, members),
        "replicationStatuses": [
            {
                "region": destination.region,
                "registryId": destination.account,
                **_status(context.store, destination, name, image),
            }
            for destination in destinations(context.store, scope, name)
        ],
    }


def _status(
    store: Store, destination: Scope, repository: str, image: StoredImage
) -> dict[str, str]:
    there = store.repositories.get(destination, repository) is not None
    if there and store.images.get(destination, repository, digest=image.digest) is not None:
        return {"status": "COMPLETE"}
    return {"status": "FAILED", "failureCode": "NOT_REPLICATED"}


@hooks.on_push
def replicate(context: Context, scope: Scope, repository: str, image: StoredImage) -> None:
    """Copy an image that was pushed to every destination of its repository."""
    store = context.store
    for destination in destinations(store, scope, repository):
        try:
            with store.write():
                check = context.permissions.check_replication
                check(scope, destination, repository, "ReplicateImage")
                if store.repositories.get(destination, repository) is None:
                    check(scope, destination, repository, "CreateRepository")
                    repository_for(store, destination, repository, "REPLICATION")
                _copy(store, scope, destination, repository, image)
        except ServiceError as error:
            # The push has succeeded all the same; DescribeImageReplicationStatus tells the rest.
            logger.warning("%s is not replicated to %s: %s", repository, destination, error)


@hooks.on_delete
def replicate_deletion(
    context: Context, scope: Scope, repository: str, gone: list[tuple[str, str | None]]
) -> None:
    """Delete the same image, or the same tag of it, at the destinations where a rule says so."""
    store = context.store
    for destination in destinations(store, scope, repository, deletions=True):
        for digest, tag in gone:
            # An image that is still there has only lost this tag.
            kept = store.images.get(scope, repository, digest=digest) is not None
            try:
                context.permissions.check_replication(
                    scope, destination, repository, "ReplicateImage"
                )
                store.images.delete(
                    destination, repository, tag=tag if kept else None, digest=digest
                )
            except (ImageRefusedError, ServiceError) as error:
                logger.info("%s is not deleted from %s: %s", repository, destination, error)


def destinations(
    store: Store, scope: Scope, repository: str | None = None, *, deletions: bool = False
) -> list[Scope]:
    """Return where a repository is replicated to, or where its deletions are, too.

    Args:
        store: Where the configuration is.
        scope: The registry.
        repository: The repository's name; None for the destinations of all rules.
        deletions: Only where rules replicate deletions as well.
    """
    found = {
        Scope(one["registryId"], one["region"])
        for rule in replication_configuration(store, scope)["rules"]
        if (repository is None or _applies(rule, repository))
        and (not deletions or rule.get("deleteReplication", {}).get("enabled"))
        for one in rule["destinations"]
    }
    return sorted(found)


def _applies(rule: dict[str, Any], repository: str) -> bool:
    filters = rule.get("repositoryFilters")
    return not filters or any(repository.startswith(one["filter"]) for one in filters)


def _copy(store: Store, source: Scope, target: Scope, repository: str, image: StoredImage) -> None:
    for digest in image.platform_children:
        child = store.images.get(source, repository, digest=digest)
        if child is not None:
            _copy(store, source, target, repository, child)
    for tag in image.tags or (None,):
        try:
            _put(store, source, target, repository, image, tag)
        except ServiceError as error:
            # An immutable tag of the destination stays where it is; the image is there anyway.
            if error.code != "ImageTagAlreadyExistsException":
                raise


def copy_image(
    store: Store,
    source: Scope,
    target: Scope,
    repository: str,
    image: StoredImage,
    tag: str | None,
) -> None:
    """Copy an image under one tag or none, and what it lists without tags.

    Raises:
        ServiceError: What stands in the way; an image that is there already does not.
    """
    for digest in image.platform_children:
        if child := store.images.get(source, repository, digest=digest):
            copy_image(store, source, target, repository, child, None)
    _put(store, source, target, repository, image, tag)


def _put(
    store: Store,
    source: Scope,
    target: Scope,
    repository: str,
    image: StoredImage,
    tag: str | None,
) -> None:
    for layer in store.layers.of_image(source, repository, image.digest):
        store.layers.add(target, repository, layer.digest, layer.size, layer.media_type)
    try:
        store.images.put(target, repository, image.manifest, image.media_type, tag, image.digest)
    except ServiceError as error:
        if error.code != "ImageAlreadyExistsException":
            raise


def _refused(why: str) -> ServiceError:
    return invalid_parameter("replicationConfiguration", why)
