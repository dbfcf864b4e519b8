"""Repositories that the registry makes by itself, and the templates that say how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.run_lifecycle import KIND as LIFECYCLE_POLICY
from ecr_client.local.store import tags

if TYPE_CHECKING:
    from ecr_client.local.store import Repository, Scope, Store

#: The kind of document that templates are, by their prefixes without a slash at the end.
KIND = "creation-template"
#: The prefix of the template for all repositories that no other one fits.
ROOT = "ROOT"
#: The kind of document that holds the permission policy of a repository.
REPOSITORY_POLICY = "repository/policy"


def template_for(store: Store, scope: Scope, name: str, reason: str) -> dict[str, Any] | None:
    """Give the template for a repository: the one with the longest prefix, ``ROOT`` last.

    Args:
        store: Where the templates are.
        scope: The registry.
        name: Of the repository.
        reason: ``REPLICATION``, ``PULL_THROUGH_CACHE`` or ``CREATE_ON_PUSH``.
    """
    fitting = {
        0 if prefix == ROOT else len(prefix): template
        for prefix, template in store.documents.list(scope, KIND)
        if reason in template["appliedFor"] and (prefix == ROOT or name.startswith(f"{prefix}/"))
    }
    return fitting[max(fitting)] if fitting else None


def repository_for(store: Store, scope: Scope, name: str, reason: str) -> Repository:
    """Make a repository by its template, or with the defaults if there is none.

    Raises:
        ServiceError: It is there already, or there are too many.
    """
    with store.write():
        template = template_for(store, scope, name, reason) or {}
        encryption = template.get("encryptionConfiguration", {})
        made = store.repositories.create(
            scope,
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
            tags.write(store, scope, name, tags.checked(given))
        for member, kind in (
            ("repositoryPolicy", REPOSITORY_POLICY),
            ("lifecyclePolicy", LIFECYCLE_POLICY),
        ):
            if text := template.get(member):
                store.documents.put(scope, kind, name, text)
    return made
