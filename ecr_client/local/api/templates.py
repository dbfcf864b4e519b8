"""Repository creation templates."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.lifecycle import check_policy
from ecr_client.local.api.policies import check_repository_policy
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation
from ecr_client.local.repository_templates import KIND
from ecr_client.local.store import tags

if TYPE_CHECKING:
    from ecr_client.local.context import Context


@operation("CreateRepositoryCreationTemplate")
def create_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make a template for the repositories below a prefix."""
    scope, prefix = context.registry({}), members["prefix"]
    _check(members)
    now = context.clock().timestamp()
    template = {
        "encryptionConfiguration": {"encryptionType": "AES256"},
        "imageTagMutability": "MUTABLE",
        **members,
        "createdAt": now,
        "updatedAt": now,
    }
    with context.store.write():
        if context.store.documents.get(scope, KIND, prefix) is not None:
            raise ServiceError(
                "TemplateAlreadyExistsException",
                f"The repository creation template with prefix '{prefix}' already exists",
            )
        context.store.documents.put(scope, KIND, prefix, template)
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("UpdateRepositoryCreationTemplate")
def update_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change a template; what is not given stays as it is."""
    scope = context.registry({})
    _check(members)
    with context.store.write():
        template = {
            **_require(context, members["prefix"]),
            **members,
            "updatedAt": context.clock().timestamp(),
        }
        context.store.documents.put(scope, KIND, members["prefix"], template)
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("DeleteRepositoryCreationTemplate")
def delete_template(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a template; repositories that came from it stay."""
    scope = context.registry({})
    with context.store.write():
        template = _require(context, members["prefix"])
        context.store.documents.delete(scope, KIND, members["prefix"])
    return {"registryId": scope.account, "repositoryCreationTemplate": template}


@operation("DescribeRepositoryCreationTemplates")
def describe_templates(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe the templates of the registry in pages, or those of some prefixes."""
    scope, wanted = context.registry({}), members.get("prefixes")
    templates = [
        template
        for prefix, template in context.store.documents.list(scope, KIND)
        if not wanted or prefix in wanted
    ]
    found, more = pages.page_of(context, "DescribeRepositoryCreationTemplates", members, templates)
    return {"registryId": scope.account, "repositoryCreationTemplates": list(found), **more}


def _require(context: Context, prefix: str) -> dict[str, Any]:
    template: dict[str, Any] | None = context.store.documents.get(
        context.registry({}), KIND, prefix
    )
    if template is None:
        raise ServiceError(
            "TemplateNotFoundException",
            f"The repository creation template with prefix '{prefix}' does not exist",
        )
    return template


def _check(members: dict[str, Any]) -> None:
    if members.get("repositoryPolicy"):
        check_repository_policy(members["repositoryPolicy"])
    if members.get("lifecyclePolicy"):
        check_policy(members["lifecyclePolicy"])
    tags.checked(members.get("resourceTags", []))
