"""The principal's registry: tokens, description, account settings, pull time exclusions."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.replication import replication_configuration
from ecr_client.local.errors import ServiceError, invalid_parameter, quota_exceeded
from ecr_client.local.registry import RegistryKey

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Store

_SETTINGS = "account-setting"
_EXCLUSIONS = "pull-time-exclusion"
_MOST_EXCLUSIONS = 100

#: The settings of an account, and their values, the default first.
#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
SETTINGS: dict[str, tuple[str, ...]] = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
}


def account_setting(store: Store, registry: RegistryKey, name: str) -> str:
    """Return the value of an account setting, or its default."""
    return str(store.documents.get(registry, _SETTINGS, name) or SETTINGS[name][0])


def get_authorization_token(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return a token for each named registry, or for the principal's own one.

    All registries share one address here; the token names the registry that is meant, and the
    principal: in the registry of another account, that account's policies decide.
    """
    data = []
    for account in dict.fromkeys(members.get("registryIds") or [context.account]):
        registry = RegistryKey(account, context.region)
        token, expires_at = context.tokens.authorization(registry, context.principal)
        data.append(
            {
                "authorizationToken": token,
                "expiresAt": expires_at,
                "proxyEndpoint": context.address(account),
            }
        )
    return {"authorizationData": data}


def describe_registry(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the registry's id and its replication configuration."""
    registry = context.registry({})
    return {
        "registryId": registry.account,
        "replicationConfiguration": replication_configuration(context.store, registry),
    }


def get_account_setting(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the value of a setting of the principal's account."""
    name = _checked_name(members["name"])
    return {"name": name, "value": account_setting(context.store, context.registry({}), name)}


def put_account_setting(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change a setting of the principal's account."""
    name, value = _checked_name(members["name"]), members["value"]
    if value not in SETTINGS[name]:
        raise invalid_parameter("value", f"{name} must be one of {', '.join(SETTINGS[name])}")
    context.store.documents.put(context.registry({}), _SETTINGS, name, value)
    return {"name": name, "value": value}


def _checked_name(name: str) -> str:
    if name not in SETTINGS:
        raise invalid_parameter("name", f"Setting name must be one of {', '.join(SETTINGS)}")
    return name


def register_pull_time_update_exclusion(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Register a principal whose pulls are not to be recorded.

    This has no effect here: the pulls of all principals are recorded.
    """
    registry, principal = context.registry({}), members["principalArn"]
    created_at = context.clock().timestamp()
    documents = context.store.documents
    with context.store.database.write():
        if documents.get(registry, _EXCLUSIONS, principal) is not None:
            raise ServiceError(
                "ExclusionAlreadyExistsException",
                f"A pull time update exclusion for the principal '{principal}' already exists in"
                f" the registry with id '{registry.account}'",
            )
        if len(documents.list(registry, _EXCLUSIONS)) >= _MOST_EXCLUSIONS:
            raise quota_exceeded(registry.account, "pull time update exclusions", _MOST_EXCLUSIONS)
        documents.put(registry, _EXCLUSIONS, principal, created_at)
    created = datetime.fromtimestamp(created_at, timezone.utc)
    return {"principalArn": principal, "createdAt": created}


def deregister_pull_time_update_exclusion(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Deregister a principal."""
    registry, principal = context.registry({}), members["principalArn"]
    if not context.store.documents.delete(registry, _EXCLUSIONS, principal):
        raise ServiceError(
            "ExclusionNotFoundException",
            f"There is no pull time update exclusion for the principal '{principal}' in the"
            f" registry with id '{registry.account}'",
        )
    return {"principalArn": principal}


def list_pull_time_update_exclusions(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List the principals whose pulls are not to be recorded, in pages."""
    principals = [
        name for name, _ in context.store.documents.list(context.registry({}), _EXCLUSIONS)
    ]
    found, more = pages.page_of(context, "ListPullTimeUpdateExclusions", members, principals)
    return {"pullTimeUpdateExclusions": list(found), **more}
