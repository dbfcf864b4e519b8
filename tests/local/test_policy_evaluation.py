"""What a policy decides about a principal, an action and a resource."""

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
ALL = {ROOT, USER, ROLE, SESSION}
REPOSITORY = f"arn:aws:ecr:us-east-1:{OTHER}:repository/team/app"
ALLOWED, DENIED, NOT_ALLOWED = (Decision.ALLOWED, Decision.EXPLICITLY_DENIED, Decision.NOT_ALLOWED)
CONDITION = {"StringEquals": {"aws:PrincipalOrgID": "o-1"}}
VARIABLE = "arn:aws:ecr:*:*:repository/${aws:username}/*"


def statement(effect: str = "Allow", **changes: Any) -> dict[str, Any]:
    """Return a statement about PutImage for everybody; None removes an element."""
    elements = {"Effect": effect, "Principal": "*", "Action": "ecr:PutImage", **changes}
    return {name: value for name, value in elements.items() if value is not None}


def decide(*policies: Any, arn: str = ROOT) -> Decision:
    """Return what policies with these statements decide about PutImage."""
    texts = [json.dumps({"Version": "2012-10-17", "Statement": each}) for each in policies]
    principal = Principal(arn)
    return evaluate(texts, principal=principal, action="ecr:PutImage", resource=REPOSITORY)


def both(**changes: Any) -> tuple[Decision, Decision]:
    """Return the decisions of a statement as an Allow and as a Deny."""
    return decide([statement(**changes)]), decide([statement("Deny", **changes)])


COVERED, NOT_COVERED = (ALLOWED, DENIED), (NOT_ALLOWED, NOT_ALLOWED)
ALLOW, DENY = statement(), statement("Deny")
ELSEWHERE = {"Action": "ecr:ListImages"}


@pytest.mark.parametrize(
    ("statements", "expected"),
    [
        ([], NOT_ALLOWED),
        ([ALLOW], ALLOWED),
        ([DENY], DENIED),
        ([ALLOW, DENY], DENIED),
        ([DENY, ALLOW], DENIED),
        ([statement(**ELSEWHERE)], NOT_ALLOWED),
        ([statement("Deny", **ELSEWHERE)], NOT_ALLOWED),
        ([ALLOW, statement("Deny", **ELSEWHERE)], ALLOWED),
        ([ALLOW, statement("Deny", Principal={"AWS": OTHER})], ALLOWED),
    ],
)
def test_a_deny_outweighs_every_allow(statements: list[dict[str, Any]], expected: Decision) -> None:
    """The statements of one or several policies are evaluated together, in any order."""
    assert decide(statements) is expected
    assert decide(*statements) is expected  # a single statement needs no list


@pytest.mark.parametrize(
    ("actions", "covered"),
    [
        *((each, True) for each in ("ecr:PutImage", "ECR:putIMAGE", "*", "ecr:*", "ecr:Put*")),
        *((each, True) for each in ("ecr:*Image", "ecr:P*t*I*e", "ecr:Put?mage", "e?r:*Im?ge")),
        *((each, False) for each in ("*?ecr:PutImage", "ecr:PutImage?", "ecr:Put", "s3:*")),
        *((each, False) for each in ("ecr:PutImageTagMutability", "s3:PutImage")),
        (["ecr:ListImages", "ecr:put*"], True),
        (["ecr:ListImages", "ecr:Batch*"], False),
    ],
)
def test_actions(actions: Any, covered: bool) -> None:
    """Actions have wildcards and ignore case; NotAction covers what Action does not."""
    assert both(Action=actions) == (COVERED if covered else NOT_COVERED)
    assert both(Action=None, NotAction=actions) == (NOT_COVERED if covered else COVERED)


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
    """Resources have wildcards and respect case; NotResource covers what Resource does not."""
    assert both(Resource=resources) == (COVERED if covered else NOT_COVERED)
    assert both(NotResource=resources) == (NOT_COVERED if covered else COVERED)


