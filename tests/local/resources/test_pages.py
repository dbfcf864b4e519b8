"""Tokens between pages, which fit one listing and that only for a while."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import InvalidParameterException

OTHER = "210987654321"
ROLE = "arn:aws:iam::123456789012:role/"


@pytest.fixture
def token(client: ECRClient) -> str:
    """Return the token of a listing that goes on behind the first of three repositories."""
    for name in ("aa", "zz"):
        client.create_repository(repository_name=name)
    return str(client.describe_repositories(max_results=1).next_token)


def names(client: ECRClient, token: str, **members: Any) -> list[str]:
    """Return the names of the repositories of a page."""
    found = client.describe_repositories(next_token=token, **members).repositories
    return [str(each.repository_name) for each in found]


def refused(listing: Callable[..., Any], token: str, **members: Any) -> str:
    """Return what a listing says to a token that it does not take."""
    with pytest.raises(InvalidParameterException, match="nextToken") as raised:
        listing(next_token=token, **members)
    return str(raised.value)


def test_a_token_may_be_used_again(client: ECRClient, token: str) -> None:
    """The same token gives the same page, and pages of other sizes from the same place."""
    assert names(client, token) == ["app", "zz"]
    assert names(client, token, max_results=1) == ["app"]


def test_the_last_page_has_no_token(client: ECRClient, token: str) -> None:
    """A page that ends with the list has no token, whether or not it is full."""
    for size in (2, 3):
        page = client.describe_repositories(next_token=token, max_results=size)
        assert (len(page.repositories), page.next_token) == (2, None)


def test_a_foreign_token_is_refused(
    client: ECRClient, connect: Callable[..., ECRClient], token: str
) -> None:
    """A token of another operation, registry or region, or an altered one, does not fit."""
    everybody = {"Effect": "Allow", "Principal": "*", "Action": "ecr:*", "Resource": "*"}
    connect(account=OTHER).put_registry_policy(policy_text=json.dumps({"Statement": everybody}))
    altered = ("A" if token[0] != "A" else "B") + token[1:]

    assert "not one of this listing" in refused(client.list_images, token, repository_name="aa")
    assert "not one" in refused(client.describe_repositories, token, registry_id=OTHER)
    assert "not one" in refused(connect(account=OTHER).describe_repositories, token)
    assert "not one" in refused(connect(region="eu-west-1").describe_repositories, token)
    assert "not one" in refused(client.describe_repositories, altered)
    assert "not one" in refused(client.describe_repositories, "no base64 !")


def test_a_token_expires(client: ECRClient, clock: Any, token: str) -> None:
    """A token is good for a day."""
    clock.now += timedelta(days=1)
    client.describe_repositories(next_token=token)
    clock.now += timedelta(seconds=1)

    assert "expired" in refused(client.describe_repositories, token)


def test_repositories_go_on_by_name(client: ECRClient, token: str) -> None:
    """A listing continues after a name, whatever has changed before it."""
    client.delete_repository(repository_name="aa")
    client.create_repository(repository_name="ab")

    assert names(client, token) == ["ab", "app", "zz"]


def test_changed_lists_are_not_continued(client: ECRClient) -> None:
    """Nothing is passed over because something before it is gone: the token is stale."""
    for name in "abc":
        client.register_pull_time_update_exclusion(principal_arn=ROLE + name)
    listing = client.list_pull_time_update_exclusions
    token = str(listing(max_results=2).next_token)
    client.register_pull_time_update_exclusion(principal_arn=f"{ROLE}d")
    longer = listing(next_token=token).pull_time_update_exclusions
    client.deregister_pull_time_update_exclusion(principal_arn=f"{ROLE}a")

    assert longer == (f"{ROLE}c", f"{ROLE}d")
    assert "has changed" in refused(listing, token)


def test_tokens_of_deleted_repositories(client: ECRClient, push: Any) -> None:
    """The token of a repository that was deleted does not fit its successor."""
    for tag in ("v1", "v2"):
        push.image("app", tag)
    token = str(client.list_images(repository_name="app", max_results=1).next_token)
    client.delete_repository(repository_name="app", force=True)
    client.create_repository(repository_name="app")

    assert "not one" in refused(client.list_images, token, repository_name="app")
