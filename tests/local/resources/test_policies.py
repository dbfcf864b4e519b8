"""Permission policies of repositories and registries."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client import exceptions as errors

PULL = ["ecr:BatchGetImage", "ecr:GetDownloadUrlForLayer"]
OTHER = {"AWS": "arn:aws:iam::210987654321:root"}
WITHOUT: Any = {"Action": None}


def statement(**members: object) -> dict[str, Any]:
    """Return a statement; a member that is None is left out."""
    given = {"Sid": "AllowPull", "Effect": "Allow", "Principal": OTHER, "Action": PULL, **members}
    return {name: value for name, value in given.items() if value is not None}


def policy(given: object = None, **members: object) -> str:
    """Return a policy; the arguments replace its statement and other members."""
    content = statement() if given is None else given
    return json.dumps({"Version": "2012-10-17", "Statement": content, **members})


def of(**members: object) -> str:
    """Return a policy whose statement has these members."""
    return policy(statement(**members))


def test_policies(client: Any) -> None:
    """A policy is returned as it was sent, until it or its repository is deleted."""
    first, second = policy(), policy([statement(Sid="Other")])
    client.set_repository_policy(policy_text=first)
    response = client.set_repository_policy(policy_text=second)
    found, gone = client.get_repository_policy(), client.delete_repository_policy()

    assert (response.registry_id, response.repository_name) == ("123456789012", "app")
    assert response.policy_text == found.policy_text == gone.policy_text == second
    for call in (client.get_repository_policy, client.delete_repository_policy):
        with pytest.raises(
            errors.RepositoryPolicyNotFoundException, match=r"'app' .* id '123456789012'"
        ):
            call()
    client.set_repository_policy(policy_text=first)
    client.delete_repository()
    for call in (client.get_repository_policy, client.delete_repository_policy):
        with pytest.raises(errors.RepositoryNotFoundException):
            call()
    with pytest.raises(errors.RepositoryNotFoundException):
        client.set_repository_policy(policy_text=first)
    client.create_repository()
    with pytest.raises(errors.RepositoryPolicyNotFoundException):
        client.get_repository_policy()


def test_accepts_policies(client: Any) -> None:
    """Everything that IAM's grammar allows in a repository policy is accepted."""
    for text in (
        policy(),
        policy([statement(), statement(Sid=None)]),
        policy(Version="2008-10-17", Id="of the team"),
        json.dumps({"Statement": statement()}),
        of(Principal="*"),
        of(Principal={"AWS": ["*"], "Service": "codebuild.amazonaws.com"}),
        of(Principal=None, NotPrincipal={"AWS": "*"}),
        of(Action="ecr:*"),
        of(Action="*"),
        of(Action=None, NotAction="ecr:Delete*"),
        of(Resource="*"),
        of(Condition={"StringEquals": {"aws:SourceArn": ["a", "b"]}}),
        of(Condition={"Bool": {"aws:SecureTransport": False}}),
        of(Condition={"NumericLessThan": {"aws:MultiFactorAuthAge": 300}}),
    ):
        client.set_repository_policy(policy_text=text)

        assert client.get_repository_policy().policy_text == text


@pytest.mark.parametrize(
    "text",
    [
        *("", "allow everybody", "[]", "[" * 10_000, "{}", policy([]), policy("all")),
        *(policy(["all"]), policy(Version="2020-01-01"), policy(Versions="2012-10-17")),
        *(of(Effect="Permit"), of(Effect=None), of(Sid=5), of(Why="because"), of(Resource=[])),
        *(of(Principal=None), of(Principal="somebody"), of(Principal={})),
        *(of(Principal={"User": "me"}), of(Principal={"AWS": 5}), of(NotPrincipal="*")),
        *(of(Action=None), of(Action=[]), of(Action="PullImages"), of(NotAction="ecr:*")),
        *(of(Action=["ecr:BatchGetImage", 5]), of(Condition="always")),
        *(of(Condition={"Bool": "yes"}), of(Condition={"Bool": {"aws:SecureTransport": {}}})),
    ],
    ids=lambda text: text[:60],
)
def test_refuses_policies(client: Any, text: str) -> None:
    """A document that is not a valid policy is refused, and nothing is stored."""
    with pytest.raises(
        errors.InvalidParameterException, match="Invalid repository policy provided"
    ):
        client.set_repository_policy(policy_text=text)

    with pytest.raises(errors.RepositoryPolicyNotFoundException):
        client.get_repository_policy()


@pytest.mark.parametrize(
    ("changes", "locks_out"),
    [
        ({}, True),
        ({"Principal": {"AWS": "*"}, "Action": "ecr:Set*Policy"}, True),
        ({"Action": "ecr:Set?epositoryPolicy"}, True),
        ({"Action": "ecr:?*y"}, True),
        ({**WITHOUT, "NotAction": "ecr:Get*"}, True),
        ({**WITHOUT, "NotAction": "ecr:SetRepositoryPolicy"}, False),
        ({"Action": "ecr:Set?RepositoryPolicy"}, False),
        ({"Action": "ecr:PutImage"}, False),
        ({"Principal": {"AWS": "210987654321"}}, False),
        ({"Condition": {"Bool": {"aws:SecureTransport": False}}}, False),
    ],
)
def test_lockout_needs_force(client: Any, changes: Any, locks_out: bool) -> None:
    """A policy that forbids everybody to replace it is only accepted with ``force``."""
    text = of(**{"Effect": "Deny", "Principal": "*", "Action": "ecr:*", **changes})

    if locks_out:
        with pytest.raises(errors.InvalidParameterException, match="force"):
            client.set_repository_policy(policy_text=text)
    client.set_repository_policy(policy_text=text, force=locks_out)

    assert client.get_repository_policy().policy_text == text


@pytest.mark.parametrize("text", ["nothing", policy(), of(Resource=[])])
def test_refuses_registry_policies(client: Any, text: str) -> None:
    """A registry policy also has to name resources."""
    with pytest.raises(errors.InvalidParameterException, match="Invalid registry policy provided"):
        client.put_registry_policy(policy_text=text)