def reached(effect: str, decision: Decision, **changes: Any) -> set[str]:
    """Return the principals for which a statement has a decision."""
    return {arn for arn in ALL if decide([statement(effect, **changes)], arn=arn) is decision}


@pytest.mark.parametrize(
    ("named", "covered"),
    [
        *((each, ALL) for each in ("*", {"AWS": "*"}, {"AWS": ACCOUNT}, {"AWS": ROOT})),
        ({"AWS": [OTHER, ROOT]}, ALL),
        ({"AWS": USER}, {USER}),
        ({"AWS": ROLE}, {ROLE, SESSION}),
        ({"AWS": SESSION}, {SESSION}),
        ({"AWS": [USER, ROLE]}, {USER, ROLE, SESSION}),
        ({"Federated": "*", "AWS": USER}, {USER}),
        *(
            ({"AWS": each}, set())
            for each in (
                *(OTHER, f"arn:aws:iam::{OTHER}:root", f"arn:aws:iam::{OTHER}:role/builder"),
                *(f"arn:aws-cn:iam::{ACCOUNT}:root", f"arn:aws:iam::{ACCOUNT}:*", ROLE.upper()),
            )
        ),
        *(({"Service": each}, set()) for each in ("lambda.amazonaws.com", "*")),
        ({"CanonicalUser": "0" * 64}, set()),
    ],
)
def test_principals(named: Any, covered: set[str]) -> None:
    """An account covers its principals, a role its sessions; ARNs have no partial wildcards."""
    allowed = reached("Allow", ALLOWED, Principal=named)

    assert allowed == reached("Deny", DENIED, Principal=named) == covered


@pytest.mark.parametrize(
    ("named", "allowed", "denied"),
    [
        ("*", set(), set()),
        ({"AWS": ROOT}, set(), {USER, ROLE, SESSION}),
        ({"AWS": ACCOUNT}, set(), {USER, ROLE, SESSION}),
        ({"AWS": USER}, {ROOT, ROLE, SESSION}, ALL),
        ({"AWS": [USER, ROOT]}, set(), {ROLE, SESSION}),
        ({"AWS": [ROLE, ROOT]}, set(), {USER, SESSION}),
        ({"AWS": [SESSION, ROLE, ROOT]}, set(), {USER}),
        ({"AWS": OTHER}, ALL, ALL),
        ({"Service": "*"}, ALL, ALL),
    ],
)
def test_excluded_principals(named: Any, allowed: set[str], denied: set[str]) -> None:
    """A NotPrincipal that exempts from a Deny has to name the account, too; in an Allow, not."""
    changes = {"Principal": None, "NotPrincipal": named}

    assert reached("Allow", ALLOWED, **changes) == allowed
    assert reached("Deny", DENIED, **changes) == denied


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ({"Condition": {}}, COVERED),
        ({"Condition": CONDITION}, (NOT_ALLOWED, DENIED)),
        ({"Condition": {"StringEquals": {}}}, (NOT_ALLOWED, DENIED)),
        ({"Condition": CONDITION, **ELSEWHERE}, NOT_COVERED),
        ({"Condition": CONDITION, "Principal": {"AWS": OTHER}}, NOT_COVERED),
        ({"Condition": CONDITION, "NotResource": "*"}, NOT_COVERED),
        ({"Resource": VARIABLE}, (NOT_ALLOWED, DENIED)),
        ({"NotResource": VARIABLE}, (NOT_ALLOWED, DENIED)),
    ],
)
def test_conditions_and_variables(changes: dict[str, Any], expected: Any) -> None:
    """With a condition or a variable, an Allow does not allow, but a Deny still denies."""
    assert both(**changes) == expected


def test_the_account_of_other_partitions() -> None:
    """The ARN of an account has the partition of the region."""
    principal = Principal.of_account(ACCOUNT, "cn-north-1")

    assert (principal.arn, principal.account) == (f"arn:aws-cn:iam::{ACCOUNT}:root", ACCOUNT)
