"""Repositories that the registry creates by itself, and the templates that they are created by."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.permissions import REPOSITORY_POLICY
from ecr_client.local.resource_tags import checked_tags, write_tags
from ecr_client.local.run_lifecycle import KIND as LIFECYCLE_POLICY

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import Repository, Store

#: The kind of the documents of templates, by their prefixes without a slash at the end.
KIND = "creation-template"
#: The prefix of the template for all repositories that no other one matches.
ROOT = "ROOT"


def template_for(
    store: Store, registry: RegistryKey, name: str, reason: str
) -> dict[str, Any] | None:
    """Return the template for a repository: the one with the longest prefix, ``ROOT`` last.

    Args:
        store: The store that holds the templates.
        registry: The registry.
        name: The repository's name.
        reason: ``REPLICATION``, ``PULL_THROUGH_CACHE`` or ``CREATE_ON_PUSH``.
    """
    matching = {
        0 if prefix == ROOT else len(prefix): template
        for prefix, template in store.documents.list(registry, KIND)
        if reason in template["appliedFor"] and (prefix == ROOT or name.startswith(f"{prefix}/"))
    }
    return matching[max(matching)] if matching else None


def repository_for(store: Store, registry: RegistryKey, name: str, reason: str) -> Repository:
    """Create a repository by its template, or with the defaults if there is none.

    Raises:
        ServiceError: RepositoryAlreadyExistsException or LimitExceededException.
    """
    with store.database.write():
        template = template_for(store, registry, name, reason) or {}
        encryption = template.get("encryptionConfiguration", {})
        made = store.repositories.create(
            registry,
            name,
            tag_mutability=template.get("imageTagMutability", "MUTABLE"),
            exclusion_filters=tuple(
                (each["filterType"], each["filter"])
                for each in template.get("imageTagMutabilityExclusionFilters", [])
            ),
            encryption_type=encryption.get("encryptionType", "AES256"),
            kms_key=encryption.get("kmsKey"),
        )
        if given := template.get("resourceTags"):
            write_tags(store, registry, name, checked_tags(given))
        for member, kind in (
            ("repositoryPolicy", REPOSITORY_POLICY),
            ("lifecyclePolicy", LIFECYCLE_POLICY),
        ):
            if text := template.get(member):
                store.documents.put(registry, kind, name, text)
    return made


def create_on_push(context: Context, registry: RegistryKey, name: str) -> None:
    """Create a missing repository that is pushed to, if a template for pushes matches its name.

    Raises:
        ServiceError: RepositoryNotFoundException, LimitExceededException, AccessDeniedException.
    """
    store, reason = context.store, "CREATE_ON_PUSH"
    if store.repositories.get(registry, name) is not None:
        return
    with store.database.write():
        # Meanwhile another push may have created it, or somebody deleted the template.
        missing = store.repositories.get(registry, name) is None
        if missing and template_for(store, registry, name, reason) is not None:
            context.permissions.check(context.principal, registry, name, "CreateRepository")
            repository_for(store, registry, name, reason)
    store.repositories.require(registry, name)
