"""Whose keys a server takes."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import Credentials
from ecr_client.local import LocalECR

OWN, OTHER = "123456789012", "210987654321"


def test_accounts_have_keys_of_their_own() -> None:
    """A mapping adds accounts, and the server's own has made-up keys if the mapping has none."""
    given = Credentials("AKIDEXAMPLE", "secret", "token")
    with LocalECR(credentials={OTHER: given}) as ecr:
        with ecr.client(account=OTHER) as client:
            other = client.describe_registry().registry_id
        with ecr.client() as client:
            own = client.describe_registry().registry_id

    assert (own, other) == (OWN, OTHER)
    assert set(ecr.credentials) == {OWN, OTHER}
    assert ecr.credentials[OTHER] is given


def test_keys_of_temporary_servers() -> None:
    """Keys that leak from one test run open no other one."""
    with LocalECR() as first, LocalECR() as second:
        keys = {ecr.credentials[OWN].access_key for ecr in (first, second)}

    assert len(keys) == 2


@pytest.mark.parametrize(
    "arn",
    [
        f"arn:aws:iam::{OTHER}:user/team/ada",
        f"arn:aws:iam::{OTHER}:role/builder",
        f"arn:aws:sts::{OTHER}:assumed-role/builder/run-1",
    ],
)
def test_principals_have_keys_of_their_own(arn: str) -> None:
    """A mapping may name a user or a role, whose registry is that of its account."""
    keys = {arn: Credentials("AKIDEXAMPLE", "secret")}
    with LocalECR(credentials=keys) as ecr, ecr.client(account=arn) as client:
        found = client.describe_registry().registry_id

    assert found == OTHER


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"account": "1"}, "12 digits"),
        ({"credentials": {"1": Credentials("a", "b")}}, "12 digits"),
        ({"credentials": {"arn:aws:s3:::bucket": Credentials("a", "b")}}, "that of a user"),
        ({"credentials": {"arn:aws:iam::1:role/a": Credentials("a", "b")}}, "that of a user"),
        (
            {"credentials": {OWN: Credentials("a", "b"), OTHER: Credentials("a", "c")}},
            "different access key",
        ),
        ({"region": ""}, "region"),
    ],
)
def test_accounts_that_cannot_be(arguments: dict[str, Any], problem: str) -> None:
    """A mistake in accounts, keys or region is found before the server starts."""
    with pytest.raises(ValueError, match=problem):
        LocalECR(**arguments)
