"""Pull through cache rules. They are only stored: no upstream registry is ever called."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError, quota_exceeded

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey

_KIND = "pull-through-cache-rule"
#: The quota "Pull through cache rules per registry".
_MOST_RULES = 50
_ROOT = "ROOT"

#: The public registries, by their hosts; those of accounts have hosts of their own.
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


def create_pull_through_cache_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Create a rule for a prefix of repositories."""
    registry, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    upstream = _upstream(members)
    _check_credentials(registry, upstream, members)
    now = context.clock().timestamp()
    rule = {
        "upstreamRepositoryPrefix": _ROOT,
        **members,
        "ecrRepositoryPrefix": prefix,
        "upstreamRegistry": upstream,
        "registryId": registry.account,
        "createdAt": now,
        "updatedAt": now,
    }
    with context.store.database.write():
        if context.store.documents.get(registry, _KIND, prefix) is not None:
            raise ServiceError(
                "PullThroughCacheRuleAlreadyExistsException",
                f"A pull through cache rule with the repository prefix '{prefix}' already exists in"
                f" the registry with id '{registry.account}'",
            )
        if len(context.store.documents.list(registry, _KIND)) >= _MOST_RULES:
            raise quota_exceeded(registry.account, "pull through cache rules", _MOST_RULES)
        context.store.documents.put(registry, _KIND, prefix, rule)
    return _without(rule, "updatedAt")


def describe_pull_through_cache_rules(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe the rules of a registry in pages, or those of some prefixes."""
    registry = context.registry(members)
    prefixes = members.get("ecrRepositoryPrefixes")
    if prefixes:
        rules = [_require(context, registry, _prefix(prefix)) for prefix in prefixes]
    else:
        rules = [rule for _, rule in context.store.documents.list(registry, _KIND)]
    found, more = pages.page_of(context, "DescribePullThroughCacheRules", members, rules)
    return {"pullThroughCacheRules": list(found), **more}


def update_pull_through_cache_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Change the secret or the role of a rule."""
    registry, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    changeable = ("credentialArn", "customRoleArn")
    with context.store.database.write():
        rule = _require(context, registry, prefix)
        rule.update({name: value for name, value in members.items() if name in changeable})
        rule["updatedAt"] = context.clock().timestamp()
        _check_credentials(registry, rule["upstreamRegistry"], rule)
        context.store.documents.put(registry, _KIND, prefix, rule)
    return _without(rule, "createdAt", "upstreamRegistryUrl", "upstreamRegistry")


def delete_pull_through_cache_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete a rule, and return what it was."""
    registry, prefix = context.registry(members), _prefix(members["ecrRepositoryPrefix"])
    with context.store.database.write():
        rule = _require(context, registry, prefix)
        context.store.documents.delete(registry, _KIND, prefix)
    return _without(rule, "updatedAt", "upstreamRegistry")


def validate_pull_through_cache_rule(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Report every rule that exists as valid: no secret is read and no registry is asked."""
    registry = context.registry(members)
    rule = _require(context, registry, _prefix(members["ecrRepositoryPrefix"]))
    return {**_without(rule, "createdAt", "updatedAt", "upstreamRegistry"), "isValid": True}


def _prefix(text: str) -> str:
    """Return a prefix in one form: "There is always an assumed / applied to the end"."""
    return text.removesuffix("/")


def _upstream(members: dict[str, Any]) -> str:
    """Return the name of the registry that a rule is for."""
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


def _check_credentials(registry: RegistryKey, upstream: str, rule: dict[str, Any]) -> None:
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
    if tuple(secret.split(":")[3:5]) != (registry.region, registry.account):
        raise ServiceError(
            "SecretNotFoundException",
            f"The secret '{secret}' was not found. Please verify the secret exists in the same"
            " region and account that the pullthrough cache rule will be created in",
        )


def _unsupported(why: str) -> ServiceError:
    return ServiceError("UnsupportedUpstreamRegistryException", why)


def _require(context: Context, registry: RegistryKey, prefix: str) -> dict[str, Any]:
    rule: dict[str, Any] | None = context.store.documents.get(registry, _KIND, prefix)
    if rule is None:
        raise ServiceError(
            "PullThroughCacheRuleNotFoundException",
            f"The pull through cache rule with the repository prefix '{prefix}' does not exist in"
            f" the registry with id '{registry.account}'",
        )
    return rule


def _without(rule: dict[str, Any], *names: str) -> dict[str, Any]:
    return {name: value for name, value in rule.items() if name not in names}
