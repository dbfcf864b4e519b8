"""Pull through cache rules: kept and described. Nothing is fetched from an upstream registry."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope

_KIND = "pull-through-cache-rule"
_MOST_RULES = 50
#: The registries that AWS names, by their hosts; those of accounts have hosts of their own.
#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_CreatePullThroughCacheRule.html
_UPSTREAMS = {
    "public.ecr.aws": "ecr-public",
    "quay.io": "quay",
    "registry.k8s.io": "k8s",
    "registry-1.docker.io": "docker-hub",
    "ghcr.io": "github-container-registry",
    "registry.gitlab.com": "gitlab-container-registry",
    "cgr.dev": "chainguard",
}
_NEED_CREDENTIALS = (
    "docker-hub",
    "github-container-registry",
    "azure-container-registry",
    "gitlab-container-registry",
    "chainguard",
)


@operation("CreatePullThroughCacheRule")
def create_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make a rule for a prefix of repositories."""
    scope, prefix = context.registry(members), members["ecrRepositoryPrefix"]
    upstream = _upstream(members)
    if upstream in _NEED_CREDENTIALS and "credentialArn" not in members:
        raise ServiceError(
            "InvalidParameterException",
            f"Invalid parameter: credentialArn is required for the upstream registry '{upstream}'",
        )
    now = context.clock().timestamp()
    rule = {**members, "upstreamRegistry": upstream, "createdAt": now, "updatedAt": now}
    rule.update(registryId=scope.account)
    rule.setdefault("upstreamRepositoryPrefix", "ROOT")
    with context.store.write():
        if context.store.documents.get(scope, _KIND, prefix) is not None:
            raise ServiceError(
                "PullThroughCacheRuleAlreadyExistsException",
                f"A pull through cache rule with prefix '{prefix}' already exists in the registry"
                f" with id '{scope.account}'",
            )
        if len(context.store.documents.list(scope, _KIND)) >= _MOST_RULES:
            raise ServiceError(
                "LimitExceededException", f"A registry has at most {_MOST_RULES} rules"
            )
        context.store.documents.put(scope, _KIND, prefix, rule)
    return _without(rule, "updatedAt")


@operation("DescribePullThroughCacheRules")
def describe_rules(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe the rules of a registry in pages, or those of some prefixes."""
    scope = context.registry(members)
    prefixes = members.get("ecrRepositoryPrefixes")
    if prefixes:
        rules = [_require(context, scope, prefix) for prefix in prefixes]
    else:
        rules = [rule for _, rule in context.store.documents.list(scope, _KIND)]
    found, more = pages.page_of(context, "DescribePullThroughCacheRules", members, rules)
    return {"pullThroughCacheRules": list(found), **more}


@operation("UpdatePullThroughCacheRule")
def update_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change the credentials or the role of a rule."""
    scope, prefix = context.registry(members), members["ecrRepositoryPrefix"]
    changes: dict[str, Any] = {
        key: members[key] for key in ("credentialArn", "customRoleArn") if key in members
    }
    with context.store.write():
        rule = {
            **_require(context, scope, prefix),
            **changes,
            "updatedAt": context.clock().timestamp(),
        }
        context.store.documents.put(scope, _KIND, prefix, rule)
    return _without(rule, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


@operation("DeletePullThroughCacheRule")
def delete_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a rule; the repositories that it filled stay."""
    scope, prefix = context.registry(members), members["ecrRepositoryPrefix"]
    with context.store.write():
        rule = _require(context, scope, prefix)
        context.store.documents.delete(scope, _KIND, prefix)
    return _without(rule, "updatedAt", "upstreamRegistry")


@operation("ValidatePullThroughCacheRule")
def validate_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Tell whether a rule could be used; here every rule could, since nothing is fetched."""
    scope = context.registry(members)
    rule = _require(context, scope, members["ecrRepositoryPrefix"])
    return {**_without(rule, "createdAt", "updatedAt", "upstreamRegistry"), "isValid": True}


def _upstream(members: dict[str, Any]) -> str:
    host = members["upstreamRegistryUrl"].removeprefix("https://").rstrip("/")
    known = _UPSTREAMS.get(host)
    if known is None and host.endswith(".azurecr.io"):
        known = "azure-container-registry"
    if known is None and ".dkr.ecr." in host:
        known = "ecr"
    given = members.get("upstreamRegistry")
    if known is None or (given is not None and given != known):
        raise ServiceError(
            "UnsupportedUpstreamRegistryException",
            f"The upstream registry '{members['upstreamRegistryUrl']}' is not supported",
        )
    return known


def _require(context: Context, scope: Scope, prefix: str) -> dict[str, Any]:
    rule: dict[str, Any] | None = context.store.documents.get(scope, _KIND, prefix)
    if rule is None:
        raise ServiceError(
            "PullThroughCacheRuleNotFoundException",
            f"The pull through cache rule with prefix '{prefix}' does not exist in the registry"
            f" with id '{scope.account}'",
        )
    return rule


def _without(rule: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in names}
