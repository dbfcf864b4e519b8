"""Pull through cache rules."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import exceptions as errors

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
WITH_SECRET = {"credential_arn": SECRET}
WITH_ROLE = {"custom_role_arn": "arn:aws:iam::123456789012:role/pull"}
OF_OTHERS = "210987654321.dkr.ecr.eu-west-1.amazonaws.com"


def create(client: Any, prefix: str = "quay", url: str = "quay.io", **more: Any) -> Any:
    return client.create_pull_through_cache_rule(
        ecr_repository_prefix=prefix, upstream_registry_url=url, **more
    )


def prefixes(client: Any, **members: Any) -> list[str]:
    found = client.paginate_describe_pull_through_cache_rules(**members)
    return [one.ecr_repository_prefix for one in found]


def test_makes_a_rule(client: Any, clock: Any) -> None:
    """A rule is returned and described with all its members."""
    response = create(client, "hub", "registry-1.docker.io", **WITH_SECRET)
    (found,) = client.describe_pull_through_cache_rules().pull_through_cache_rules

    for one in (response, found):
        assert (one.ecr_repository_prefix, one.registry_id) == ("hub", "123456789012")
        assert one.upstream_registry_url == "registry-1.docker.io"
        assert (one.upstream_registry, one.upstream_repository_prefix) == ("docker-hub", "ROOT")
        assert (one.credential_arn, one.created_at) == (SECRET, clock.now)
    assert found.updated_at == clock.now


@pytest.mark.parametrize(
    ("url", "upstream", "more"),
    [
        ("public.ecr.aws", "ecr-public", {}),
        ("quay.io", "quay", {}),
        ("https://registry.k8s.io/", "k8s", {}),
        ("ghcr.io", "github-container-registry", WITH_SECRET),
        ("registry.gitlab.com", "gitlab-container-registry", WITH_SECRET),
        ("cgr.dev", "chainguard", WITH_SECRET),
        ("team.azurecr.io", "azure-container-registry", WITH_SECRET),
        (OF_OTHERS, "ecr", WITH_ROLE),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr", {}),
    ],
)
def test_knows_upstream_registries(client: Any, url: str, upstream: str, more: Any) -> None:
    """The upstream registry follows from the URL, and may also be passed."""
    first = create(client, "one", url, **more)
    second = create(client, "two", url, upstream_registry=upstream, **more)

    assert first.upstream_registry == second.upstream_registry == upstream


@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        ("example.com", {}, "The upstream registry URL 'example.com' is invalid"),
        ("quay.io.example.com", {}, "is invalid"),
        (".azurecr.io", WITH_SECRET, "is invalid"),
        ("quay.io", {"upstream_registry": "k8s"}, "is invalid"),
        ("ghcr.io", {}, "requires authentication"),
        ("quay.io", WITH_SECRET, "doesn't require authentication"),
        ("quay.io", WITH_ROLE, "credential type do not match"),
        ("ghcr.io", {**WITH_SECRET, **WITH_ROLE}, "credential type do not match"),
        (OF_OTHERS, WITH_SECRET, "credential type do not match"),
    ],
)
def test_refuses_upstream_registries(client: Any, url: str, more: Any, message: str) -> None:
    """Unknown registries, and credentials that do not match, are refused."""
    with pytest.raises(errors.UnsupportedUpstreamRegistryException, match=message):
        create(client, "one", url, **more)

    assert prefixes(client) == []


@pytest.mark.parametrize("wrong", [("us-east-1", "eu-west-1"), ("123456789012", "210987654321")])
def test_refuses_foreign_secrets(client: Any, wrong: tuple[str, str]) -> None:
    """The secret has to be in the registry's account and region."""
    with pytest.raises(errors.SecretNotFoundException, match="same region and account"):
        create(client, "hub", "ghcr.io", credential_arn=SECRET.replace(*wrong))


def test_rules(client: Any) -> None:
    """A prefix, with or without a trailing slash, has one rule until it is deleted."""
    create(client, "quay/")
    with pytest.raises(errors.PullThroughCacheRuleAlreadyExistsException, match="'quay'"):
        create(client, "quay", "public.ecr.aws")
    valid = client.validate_pull_through_cache_rule(ecr_repository_prefix="quay")
    gone = client.delete_pull_through_cache_rule(ecr_repository_prefix="quay")

    assert (valid.is_valid, valid.failure) == (True, None)
    assert valid.upstream_registry_url == gone.upstream_registry_url == "quay.io"
    for name in ("update", "delete", "validate"):
        with pytest.raises(errors.PullThroughCacheRuleNotFoundException, match="'quay'"):
            getattr(client, f"{name}_pull_through_cache_rule")(ecr_repository_prefix="quay")
    with pytest.raises(errors.PullThroughCacheRuleNotFoundException, match="'quay'"):
        prefixes(client, ecr_repository_prefixes=["quay"])


def test_describes_rules_in_pages(client: Any) -> None:
    """Rules are listed in pages, ordered by prefix, or described by name."""
    for prefix in ("cc", "aa", "bb"):
        create(client, prefix)

    assert prefixes(client, max_results=2) == ["aa", "bb", "cc"]
    assert prefixes(client, ecr_repository_prefixes=["cc", "aa"]) == ["cc", "aa"]


def test_changes_a_rule(client: Any, clock: Any) -> None:
    """The secret can be changed, which updates the time of the rule."""
    create(client, "hub", "ghcr.io", **WITH_SECRET)
    made_at = clock.now
    clock.advance(hours=1)
    response = client.update_pull_through_cache_rule(
        ecr_repository_prefix="hub/", credential_arn=f"{SECRET}2"
    )
    (found,) = client.describe_pull_through_cache_rules().pull_through_cache_rules

    assert response.credential_arn == found.credential_arn == f"{SECRET}2"
    assert response.updated_at == found.updated_at == clock.now
    assert found.created_at == made_at
    with pytest.raises(errors.UnsupportedUpstreamRegistryException):
        client.update_pull_through_cache_rule(ecr_repository_prefix="hub", **WITH_ROLE)
