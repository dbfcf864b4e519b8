"""Repositories that the registry makes by itself, and the templates that say how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from ecr_client.local.store import Repository, Scope, Store

KIND = "creation-template"
ROOT = "ROOT"


def template_for(store: Store, scope: Scope, name: str, reason: str) -> dict[str, Any] | None:
    """Give the template for a repository: the one with the longest prefix, ``ROOT`` last.

    Args:
        store: Where the templates are.
        scope: The registry.
        name: Of the repository.
        reason: ``REPLICATION``, ``PULL_THROUGH_CACHE`` or ``CREATE_ON_PUSH``.
    """
    fitting = {
        prefix: template
        for prefix, template in store.documents.list(scope, KIND)
        if reason in template["appliedFor"]
        and (prefix == ROOT or name == prefix or name.startswith(prefix.rstrip("/") + "/"))
    }
    if not fitting:
        return None
    found: dict[str, Any] = fitting[max(fitting, key=lambda key: -1 if key == ROOT else len(key))]
    return found


def repository_for(store: Store, scope: Scope, name: str, reason: str) -> Repository:
    """Make a repository by its template, or with the defaults if there is none.

    Raises:
        ServiceError: It is there already, or there are too many.
    """
    from ecr_client.local.api.lifecycle import KIND as LIFECYCLE
    from ecr_client.local.api.policies import OF_REPOSITORY
    from ecr_client.local.store import tags

    template = template_for(store, scope, name, reason) or {}
    encryption = template.get("encryptionConfiguration", {})
    with store.write():
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
        if template.get("resourceTags"):
            tags.write(store, scope, name, tags.checked(template["resourceTags"]))
        for member, kind in (("repositoryPolicy", OF_REPOSITORY), ("lifecyclePolicy", LIFECYCLE)):
            if template.get(member):
                store.documents.put(scope, kind, name, template[member])
        return made
