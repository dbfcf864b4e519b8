"""The caller's registry: its description, account settings, and whose pulls are not recorded."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.replication import replication_configuration
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import operation

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope, Store

_SETTINGS = "account-setting"
_EXCLUSIONS = "pull-time-exclusion"
_MOST_EXCLUSIONS = 100

#: The settings of an account: what each may be, its default first.
#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_PutAccountSetting.html
SETTINGS = {
    "BASIC_SCAN_TYPE_VERSION": ("AWS_NATIVE",),
    "REGISTRY_POLICY_SCOPE": ("V2",),
    "BLOB_MOUNTING": ("DISABLED", "ENABLED"),
}


def account_setting(store: Store, scope: Scope, name: str) -> str:
    """Give the value of an account setting: what was put, or the default."""
    return str(store.documents.get(scope, _SETTINGS, name) or SETTINGS[name][0])


@operation("DescribeRegistry")
def describe_registry(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the registry's identifier and how it replicates."""
    scope = context.registry({})
    return {
        "registryId": scope.account,
        "replicationConfiguration": replication_configuration(context.store, scope),
    }


@operation("GetAccountSetting")
def get_account_setting(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the value of a setting of the caller's account."""
    name = _checked_name(members["name"])
    return {"name": name, "value": account_setting(context.store, context.registry({}), name)}


@operation("PutAccountSetting")
def put_account_setting(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change a setting of the caller's account."""
    name, value = _checked_name(members["name"]), members["value"]
    if value not in SETTINGS[name]:
        raise invalid_parameter("value", f"{name} must be one of {', '.join(SETTINGS[name])}")
    context.store.documents.put(context.registry({}), _SETTINGS, name, value)
    return {"name": name, "value": value}


def _checked_name(name: str) -> str:
    if name not in SETTINGS:
        raise invalid_parameter("name", f"Setting name must be one of {', '.join(SETTINGS)}")
    return name


@operation("RegisterPullTimeUpdateExclusion")
def register_exclusion(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Note a principal whose pulls are not to be recorded.

    The list has no effect here: the pulls of all principals are recorded.
    """
    scope, principal = context.registry({}), members["principalArn"]
    created_at = context.clock().timestamp()
    documents = context.store.documents
    with context.store.write():
        if documents.get(scope, _EXCLUSIONS, principal) is not None:
            raise ServiceError(
                "ExclusionAlreadyExistsException",
                f"A pull time update exclusion for the principal '{principal}' already exists in"
                f" the registry with id '{scope.account}'",
            )
        if len(documents.list(scope, _EXCLUSIONS)) >= _MOST_EXCLUSIONS:
            raise ServiceError(
                "LimitExceededException",
                f"The registry with id '{scope.account}' already has the maximum number of pull"
                f" time update exclusions: {_MOST_EXCLUSIONS}",
            )
        documents.put(scope, _EXCLUSIONS, principal, created_at)
    created = datetime.fromtimestamp(created_at, timezone.utc)
    return {"principalArn": principal, "createdAt": created}


@operation("DeregisterPullTimeUpdateExclusion")
def deregister_exclusion(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take a principal off the list."""
    scope, principal = context.registry({}), members["principalArn"]
    if not context.store.documents.delete(scope, _EXCLUSIONS, principal):
        raise ServiceError(
            "ExclusionNotFoundException",
            f"There is no pull time update exclusion for the principal '{principal}' in the"
            f" registry with id '{scope.account}'",
        )
    return {"principalArn": principal}


@operation("ListPullTimeUpdateExclusions")
def list_exclusions(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List the principals whose pulls are not to be recorded, in pages."""
    principals = [
        name for name, _ in context.store.documents.list(context.registry({}), _EXCLUSIONS)
    ]
    found, more = pages.page_of(context, "ListPullTimeUpdateExclusions", members, principals)
    return {"pullTimeUpdateExclusions": list(found), **more}
