"""Permission policies of repositories and registries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    InvalidParameterException,
    RepositoryNotFoundException,
    RepositoryPolicyNotFoundException,
)

ACCOUNT = "123456789012"


def policy(statement: object = None, **members: object) -> str:
    """Return a policy; the arguments replace its statement and further members."""
    given = statement_with() if statement is None else statement
    return json.dumps({"Version": "2012-10-17", "Statement": given, **members})


def statement_with(**members: object) -> dict[str, Any]:
    """Return a statement; a member that is None is left out."""
    given = {
        "Sid": "AllowPull",
        "Effect": "Allow",
        "Principal": {"AWS": "arn:aws:iam::210987654321:root"},
        "Action": ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"],
        **members,
    }
    return {name: value for name, value in given.items() if value is not None}


def test_the_life_of_a_policy(client: ECRClient) -> None:
    """A policy is returned as it was sent, replaced, deleted, and deleted with its repository."""
    first, second = policy(), policy([statement_with(Sid="Other")])
    client.set_repository_policy(repository_name="app", policy_text=first)
    response = client.set_repository_policy(repository_name="app", policy_text=second)
    found = client.get_repository_policy(repository_name="app")
    gone = client.delete_repository_policy(repository_name="app")

    assert (response.registry_id, response.repository_name) == (ACCOUNT, "app")
    assert response.policy_text == found.policy_text == gone.policy_text == second
    with pytest.raises(RepositoryPolicyNotFoundException, match=r"'app' .* id '123456789012'"):
        client.get_repository_policy(repository_name="app")
    with pytest.raises(RepositoryPolicyNotFoundException):
        client.delete_repository_policy(repository_name="app")
    client.set_repository_policy(repository_name="app", policy_text=first)
    client.delete_repository(repository_name="app")
    for call in (client.get_repository_policy, client.delete_repository_policy):
        with pytest.raises(RepositoryNotFoundException):
            call(repository_name="app")
    with pytest.raises(RepositoryNotFoundException):
        client.set_repository_policy(repository_name="app", policy_text=first)
    client.create_repository(repository_name="app")
    with pytest.raises(RepositoryPolicyNotFoundException):
        client.get_repository_policy(repository_name="app")


@pytest.mark.parametrize(
    "text",
    [
        policy(),
        policy([statement_with(), statement_with(Sid=None)]),
        policy(Version="2008-10-17", Id="of the team"),
        json.dumps({"Statement": statement_with()}),
        policy(statement_with(Principal="*")),
        policy(statement_with(Principal={"AWS": ["*"], "Service": "codebuild.amazonaws.com"})),
        policy(statement_with(Principal=None, NotPrincipal={"AWS": "*"})),
        policy(statement_with(Action="ecr:*")),
        policy(statement_with(Action="*")),
        policy(statement_with(Action=None, NotAction="ecr:Delete*")),
        policy(statement_with(Resource="*")),
        policy(statement_with(Condition={"StringEquals": {"aws:SourceArn": ["a", "b"]}})),
        policy(statement_with(Condition={"Bool": {"aws:SecureTransport": False}})),
        policy(statement_with(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": 300}})),
    ],
)
def test_accepts_policies(client: ECRClient, text: str) -> None:
    """Everything that IAM's grammar allows in the policy of a repository is accepted."""
    client.set_repository_policy(repository_name="app", policy_text=text)

    assert client.get_repository_policy(repository_name="app").policy_text == text


@pytest.mark.parametrize(
    "text",
    [
        "",
        "allow everybody",
        "[]",
        "[" * 10_000,
        "{}",
        policy([]),
        policy("all"),
        policy(["all"]),
        policy(Version="2020-01-01"),
        policy(Versions="2012-10-17"),
        policy(statement_with(Effect="Permit")),
        policy(statement_with(Effect=None)),
        policy(statement_with(Sid=5)),
        policy(statement_with(Principal=None)),
        policy(statement_with(Principal="somebody")),
        policy(statement_with(Principal={})),
        policy(statement_with(Principal={"User": "me"})),
        policy(statement_with(Principal={"AWS": 5})),
        policy(statement_with(NotPrincipal="*")),
        policy(statement_with(Action=None)),
        policy(statement_with(Action=[])),
        policy(statement_with(Action="PullImages")),
        policy(statement_with(NotAction="ecr:*")),
        policy(statement_with(Action=["ecr:BatchGetImage", 5])),
        policy(statement_with(Resource=[])),
        policy(statement_with(Condition="always")),
        policy(statement_with(Condition={"Bool": "yes"})),
        policy(statement_with(Condition={"Bool": {"aws:SecureTransport": {}}})),
        policy(statement_with(Why="because")),
    ],
)
def test_refuses_policies(client: ECRClient, text: str) -> None:
    """A document that is not a valid policy is refused, and nothing is stored."""
    with pytest.raises(InvalidParameterException, match="Invalid repository policy provided"):
        client.set_repository_policy(repository_name="app", policy_text=text)

    with pytest.raises(RepositoryPolicyNotFoundException):
        client.get_repository_policy(repository_name="app")


DENY_ALL = statement_with(Effect="Deny", Principal="*", Action="ecr:*")


@pytest.mark.parametrize(
    ("statement", "locks_out"),
    [
        (DENY_ALL, True),
        ({**DENY_ALL, "Principal": {"AWS": "*"}, "Action": "ecr:Set*Policy"}, True),
        (statement_with(Effect="Deny", Principal="*", Action=None, NotAction="ecr:Get*"), True),
        (
            statement_with(
                Effect="Deny", Principal="*", Action=None, NotAction="ecr:SetRepositoryPolicy"
            ),
            False,
        ),
        ({**DENY_ALL, "Action": "ecr:PutImage"}, False),
        ({**DENY_ALL, "Principal": {"AWS": "210987654321"}}, False),
        ({**DENY_ALL, "Condition": {"Bool": {"aws:SecureTransport": False}}}, False),
    ],
)
def test_locking_oneself_out_needs_force(
    client: ECRClient, statement: dict[str, Any], locks_out: bool
) -> None:
    """A policy that forbids everybody to set another one is taken with force only."""
    text = policy(statement)

    if locks_out:
        with pytest.raises(InvalidParameterException, match="force"):
            client.set_repository_policy(repository_name="app", policy_text=text)
    client.set_repository_policy(repository_name="app", policy_text=text, force=locks_out)

    assert client.get_repository_policy(repository_name="app").policy_text == text


@pytest.mark.parametrize("text", ["nothing", policy(), policy(statement_with(Resource=[]))])
def test_refuses_policies_of_registries(client: ECRClient, text: str) -> None:
    """The policy of a registry has to name resources, besides being a policy."""
    with pytest.raises(InvalidParameterException, match="Invalid registry policy provided"):
        client.put_registry_policy(policy_text=text)
