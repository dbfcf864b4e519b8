"""Permission policies of repositories and registries; `permissions` evaluates them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.iam_policy import InvalidPolicyError, denies_everyone, read_policy
from ecr_client.local.permissions import ONLY, REGISTRY_POLICY, REPOSITORY_POLICY

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey


def check_repository_policy(text: str, *, force: bool = True) -> None:
    """Check a policy for a repository.

    Args:
        text: The policy.
        force: Whether it may deny everybody the right to set another one.

    Raises:
        ServiceError: InvalidParameterException.
    """
    statements = _checked(text, "repository", resource_required=False)
    if not force and denies_everyone(statements, "ecr:SetRepositoryPolicy"):
        raise invalid_parameter(
            "PolicyText",
            "The policy would prevent a further SetRepositoryPolicy; set force to apply it anyway",
        )


def set_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set the policy of a repository, replacing an earlier one."""
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        context.store.repositories.require(registry, name)
        check_repository_policy(members["policyText"], force=bool(members.get("force")))
        context.store.documents.put(registry, REPOSITORY_POLICY, name, members["policyText"])
    return _repository_response(registry, name, members["policyText"])


def get_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of a repository."""
    registry, name = context.registry(members), members["repositoryName"]
    return _repository_response(registry, name, _require_of_repository(context, registry, name))


def delete_repository_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete the policy of a repository, and return what it was."""
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        text = _require_of_repository(context, registry, name)
        context.store.documents.delete(registry, REPOSITORY_POLICY, name)
    return _repository_response(registry, name, text)


def put_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set the policy of the principal's registry, replacing an earlier one."""
    registry, text = context.registry({}), members["policyText"]
    _checked(text, "registry", resource_required=True)
    context.store.documents.put(registry, REGISTRY_POLICY, ONLY, text)
    return {"registryId": registry.account, "policyText": text}


def get_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of the principal's registry."""
    registry = context.registry({})
    return {"registryId": registry.account, "policyText": _require_of_registry(context, registry)}


def delete_registry_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete the policy of the principal's registry, and return what it was."""
    registry = context.registry({})
    with context.store.database.write():
        text = _require_of_registry(context, registry)
        context.store.documents.delete(registry, REGISTRY_POLICY, ONLY)
    return {"registryId": registry.account, "policyText": text}


def _checked(text: str, what: str, *, resource_required: bool) -> list[dict[str, Any]]:
    try:
        return read_policy(text, resource_required=resource_required)
    except InvalidPolicyError as error:
        # The service's message says no more; the cause helps whoever looks for the mistake.
        raise invalid_parameter("PolicyText", f"Invalid {what} policy provided") from error


def _require_of_repository(context: Context, registry: RegistryKey, name: str) -> str:
    context.store.repositories.require(registry, name)
    text = context.store.documents.get(registry, REPOSITORY_POLICY, name)
    if text is None:
        raise ServiceError(
            "RepositoryPolicyNotFoundException",
            f"Repository policy does not exist for the repository with name '{name}' in the"
            f" registry with id '{registry.account}'",
        )
    return str(text)


def _require_of_registry(context: Context, registry: RegistryKey) -> str:
    text = context.store.documents.get(registry, REGISTRY_POLICY, ONLY)
    if text is None:
        raise ServiceError(
            "RegistryPolicyNotFoundException",
            f"Registry policy does not exist in the registry with id '{registry.account}'",
        )
    return str(text)


def _repository_response(registry: RegistryKey, name: str, text: str) -> dict[str, Any]:
    return {"registryId": registry.account, "repositoryName": name, "policyText": text}
