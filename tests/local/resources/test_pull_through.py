"""Pull through cache rules."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    PullThroughCacheRuleAlreadyExistsException,
    PullThroughCacheRuleNotFoundException,
    SecretNotFoundException,
    UnsupportedUpstreamRegistryException,
)

SECRET = "arn:aws:secretsmanager:us-east-1:123456789012:secret:ecr-pullthroughcache/hub-AbCdEf"
ROLE = "arn:aws:iam::123456789012:role/pull"


def create(client: ECRClient, prefix: str = "quay", url: str = "quay.io", **more: Any) -> Any:
    return client.create_pull_through_cache_rule(
        ecr_repository_prefix=prefix, upstream_registry_url=url, **more
    )


def test_makes_a_rule(client: ECRClient, clock: Any) -> None:
    """A rule is returned and described with all its members."""
    response = create(client, "hub", "registry-1.docker.io", credential_arn=SECRET)
    [found] = client.describe_pull_through_cache_rules().pull_through_cache_rules

    for one in (response, found):
        assert one.ecr_repository_prefix == "hub"
        assert one.upstream_registry_url == "registry-1.docker.io"
        assert one.upstream_registry == "docker-hub"
        assert one.upstream_repository_prefix == "ROOT"
        assert one.credential_arn == SECRET
        assert one.created_at == clock.now
        assert one.registry_id == "123456789012"
    assert found.updated_at == clock.now


@pytest.mark.parametrize(
    ("url", "upstream", "more"),
    [
        ("public.ecr.aws", "ecr-public", {}),
        ("quay.io", "quay", {}),
        ("https://registry.k8s.io/", "k8s", {}),
        ("ghcr.io", "github-container-registry", {"credential_arn": SECRET}),
        ("registry.gitlab.com", "gitlab-container-registry", {"credential_arn": SECRET}),
        ("cgr.dev", "chainguard", {"credential_arn": SECRET}),
        ("team.azurecr.io", "azure-container-registry", {"credential_arn": SECRET}),
        ("210987654321.dkr.ecr.eu-west-1.amazonaws.com", "ecr", {"custom_role_arn": ROLE}),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", "ecr", {}),
    ],
)
def test_knows_upstream_registries(
    client: ECRClient, url: str, upstream: str, more: dict[str, str]
) -> None:
    """The upstream registry follows from the address, and may be said as well."""
    first = create(client, "one", url, **more)
    second = create(client, "two", url, upstream_registry=upstream, **more)

    assert first.upstream_registry == second.upstream_registry == upstream


@pytest.mark.parametrize(
    ("url", "more", "message"),
    [
        ("example.com", {}, "The upstream registry URL 'example.com' is invalid"),
        ("quay.io.example.com", {}, "is invalid"),
        (".azurecr.io", {"credential_arn": SECRET}, "is invalid"),
        ("quay.io", {"upstream_registry": "k8s"}, "is invalid"),
        ("ghcr.io", {}, "requires authentication"),
        ("quay.io", {"credential_arn": SECRET}, "doesn't require authentication"),
        ("quay.io", {"custom_role_arn": ROLE}, "credential type do not match"),
        (
            "ghcr.io",
            {"credential_arn": SECRET, "custom_role_arn": ROLE},
            "credential type do not match",
        ),
        (
            "210987654321.dkr.ecr.eu-west-1.amazonaws.com",
            {"credential_arn": SECRET},
            "credential type do not match",
        ),
    ],
)
def test_refuses_upstream_registries(
    client: ECRClient, url: str, more: dict[str, str], message: str
) -> None:
    """Unknown registries and credentials that do not fit are refused."""
    with pytest.raises(UnsupportedUpstreamRegistryException, match=message):
        create(client, "one", url, **more)

    assert client.describe_pull_through_cache_rules().pull_through_cache_rules == ()


@pytest.mark.parametrize("wrong", [("us-east-1", "eu-west-1"), ("123456789012", "210987654321")])
def test_refuses_secrets_of_others(client: ECRClient, wrong: tuple[str, str]) -> None:
    """The secret has to be in the registry's account and region."""
    with pytest.raises(SecretNotFoundException, match="same region and account"):
        create(client, "hub", "ghcr.io", credential_arn=SECRET.replace(*wrong))


def test_the_life_of_a_rule(client: ECRClient) -> None:
    """A prefix, with or without a slash at its end, has one valid rule until it is deleted."""
    create(client, "quay/")
    with pytest.raises(PullThroughCacheRuleAlreadyExistsException, match="'quay'"):
        create(client, "quay", "public.ecr.aws")
    valid = client.validate_pull_through_cache_rule(ecr_repository_prefix="quay")
    gone = client.delete_pull_through_cache_rule(ecr_repository_prefix="quay")

    assert (valid.is_valid, valid.failure) == (True, None)
    assert valid.upstream_registry_url == gone.upstream_registry_url == "quay.io"
    for call in (
        lambda: client.describe_pull_through_cache_rules(ecr_repository_prefixes=["quay"]),
        lambda: client.update_pull_through_cache_rule(ecr_repository_prefix="quay"),
        lambda: client.delete_pull_through_cache_rule(ecr_repository_prefix="quay"),
        lambda: client.validate_pull_through_cache_rule(ecr_repository_prefix="quay"),
    ):
        with pytest.raises(PullThroughCacheRuleNotFoundException, match="'quay'"):
            call()


def test_describes_rules_in_pages(client: ECRClient) -> None:
    """Pages go through all rules, ordered by prefix; or the named ones are described."""
    for prefix in ("cc", "aa", "bb"):
        create(client, prefix)

    first = client.describe_pull_through_cache_rules(max_results=2)
    second = client.describe_pull_through_cache_rules(max_results=2, next_token=first.next_token)
    named = client.describe_pull_through_cache_rules(ecr_repository_prefixes=["cc", "aa"])

    pages = [*first.pull_through_cache_rules, *second.pull_through_cache_rules]
    assert [one.ecr_repository_prefix for one in pages] == ["aa", "bb", "cc"]
    assert [one.ecr_repository_prefix for one in named.pull_through_cache_rules] == ["cc", "aa"]


def test_changes_a_rule(client: ECRClient, clock: Any) -> None:
    """The secret can be changed; the time of the change is kept."""
    create(client, "hub", "ghcr.io", credential_arn=SECRET)
    clock.advance(hours=1)

    response = client.update_pull_through_cache_rule(
        ecr_repository_prefix="hub/", credential_arn=f"{SECRET}2"
    )
    [found] = client.describe_pull_through_cache_rules().pull_through_cache_rules

    assert response.credential_arn == found.credential_arn == f"{SECRET}2"
    assert response.updated_at == found.updated_at == clock.now
    assert found.created_at is not None
    assert found.created_at < clock.now
    with pytest.raises(UnsupportedUpstreamRegistryException):
        client.update_pull_through_cache_rule(ecr_repository_prefix="hub", custom_role_arn=ROLE)
