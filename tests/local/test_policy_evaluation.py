"""What a policy says about a principal, an action and a resource."""

from __future__ import annotations

import json
from typing import Any

import pytest

from ecr_client.local.policy_evaluation import Decision, Principal, evaluate

ACCOUNT, OTHER = "123456789012", "210987654321"
ROOT = f"arn:aws:iam::{ACCOUNT}:root"
USER = f"arn:aws:iam::{ACCOUNT}:user/ada"
ROLE = f"arn:aws:iam::{ACCOUNT}:role/builder"
SESSION = f"arn:aws:sts::{ACCOUNT}:assumed-role/builder/run-1"
REPOSITORY = f"arn:aws:ecr:us-east-1:{OTHER}:repository/team/app"
ALLOWED, DENIED, NOT_ALLOWED = (
    Decision.ALLOWED,
    Decision.EXPLICITLY_DENIED,
    Decision.NOT_ALLOWED,
)
CONDITION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}


def statement(effect: str = "Allow", **changes: Any) -> dict[str, Any]:
    """Return a statement about PutImage for everybody; None takes an element out."""
    elements = {"Effect": effect, "Principal": "*", "Action": "ecr:PutImage", **changes}
    return {name: value for name, value in elements.items() if value is not None}


def decide(*statements: dict[str, Any], arn: str = ROOT, action: str = "ecr:PutImage") -> Decision:
    """Return what one policy of these statements says."""
    policy = json.dumps({"Version": "2012-10-17", "Statement": list(statements)})
    return evaluate([policy], principal=Principal(arn), action=action, resource=REPOSITORY)


ALLOW, DENY = statement(), statement("Deny")


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([ALLOW], ALLOWED),
        ([DENY], DENIED),
        ([ALLOW, DENY], DENIED),
        ([DENY, ALLOW], DENIED),
        ([statement(Action="ecr:ListImages")], NOT_ALLOWED),
        ([statement("Deny", Action="ecr:ListImages")], NOT_ALLOWED),
        ([ALLOW, statement("Deny", Action="ecr:ListImages")], ALLOWED),
        ([ALLOW, statement("Deny", Principal={"AWS": OTHER})], ALLOWED),
    ],
)
def test_a_deny_outweighs_every_allow(statements: list[dict[str, Any]], expected: Decision) -> None:
    """Statements are looked at together, in any order; those about something else do not count."""
    assert decide(*statements) is expected


def test_several_policies() -> None:
    """The policies of a repository and of its registry are one list of statements."""
    policies = [json.dumps({"Statement": [each]}) for each in (ALLOW, DENY)]
    found = [
        evaluate(given, principal=Principal(ROOT), action="ecr:PutImage", resource=REPOSITORY)
        for given in (policies, policies[::-1], policies[:1], [])
    ]

    assert found == [DENIED, DENIED, ALLOWED, NOT_ALLOWED]


def test_a_statement_needs_no_list() -> None:
    """The only statement of a policy may be there by itself."""
    policy = json.dumps({"Statement": ALLOW})
    found = evaluate(
        [policy], principal=Principal(ROOT), action="ecr:PutImage", resource=REPOSITORY
    )

    assert found is ALLOWED


@pytest.mark.parametrize(
    ("actions", "covered"),
    [
        ("ecr:PutImage", True),
        ("ECR:putIMAGE", True),
        ("*", True),
        ("ecr:*", True),
        ("ecr:Put*", True),
        ("ecr:*Image", True),
        ("ecr:P*t*I*e", True),
        ("ecr:Put?mage", True),
        ("e?r:*Im?ge", True),
        ("*?ecr:PutImage", False),
        ("ecr:PutImage?", False),
        ("ecr:Put", False),
        ("ecr:PutImageTagMutability", False),
        ("s3:*", False),
        ("s3:PutImage", False),
        (["ecr:ListImages", "ecr:put*"], True),
        (["ecr:ListImages", "ecr:Batch*"], False),
    ],
)
def test_actions(actions: Any, covered: bool) -> None:
    """Actions have wildcards and no case; NotAction covers what Action does not."""
    assert decide(statement(Action=actions)) is (ALLOWED if covered else NOT_ALLOWED)
    assert decide(statement("Deny", Action=actions)) is (DENIED if covered else NOT_ALLOWED)
    opposite = {"Action": None, "NotAction": actions}
    assert decide(statement(**opposite)) is (NOT_ALLOWED if covered else ALLOWED)
    assert decide(statement("Deny", **opposite)) is (NOT_ALLOWED if covered else DENIED)


@pytest.mark.parametrize(
    ("resources", "covered"),
    [
        (REPOSITORY, True),
        ("*", True),
        (f"arn:aws:ecr:us-east-1:{OTHER}:repository/*", True),
        ("arn:aws:ecr:*:*:repository/team/*", True),
        ("arn:aws:ecr:*:*:repository/????/app", True),
        (["arn:aws:ecr:*:*:repository/a*", REPOSITORY], True),
        (REPOSITORY.upper(), False),
        (f"{REPOSITORY}/*", False),
        (f"arn:aws:ecr:eu-west-1:{OTHER}:repository/*", False),
        (f"arn:aws:ecr:us-east-1:{ACCOUNT}:repository/*", False),
    ],
)
def test_resources(resources: Any, covered: bool) -> None:
    """Resources have wildcards, and case; NotResource covers what Resource does not."""
    assert decide(statement(Resource=resources)) is (ALLOWED if covered else NOT_ALLOWED)
    assert decide(statement("Deny", Resource=resources)) is (DENIED if covered else NOT_ALLOWED)
    assert decide(statement(NotResource=resources)) is (NOT_ALLOWED if covered else ALLOWED)
    assert decide(statement("Deny", NotResource=resources)) is (NOT_ALLOWED if covered else DENIED)


