"""Replication to other registries of this server.

An image is copied before the response to its push, so that no test has to wait for it; the same
goes for deletions, where a rule replicates them. The registry policy of another account must allow
the source ``ecr:ReplicateImage``, and ``ecr:CreateRepository`` where the repository does not exist
yet. What a lifecycle policy deletes is not deleted elsewhere.
"""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, Any

from ecr_client.local.api.image_ids import require_image, response_image_id
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.registry import RegistryKey, known_regions
from ecr_client.local.repository_templates import repository_for
from ecr_client.local.store import ImageRefusedError

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Store, StoredImage

logger: logging.Logger = logging.getLogger("ecr_client.local")

_KIND = "replication-configuration"
_ONLY = ""
#: "A replication configuration may contain up to 25 unique destinations across all rules."
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication.html
_MOST_DESTINATIONS = 25


def replication_configuration(store: Store, registry: RegistryKey) -> dict[str, Any]:
    """Return the replication configuration of a registry, in the form of the API."""
    return store.documents.get(registry, _KIND, _ONLY) or {"rules": []}


def put_replication_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set how the principal's registry replicates new pushes; existing images are not copied."""
    registry, configuration = context.registry({}), members["replicationConfiguration"]
    destinations = {
        RegistryKey(one["registryId"], one["region"])
        for rule in configuration["rules"]
        for one in rule["destinations"]
    }
    if registry in destinations:
        raise _refused("Replication destination cannot be the same as the source registry")
    # The region of the server may be a made-up one.
    regions = {registry.region, *known_regions(registry.region)}
    for destination in sorted(destinations):
        if destination.region not in regions:
            raise _refused(f"Invalid region '{destination.region}'")
    if len(destinations) > _MOST_DESTINATIONS:
        raise _refused(f"There are at most {_MOST_DESTINATIONS} unique destinations in all rules")
    context.store.documents.put(registry, _KIND, _ONLY, configuration)
    return {"replicationConfiguration": configuration}


def describe_image_replication_status(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return for every destination of an image whether it was copied there."""
    registry, name = context.registry(members), members["repositoryName"]
    image = require_image(context, registry, members)
    return {
        "repositoryName": name,
        "imageId": response_image_id(image, members),
        "replicationStatuses": [
            {
                "region": destination.region,
                "registryId": destination.account,
                **_status(context.store, destination, name, image),
            }
            for destination in destinations(context.store, registry, name)
        ],
    }


def _status(
    store: Store, destination: RegistryKey, repository: str, image: StoredImage
) -> dict[str, str]:
    exists = store.repositories.get(destination, repository) is not None
    if exists and store.images.get(destination, repository, digest=image.digest) is not None:
        return {"status": "COMPLETE"}
    return {"status": "FAILED", "failureCode": "NOT_REPLICATED"}


def replicate(context: Context, registry: RegistryKey, repository: str, image: StoredImage) -> None:
    """Copy a pushed image to every destination of its repository."""
    store = context.store
    for destination in destinations(store, registry, repository):
        try:
            with store.database.write():
                check = context.permissions.check_replication
                check(registry, destination, repository, "ReplicateImage")
                if store.repositories.get(destination, repository) is None:
                    check(registry, destination, repository, "CreateRepository")
                    repository_for(store, destination, repository, "REPLICATION")
                _copy(store, registry, destination, repository, image)
        except ServiceError as error:
            # The push succeeds nevertheless; DescribeImageReplicationStatus reports the failure.
            logger.warning("%s was not replicated to %s: %s", repository, destination, error)


def replicate_deletion(
    context: Context, registry: RegistryKey, repository: str, deleted: list[tuple[str, str | None]]
) -> None:
    """Delete the same images and tags at the destinations where a rule says so."""
    store = context.store
    for destination in destinations(store, registry, repository, deletions=True):
        for digest, tag in deleted:
            # An image that still exists has only lost this tag.
            kept = store.images.get(registry, repository, digest=digest) is not None
            try:
                context.permissions.check_replication(
                    registry, destination, repository, "ReplicateImage"
                )
                store.images.delete(
                    destination, repository, tag=tag if kept else None, digest=digest
                )
            except (ImageRefusedError, ServiceError) as error:
                logger.info("%s was not deleted from %s: %s", repository, destination, error)


def destinations(
    store: Store, registry: RegistryKey, repository: str | None = None, *, deletions: bool = False
) -> list[RegistryKey]:
    """Return the destinations of a repository.

    Args:
        store: The store that holds the configuration.
        registry: The registry.
        repository: The repository's name; None for the destinations of all rules.
        deletions: Whether to return only those that deletions are replicated to.
    """
    found = {
        RegistryKey(one["registryId"], one["region"])
        for rule in replication_configuration(store, registry)["rules"]
        if (repository is None or _applies(rule, repository))
        and (not deletions or rule.get("deleteReplication", {}).get("enabled"))
        for one in rule["destinations"]
    }
    return sorted(found)


def _applies(rule: dict[str, Any], repository: str) -> bool:
    filters = rule.get("repositoryFilters")
    return not filters or any(repository.startswith(one["filter"]) for one in filters)


def _copy(
    store: Store, source: RegistryKey, target: RegistryKey, repository: str, image: StoredImage
) -> None:
    for digest in image.platform_children:
        child = store.images.get(source, repository, digest=digest)
        if child is not None:
            _copy(store, source, target, repository, child)
    for tag in image.tags or (None,):
        try:
            _put(store, source, target, repository, image, tag)
        except ServiceError as error:
            # An immutable tag of the destination does not move; the other tags are copied.
            if error.code != "ImageTagAlreadyExistsException":
                raise


def copy_image(
    store: Store,
    source: RegistryKey,
    target: RegistryKey,
    repository: str,
    image: StoredImage,
    tag: str | None,
) -> None:
    """Copy an image under one tag or none, and the images that it lists without tags.

    Raises:
        ServiceError: The image cannot be copied. An existing image is not an error.
    """
    for digest in image.platform_children:
        if child := store.images.get(source, repository, digest=digest):
            copy_image(store, source, target, repository, child, None)
    _put(store, source, target, repository, image, tag)


def _put(
    store: Store,
    source: RegistryKey,
    target: RegistryKey,
    repository: str,
    image: StoredImage,
    tag: str | None,
) -> None:
    for layer in store.layers.of_image(source, repository, image.digest):
        store.layers.add(target, repository, layer.digest, layer.size, layer.media_type)
    manifest = store.images.manifest(image)
    try:
        store.images.put(target, repository, manifest, image.media_type, tag, image.digest)
    except ServiceError as error:
        if error.code != "ImageAlreadyExistsException":
            raise


def _refused(why: str) -> ServiceError:
    return invalid_parameter("replicationConfiguration", why)
