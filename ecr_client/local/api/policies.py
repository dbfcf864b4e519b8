"""Permission policies of repositories and registries; `permissions` is what applies them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.iam_policy import InvalidPolicyError, denies_everyone, read_policy
from ecr_client.local.operations import operation
from ecr_client.local.permissions import ONLY, REGISTRY_POLICY
from ecr_client.local.repository_templates import REPOSITORY_POLICY

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope


def check_repository_policy(text: str, *, force: bool = True) -> None:
    """Check a policy for a repository.

    Args:
        text: The policy.
        force: Whether it may forbid everybody to ever set another one.

    Raises:
        ServiceError: InvalidParameterException.
    """
    statements = _checked(text, "repository", resource_required=False)
    if not force and denies_everyone(statements, "ecr:SetRepositoryPolicy"):
        raise invalid_parameter(
            "PolicyText",
            "The policy would prevent a further SetRepositoryPolicy; set force to apply it anyway",
        )


@operation("SetRepositoryPolicy")
def set_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give a repository a policy in place of the one that it had."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        context.store.repositories.require(scope, name)
        check_repository_policy(members["policyText"], force=bool(members.get("force")))
        context.store.documents.put(scope, REPOSITORY_POLICY, name, members["policyText"])
    return _repository_answer(scope, name, members["policyText"])


@operation("GetRepositoryPolicy")
def get_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the policy of a repository."""
    scope, name = context.registry(members), members["repositoryName"]
    return _repository_answer(scope, name, _require_of_repository(context, scope, name))


@operation("DeleteRepositoryPolicy")
def delete_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take the policy from a repository, and give what it was."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        text = _require_of_repository(context, scope, name)
        context.store.documents.delete(scope, REPOSITORY_POLICY, name)
    return _repository_answer(scope, name, text)


@operation("PutRegistryPolicy")
def put_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the caller's registry a policy in place of the one that it had."""
    scope, text = context.registry({}), members["policyText"]
    _checked(text, "registry", resource_required=True)
    context.store.documents.put(scope, REGISTRY_POLICY, ONLY, text)
    return {"registryId": scope.account, "policyText": text}


@operation("GetRegistryPolicy")
def get_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the policy of the caller's registry."""
    scope = context.registry({})
    return {"registryId": scope.account, "policyText": _require_of_registry(context, scope)}


@operation("DeleteRegistryPolicy")
def delete_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take the policy from the caller's registry, and give what it was."""
    scope = context.registry({})
    with context.store.write():
        text = _require_of_registry(context, scope)
        context.store.documents.delete(scope, REGISTRY_POLICY, ONLY)
    return {"registryId": scope.account, "policyText": text}


def _checked(text: str, what: str, *, resource_required: bool) -> list[dict[str, Any]]:
    try:
        return read_policy(text, resource_required=resource_required)
    except InvalidPolicyError as error:
        # The service says no more than this; the reason helps whoever has to find the mistake.
        raise invalid_parameter("PolicyText", f"Invalid {what} policy provided") from error


def _require_of_repository(context: Context, scope: Scope, name: str) -> str:
    context.store.repositories.require(scope, name)
    text = context.store.documents.get(scope, REPOSITORY_POLICY, name)
    if text is None:
        raise ServiceError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{name}' in the"
            f" registry with id '{scope.account}'",
        )
    return str(text)


def _require_of_registry(context: Context, scope: Scope) -> str:
    text = context.store.documents.get(scope, REGISTRY_POLICY, ONLY)
    if text is None:
        raise ServiceError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{scope.account}'",
        )
    return str(text)


def _repository_answer(scope: Scope, name: str, text: str) -> dict[str, Any]:
    return {"registryId": scope.account, "repositoryName": name, "policyText": text}
