"""Which repositories are scanned, how, and when."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import operation
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Repository, Scope, Store

BASIC = "BASIC"
ENHANCED = "ENHANCED"
_KIND = "scanning-configuration"
_ONLY = ""
#: How often each type of scanning can scan.
_FREQUENCIES = {
    BASIC: ("SCAN_ON_PUSH", "MANUAL"),
    ENHANCED: ("CONTINUOUS_SCAN", "SCAN_ON_PUSH"),
}


def scan_type(store: Store, scope: Scope) -> str:
    """Give the type of scanning of a registry."""
    return str(_configuration(store, scope)["scanType"])


def scan_frequency(store: Store, repository: Repository) -> str:
    """Give how often images of a repository are scanned; of several rules the most often."""
    frequencies = {rule["scanFrequency"] for rule, _ in _applied(store, repository)}
    # Enhanced scanning looks at the registry's rules only, not at the repository's own setting.
    if repository.scan_on_push and scan_type(store, repository.scope) == BASIC:
        frequencies.add("SCAN_ON_PUSH")
    order = ("CONTINUOUS_SCAN", "SCAN_ON_PUSH")
    return next((each for each in order if each in frequencies), "MANUAL")


@operation("PutRegistryScanningConfiguration")
def put_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say how the repositories of the caller's registry are scanned."""
    kind, rules = members.get("scanType", BASIC), members.get("rules", [])
    frequencies = [rule["scanFrequency"] for rule in rules]
    for frequency in frequencies:
        if frequency not in _FREQUENCIES[kind]:
            raise _refused(f"Invalid scan frequency for scanType {kind}: {frequency}")
        if frequencies.count(frequency) > 1:
            raise _refused(f"Invalid input. Contains duplicate scan frequencies: [{frequency}]")
    configuration = {"scanType": kind, "rules": rules}
    context.store.documents.put(context.registry({}), _KIND, _ONLY, configuration)
    return {"registryScanningConfiguration": configuration}


@operation("GetRegistryScanningConfiguration")
def get_configuration(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give how the repositories of the caller's registry are scanned."""
    scope = context.registry({})
    configuration = _configuration(context.store, scope)
    return {"registryId": scope.account, "scanningConfiguration": configuration}


@operation("BatchGetRepositoryScanningConfiguration")
def describe_repositories(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Tell how some repositories are scanned; those that are not there are among the failures."""
    scope = context.registry({})
    found, failures = [], []
    for name in members["repositoryNames"]:
        repository = context.store.repositories.get(scope, name)
        if repository is None:
            failures.append(
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": f"The repository with name '{name}' does not exist in the"
                    f" registry with id '{scope.account}'",
                }
            )
        else:
            found.append(_described(context.store, repository))
    return {"scanningConfigurations": found, "failures": failures}


def _described(store: Store, repository: Repository) -> dict[str, Any]:
    frequency = scan_frequency(store, repository)
    return {
        "repositoryArn": repository.arn,
        "repositoryName": repository.name,
        "scanOnPush": frequency != "MANUAL",
        "scanFrequency": frequency,
        "appliedScanFilters": [
            one for _, filters in _applied(store, repository) for one in filters
        ],
    }


def _applied(
    store: Store, repository: Repository
) -> list[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Give the rules that a repository fits, each with the filters that it fits."""
    found = [
        (rule, [one for one in rule["repositoryFilters"] if _fits(one["filter"], repository.name)])
        for rule in _configuration(store, repository.scope)["rules"]
    ]
    return [(rule, filters) for rule, filters in found if filters]


def _fits(text: str, name: str) -> bool:
    """Tell whether a filter fits a name.

    One without an asterisk fits every name that contains it.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    return matches(text, name) if "*" in text else text in name


def _configuration(store: Store, scope: Scope) -> dict[str, Any]:
    return store.documents.get(scope, _KIND, _ONLY) or {"scanType": BASIC, "rules": []}


def _refused(why: str) -> ServiceError:
    return invalid_parameter("rules", why)
