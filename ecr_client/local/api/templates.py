"""Repository creation templates. `ecr_client.local.repository_templates` applies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.lifecycle import check_policy
from ecr_client.local.api.policies import check_repository_policy
from ecr_client.local.api.repositories import check_exclusion_filters
from ecr_client.local.errors import ServiceError, invalid_parameter, quota_exceeded
from ecr_client.local.repository_templates import KIND
from ecr_client.local.resource_tags import checked_tags

if TYPE_CHECKING:
    from ecr_client.local.context import Context

#: The quota "Repository creation templates".
_MOST_TEMPLATES = 50
_FILTERS = "imageTagMutabilityExclusionFilters"


def create_repository_creation_template(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Create a template for the repositories below a prefix."""
    registry, prefix = context.registry({}), _prefix(members)
    now = context.clock().timestamp()
    template = _checked(
        {
            "encryptionConfiguration": {"encryptionType": "AES256"},
            "imageTagMutability": "MUTABLE",
            **members,
            "prefix": prefix,
            "createdAt": now,
            "updatedAt": now,
        }
    )
    with context.store.database.write():
        if context.store.documents.get(registry, KIND, prefix) is not None:
            raise ServiceError(
                "TemplateAlreadyExistsException",
                f"The repository creation template with the prefix '{prefix}' already exists in the"
                f" registry with id '{registry.account}'",
            )
        if len(context.store.documents.list(registry, KIND)) >= _MOST_TEMPLATES:
            raise quota_exceeded(registry.account, "repository creation templates", _MOST_TEMPLATES)
        context.store.documents.put(registry, KIND, prefix, template)
    return {"registryId": registry.account, "repositoryCreationTemplate": template}


def update_repository_creation_template(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Change a template; members that are not given stay as they are."""
    registry, prefix = context.registry({}), _prefix(members)
    with context.store.database.write():
        known = _require(context, prefix)
        if "imageTagMutability" in members:  # filters go with the setting that they belong to
            known.pop(_FILTERS, None)
        template = _checked(
            {**known, **members, "prefix": prefix, "updatedAt": context.clock().timestamp()}
        )
        context.store.documents.put(registry, KIND, prefix, template)
    return {"registryId": registry.account, "repositoryCreationTemplate": template}


def delete_repository_creation_template(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Delete a template, and return what it was; repositories created by it remain."""
    registry, prefix = context.registry({}), _prefix(members)
    with context.store.database.write():
        template = _require(context, prefix)
        context.store.documents.delete(registry, KIND, prefix)
    return {"registryId": registry.account, "repositoryCreationTemplate": template}


def describe_repository_creation_templates(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Describe the templates of the registry in pages, or those of some prefixes.

    Prefixes without a template are ignored: this operation has no error for them.
    """
    registry = context.registry({})
    wanted = {prefix.removesuffix("/") for prefix in members.get("prefixes", [])}
    templates = [
        template
        for prefix, template in context.store.documents.list(registry, KIND)
        if not wanted or prefix in wanted
    ]
    found, more = pages.page_of(context, "DescribeRepositoryCreationTemplates", members, templates)
    return {"registryId": registry.account, "repositoryCreationTemplates": list(found), **more}


def _prefix(members: dict[str, Any]) -> str:
    """Return the prefix in one form: "There is always an assumed / applied to the end"."""
    return str(members["prefix"]).removesuffix("/")


def _require(context: Context, prefix: str) -> dict[str, Any]:
    registry = context.registry({})
    template: dict[str, Any] | None = context.store.documents.get(registry, KIND, prefix)
    if template is None:
        raise ServiceError(
            "TemplateNotFoundException",
            f"The repository creation template with the prefix '{prefix}' does not exist in the"
            f" registry with id '{registry.account}'",
        )
    return template


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    """Return a template after checking that repositories can be created by it.

    Raises:
        ServiceError: InvalidParameterException or InvalidTagParameterException.
    """
    if template.get("repositoryPolicy"):
        check_repository_policy(template["repositoryPolicy"])
    if template.get("lifecyclePolicy"):
        check_policy(template["lifecyclePolicy"])
    checked_tags(template.get("resourceTags", []))
    encryption = template["encryptionConfiguration"]
    if encryption["encryptionType"] == "AES256" and encryption.get("kmsKey"):
        raise invalid_parameter("encryptionConfiguration", "AES256 takes no KMS key")
    mutability = template["imageTagMutability"]
    if mutability.endswith("_WITH_EXCLUSION") != bool(template.get(_FILTERS)):
        verb = "are not allowed" if template.get(_FILTERS) else "can't be null"
        raise invalid_parameter(
            _FILTERS, f"{_FILTERS} {verb} when imageTagMutability is set to {mutability}"
        )
    check_exclusion_filters(template.get(_FILTERS, []))
    return template
