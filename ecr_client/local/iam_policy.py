"""Validation of resource policies in the language of IAM; `policy_evaluation` applies them.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_grammar.html
"""

from __future__ import annotations

import re
from typing import Any

import orjson

from ecr_client.local.wildcards import matches

_VERSIONS = ("2008-10-17", "2012-10-17")
_PRINCIPALS = {"AWS", "CanonicalUser", "Federated", "Service"}
_MEMBERS = {
    "Sid",
    "Effect",
    "Principal",
    "NotPrincipal",
    "Action",
    "NotAction",
    "Resource",
    "NotResource",
    "Condition",
}
_ACTION = re.compile(r"\*|[A-Za-z0-9-]+:[A-Za-z0-9*?]+")


class InvalidPolicyError(ValueError):
    """A document that is not a valid policy; the message says why."""


def read_policy(text: str, *, resource_required: bool) -> list[dict[str, Any]]:
    """Return the statements of a policy.

    Args:
        text: The policy as it was sent.
        resource_required: Whether statements must name resources, as those of a registry. The
            policy of a repository is about that repository anyway.

    Raises:
        InvalidPolicyError: It is not a valid policy.
    """
    try:
        policy = orjson.loads(text)
    except ValueError:
        raise InvalidPolicyError("the policy must be JSON") from None
    if not isinstance(policy, dict):
        raise InvalidPolicyError("the policy must be a JSON object")
    _check_members(policy, {"Version", "Id", "Statement"})
    if policy.get("Version", _VERSIONS[0]) not in _VERSIONS:
        raise InvalidPolicyError(f"Version must be one of {', '.join(_VERSIONS)}")
    statements = policy.get("Statement")
    if isinstance(statements, dict):
        statements = [statements]
    if not isinstance(statements, list) or not statements:
        raise InvalidPolicyError("Statement must be an object or an array of objects")
    for statement in statements:
        _check_statement(statement, resource_required)
    return statements


def denies_everyone(statements: list[dict[str, Any]], action: str) -> bool:
    """Return whether a statement denies an action to everybody without a condition."""
    return any(
        statement["Effect"] == "Deny"
        and statement.get("Principal") in ("*", {"AWS": "*"}, {"AWS": ["*"]})
        and not statement.get("Condition")
        and _covers(statement, action)
        for statement in statements
    )


def _covers(statement: dict[str, Any], action: str) -> bool:
    wanted = action.lower()
    if "NotAction" in statement:
        return not _names(statement["NotAction"], wanted)
    return _names(statement["Action"], wanted)


def _names(actions: object, wanted: str) -> bool:
    return any(matches(action.lower(), wanted, single="?") for action in _strings(actions))


def _check_statement(statement: object, resource_required: bool) -> None:
    if not isinstance(statement, dict):
        raise InvalidPolicyError("a Statement must be an object")
    _check_members(statement, _MEMBERS)
    if statement.get("Effect") not in ("Allow", "Deny"):
        raise InvalidPolicyError("Effect must be Allow or Deny")
    if not isinstance(statement.get("Sid", ""), str):
        raise InvalidPolicyError("Sid must be a string")
    principal = statement[_one_of(statement, "Principal", "NotPrincipal")]
    _check_principal(principal)
    actions = _strings(statement[_one_of(statement, "Action", "NotAction")])
    if not all(_ACTION.fullmatch(action) for action in actions):
        raise InvalidPolicyError("an Action must have the form service:name")
    if resource_required or {"Resource", "NotResource"} & set(statement):
        _strings(statement[_one_of(statement, "Resource", "NotResource")])
    _check_condition(statement.get("Condition", {}))


def _check_members(value: dict[str, Any], allowed: set[str]) -> None:
    if unknown := sorted(set(value) - allowed):
        raise InvalidPolicyError(f"{unknown[0]} is not a known member")


def _one_of(statement: dict[str, Any], *names: str) -> str:
    given = [name for name in names if name in statement]
    if len(given) != 1:
        raise InvalidPolicyError(f"a Statement must have exactly one of {' and '.join(names)}")
    return given[0]


def _strings(value: object) -> list[str]:
    given: list[object] = value if isinstance(value, list) else [value]
    found = [one for one in given if isinstance(one, str) and one]
    if not found or len(found) < len(given):
        raise InvalidPolicyError("an element must be a string or an array of strings")
    return found


def _check_principal(principal: object) -> None:
    if principal == "*":
        return
    if not isinstance(principal, dict) or not principal or set(principal) - _PRINCIPALS:
        raise InvalidPolicyError("Principal must be * or an object of principals")
    for one in principal.values():
        _strings(one)


def _check_condition(condition: object) -> None:
    if not isinstance(condition, dict):
        raise InvalidPolicyError("Condition must be an object")
    for operands in condition.values():
        if not isinstance(operands, dict):
            raise InvalidPolicyError("the operands of a Condition must be an object")
        for values in operands.values():
            for value in values if isinstance(values, list) else [values]:
                if not isinstance(value, (str, int, float)):
                    raise InvalidPolicyError(
                        "a value of a Condition must be a string, a number or a boolean"
                    )
