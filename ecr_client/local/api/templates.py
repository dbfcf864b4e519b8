"""Repository creation templates. What applies them is `ecr_client.local.repository_templates`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.lifecycle import check_policy
from ecr_client.local.api.policies import check_repository_policy
from ecr_client.local.api.repositories import check_exclusion_filters
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import operation
from ecr_client.local.repository_templates import KIND
from ecr_client.local.store import tags

if TYPE_CHECKING:
    from ecr_client.local.context import Context

#: The quota "Repository creation templates".
_MOST_TEMPLATES = 50
_FILTERS = "imageTagMutabilityExclusionFilters"


@operation("CreateRepositoryCreationTemplate")
def create_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make a template for the repositories below a prefix."""
    scope, prefix = context.registry({}), _prefix(members)
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
    with context.store.write():
        if context.store.documents.get(scope, KIND, prefix) is not None:
            raise ServiceError(
                "TemplateAlreadyExistsException",
                f"The repository creation template with the prefix '{prefix}' already exists in the"
                f" registry with id '{scope.account}'",
            )
        if len(context.store.documents.list(scope, KIND)) >= _MOST_TEMPLATES:
            raise ServiceError(
                "LimitExceededException",
                f"The registry with id '{scope.account}' already has the maximum number of"
                f" repository creation templates: {_MOST_TEMPLATES}",
            )
        context.store.documents.put(scope, KIND, prefix, template)
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("UpdateRepositoryCreationTemplate")
def update_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change a template; what is not given stays as it is."""
    scope, prefix = context.registry({}), _prefix(members)
    with context.store.write():
        known = _require(context, prefix)
        if "imageTagMutability" in members:  # filters go with the setting that they belong to
            known.pop(_FILTERS, None)
        template = _checked(
            {**known, **members, "prefix": prefix, "updatedAt": context.clock().timestamp()}
        )
        context.store.documents.put(scope, KIND, prefix, template)
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("DeleteRepositoryCreationTemplate")
def delete_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a template, and give what it was; repositories that came from it stay."""
    scope, prefix = context.registry({}), _prefix(members)
    with context.store.write():
        template = _require(context, prefix)
        context.store.documents.delete(scope, KIND, prefix)
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("DescribeRepositoryCreationTemplates")
def describe_templates(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe the templates of the registry in pages, or those of some prefixes.

    Prefixes without a template are passed over: this operation has no error for them.
    """
    scope = context.registry({})
    wanted = {prefix.removesuffix("/") for prefix in members.get("prefixes", [])}
    templates = [
        template
        for prefix, template in context.store.documents.list(scope, KIND)
        if not wanted or prefix in wanted
    ]
    found, more = pages.page_of(context, "DescribeRepositoryCreationTemplates", members, templates)
    return {"registryId": scope.account, "repositoryCreationTemplates": list(found), **more}


def _prefix(members: dict[str, Any]) -> str:
    """Give the prefix in one form: "There is always an assumed / applied to the end"."""
    return str(members["prefix"]).removesuffix("/")


def _require(context: Context, prefix: str) -> dict[str, Any]:
    scope = context.registry({})
    template: dict[str, Any] | None = context.store.documents.get(scope, KIND, prefix)
    if template is None:
        raise ServiceError(
            "TemplateNotFoundException",
            f"The repository creation template with the prefix '{prefix}' does not exist in the"
            f" registry with id '{scope.account}'",
        )
    return template


def _checked(template: dict[str, Any]) -> dict[str, Any]:
    """Give the template if repositories can be made by it.

    Raises:
        ServiceError: InvalidParameterException or InvalidTagParameterException.
    """
    if template.get("repositoryPolicy"):
        check_repository_policy(template["repositoryPolicy"])
    if template.get("lifecyclePolicy"):
        check_policy(template["lifecyclePolicy"])
    tags.checked(template.get("resourceTags", []))
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