@pytest.mark.parametrize(
    ("named", "covered"),
    [
        ("*", {ROOT, USER, ROLE, SESSION}),
        ({"AWS": "*"}, {ROOT, USER, ROLE, SESSION}),
        ({"AWS": ACCOUNT}, {ROOT, USER, ROLE, SESSION}),
        ({"AWS": ROOT}, {ROOT, USER, ROLE, SESSION}),
        ({"AWS": [OTHER, ROOT]}, {ROOT, USER, ROLE, SESSION}),
        ({"AWS": USER}, {USER}),
        ({"AWS": ROLE}, {ROLE, SESSION}),
        ({"AWS": SESSION}, {SESSION}),
        ({"AWS": [USER, ROLE]}, {USER, ROLE, SESSION}),
        ({"AWS": OTHER}, set()),
        ({"AWS": f"arn:aws:iam::{OTHER}:root"}, set()),
        ({"AWS": f"arn:aws:iam::{OTHER}:role/builder"}, set()),
        ({"AWS": f"arn:aws-cn:iam::{ACCOUNT}:root"}, set()),
        ({"AWS": f"arn:aws:iam::{ACCOUNT}:*"}, set()),
        ({"AWS": ROLE.upper()}, set()),
        ({"Service": "lambda.amazonaws.com"}, set()),
        ({"Service": "*"}, set()),
        ({"Federated": "*", "AWS": USER}, {USER}),
        ({"CanonicalUser": "0" * 64}, set()),
    ],
)
def test_principals(named: Any, covered: set[str]) -> None:
    """An account covers whoever is in it, a role its sessions; parts of ARNs have no wildcards."""
    arns = (ROOT, USER, ROLE, SESSION)
    allowed = {arn for arn in arns if decide(statement(Principal=named), arn=arn) is ALLOWED}
    denied = {arn for arn in arns if decide(statement("Deny", Principal=named), arn=arn) is DENIED}

    assert allowed == denied == covered


@pytest.mark.parametrize(
    ("named", "allowed", "denied"),
    [
        ("*", set(), set()),
        ({"AWS": ROOT}, set(), {USER, ROLE, SESSION}),
        ({"AWS": ACCOUNT}, set(), {USER, ROLE, SESSION}),
        ({"AWS": USER}, {ROOT, ROLE, SESSION}, {ROOT, USER, ROLE, SESSION}),
        ({"AWS": [USER, ROOT]}, set(), {ROLE, SESSION}),
        ({"AWS": [ROLE, ROOT]}, set(), {USER, SESSION}),
        ({"AWS": [SESSION, ROLE, ROOT]}, set(), {USER}),
        ({"AWS": OTHER}, {ROOT, USER, ROLE, SESSION}, {ROOT, USER, ROLE, SESSION}),
        ({"Service": "*"}, {ROOT, USER, ROLE, SESSION}, {ROOT, USER, ROLE, SESSION}),
    ],
)
def test_principals_that_are_excepted(named: Any, allowed: set[str], denied: set[str]) -> None:
    """A Deny spares whom it names together with the account; an Allow leaves out whom it names."""
    changes = {"Principal": None, "NotPrincipal": named}
    arns = (ROOT, USER, ROLE, SESSION)

    assert {arn for arn in arns if decide(statement(**changes), arn=arn) is ALLOWED} == allowed
    found = {arn for arn in arns if decide(statement("Deny", **changes), arn=arn) is DENIED}
    assert found == denied


@pytest.mark.parametrize(
    ("changes", "allow", "deny"),
    [
        ({"Condition": {}}, ALLOWED, DENIED),
        ({"Condition": CONDITION}, NOT_ALLOWED, DENIED),
        ({"Condition": {"StringEquals": {}}}, NOT_ALLOWED, DENIED),
        ({"Condition": CONDITION, "Action": "ecr:ListImages"}, NOT_ALLOWED, NOT_ALLOWED),
        ({"Condition": CONDITION, "Principal": {"AWS": OTHER}}, NOT_ALLOWED, NOT_ALLOWED),
        ({"Condition": CONDITION, "NotResource": "*"}, NOT_ALLOWED, NOT_ALLOWED),
        ({"Resource": "arn:aws:ecr:*:*:repository/${aws:username}/*"}, NOT_ALLOWED, DENIED),
        ({"NotResource": "arn:aws:ecr:*:*:repository/${aws:username}/*"}, NOT_ALLOWED, DENIED),
    ],
)
def test_conditions_and_variables(changes: dict[str, Any], allow: Decision, deny: Decision) -> None:
    """With a condition or a variable, an Allow does not allow, and a Deny denies all the same."""
    assert decide(statement(**changes)) is allow
    assert decide(statement("Deny", **changes)) is deny


def test_the_account_of_other_partitions() -> None:
    """The ARN of an account has the partition of the region."""
    principal = Principal.of_account(ACCOUNT, "cn-north-1")

    assert principal.arn == f"arn:aws-cn:iam::{ACCOUNT}:root"
    assert principal.account == ACCOUNT
