"""Pull through cache rules: kept and described. Nothing is fetched from an upstream registry."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope

_KIND = "pull-through-cache-rule"
#: The quota "Pull through cache rules per registry".
_MOST_RULES = 50
_ROOT = "ROOT"

#: The registries that everybody knows, by their hosts; those of accounts have hosts of their own.
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
_AZURE = re.compile(r"[a-z0-9-]+\.azurecr\.(io|cn|us)")
_ECR = re.compile(r"[0-9]{12}\.dkr\.ecr\.[a-z0-9-]+\.amazonaws\.com(\.cn)?")
_ANONYMOUS = ("ecr-public", "quay", "k8s")


@operation("CreatePullThroughCacheRule")
def create_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make a rule for a prefix of repositories."""
    scope, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    upstream = _upstream(members)
    _check_credentials(scope, upstream, members)
    now = context.clock().timestamp()
    rule = {
        "upstreamRepositoryPrefix": _ROOT,
        **members,
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistry": upstream,
        "registryId": scope.account,
        "createdAt": now,
        "updatedAt": now,
    }
    with context.store.write():
        if context.store.documents.get(scope, _KIND, prefix) is not None:
            raise ServiceError(
                "PullThroughCacheRuleAlreadyExistsException",
                f"A pull through cache rule with the repository prefix '{prefix}' already exists in"
                f" the registry with id '{scope.account}'",
            )
        if len(context.store.documents.list(scope, _KIND)) >= _MOST_RULES:
            raise ServiceError(
                "LimitExceededException",
                f"The registry with id '{scope.account}' already has the maximum number of pull"
                f" through cache rules: {_MOST_RULES}",
            )
        context.store.documents.put(scope, _KIND, prefix, rule)
    return _without(rule, "updatedAt")


@operation("DescribePullThroughCacheRules")
def describe_rules(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe the rules of a registry in pages, or those of some prefixes."""
    scope = context.registry(members)
    prefixes = members.get("ecrRepositoryPrefixes")
    if prefixes:
        rules = [_require(context, scope, _prefix(prefix)) for prefix in prefixes]
    else:
        rules = [rule for _, rule in context.store.documents.list(scope, _KIND)]
    found, more = pages.page_of(context, "DescribePullThroughCacheRules", members, rules)
    return {"pullThroughCacheRules": list(found), **more}


@operation("UpdatePullThroughCacheRule")
def update_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change the secret or the role of a rule."""
    scope, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    changeable = ("credentialArn", "customRoleArn")
    with context.store.write():
        rule = _require(context, scope, prefix)
        rule.update({name: value for name, value in members.items() if name in changeable})
        rule["updatedAt"] = context.clock().timestamp()
        _check_credentials(scope, rule["upstreamRegistry"], rule)
        context.store.documents.put(scope, _KIND, prefix, rule)
    return _without(rule, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


@operation("DeletePullThroughCacheRule")
def delete_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a rule, and give what it was."""
    scope, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    with context.store.write():
        rule = _require(context, scope, prefix)
        context.store.documents.delete(scope, _KIND, prefix)
    return _without(rule, "updatedAt", "upstreamRegistry")


@operation("ValidatePullThroughCacheRule")
def validate_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Say of every rule that is there that it is valid: no secret is read, no registry is asked."""
    scope = context.registry(members)
    rule = _require(context, scope, _prefix(members["ecrRepositoryPrefix"]))
    return {**_without(rule, "createdAt", "updatedAt", "upstreamRegistry"), "isValid": True}


def _prefix(text: str) -> str:
    """Give a prefix in one form: "There is always an assumed / applied to the end"."""
    return text.removesuffix("/")


def _upstream(members: dict[str, Any]) -> str:
    """Give the name of the registry that a rule is for."""
    host = members["upstreamRegistryUrl"].removeprefix("https://").removesuffix("/")
    found = _UPSTREAMS.get(host)
    if _AZURE.fullmatch(host):
        found = "azure-container-registry"
    elif _ECR.fullmatch(host):
        found = "ecr"
    if found is None or members.get("upstreamRegistry", found) != found:
        raise _unsupported(
            f"The upstream registry URL '{members['upstreamRegistryUrl']}' is invalid"
        )
    return found


def _check_credentials(scope: Scope, upstream: str, rule: dict[str, Any]) -> None:
    secret = rule.get("credentialArn")
    if upstream == "ecr" or (upstream in _ANONYMOUS and secret is None):
        wrong = "credentialArn" if upstream == "ecr" else "customRoleArn"
        if wrong in rule:
            raise _unsupported("Upstream registry URL and provided credential type do not match")
        return
    if secret is None:
        raise _unsupported("The specified upstream registry requires authentication")
    if upstream in _ANONYMOUS:
        raise _unsupported("The specified upstream registry doesn't require authentication")
    if "customRoleArn" in rule:
        raise _unsupported("Upstream registry URL and provided credential type do not match")
    if tuple(secret.split(":")[3:5]) != (scope.region, scope.account):
        raise ServiceError(
            "SecretNotFoundException",
            f"The secret '{secret}' was not found. Please verify the secret exists in the same"
            " region and account that the pullthrough cache rule will be created in",
        )


def _unsupported(why: str) -> ServiceError:
    return ServiceError("UnsupportedUpstreamRegistryException", why)


def _require(context: Context, scope: Scope, prefix: str) -> dict[str, Any]:
    rule: dict[str, Any] | None = context.store.documents.get(scope, _KIND, prefix)
    if rule is None:
        raise ServiceError(
            "PullThroughCacheRuleNotFoundException",
            f"The pull through cache rule with the repository prefix '{prefix}' does not exist in"
            f" the registry with id '{scope.account}'",
        )
    return rule


def _without(rule: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in names}
