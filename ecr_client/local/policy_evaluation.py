"""Evaluation of resource policies in the language of IAM.

Conditions and policy variables are not understood and count against the principal: an Allow with
one does not allow, a Deny with one denies.

Source: https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_policies_evaluation-logic.html
"""

from __future__ import annotations

import json
from enum import Enum
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.registry import partition_of
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from collections.abc import Iterable

_EVERYBODY = "*"
#: How a policy variable such as ``${aws:PrincipalAccount}`` begins.
_VARIABLE = "${"


class Decision(Enum):
    """The result of an evaluation."""

    ALLOWED = "allowed"
    EXPLICITLY_DENIED = "explicitly denied"
    NOT_ALLOWED = "not allowed"


@attrs.frozen
class Principal:
    """The principal of a request.

    Args:
        arn: The ARN of an account's root user, a user, a role, or an assumed role.
    """

    arn: str

    @classmethod
    def of_account(cls, account: str, region: str) -> Principal:
        """Return the principal that stands for a whole account."""
        return cls(f"arn:{partition_of(region)}:iam::{account}:root")

    @property
    def account(self) -> str:
        """The account id, 12 digits."""
        return self.arn.split(":")[4]

    @property
    def levels(self) -> tuple[frozenset[str], ...]:
        """The names of the principal in policies, by level: the account, the role, the session.

        The names within a level mean the same; a name of any level covers the principal.
        """
        _, partition, _, _, account, resource = self.arn.split(":", 5)
        root = f"arn:{partition}:iam::{account}:root"
        found = [frozenset({account, root})]
        kind, _, name = resource.partition("/")
        if kind == "assumed-role":
            role = name.partition("/")[0]
            found.append(frozenset({f"arn:{partition}:iam::{account}:role/{role}"}))
        if self.arn != root:
            found.append(frozenset({self.arn}))
        return tuple(found)


def evaluate(
    policies: Iterable[str], *, principal: Principal, action: str, resource: str
) -> Decision:
    """Return the decision of policies about an action: one Deny outweighs every Allow.

    Args:
        policies: The documents, which were validated when they were set.
        principal: The principal of the request.
        action: The action, such as ``ecr:PutImage``.
        resource: The ARN of the repository.
    """
    effects = {
        statement["Effect"]
        for policy in policies
        for statement in _statements(policy)
        if _applies(statement, principal, action, resource)
    }
    if "Deny" in effects:
        return Decision.EXPLICITLY_DENIED
    return Decision.ALLOWED if effects else Decision.NOT_ALLOWED


@lru_cache(maxsize=64)
def _statements(policy: str) -> list[dict[str, Any]]:
    statements = json.loads(policy)["Statement"]
    return [statements] if isinstance(statements, dict) else statements


def _applies(statement: dict[str, Any], principal: Principal, action: str, resource: str) -> bool:
    denies = statement["Effect"] == "Deny"
    return (
        _applies_to(statement, principal, denies)
        and _covers(statement, "Action", action, denies)
        and _covers(statement, "Resource", resource, denies)
        and (denies or not statement.get("Condition"))
    )


def _applies_to(statement: dict[str, Any], principal: Principal, denies: bool) -> bool:
    """Return whether a statement applies to the principal.

    A Deny with NotPrincipal spares only a principal that is named on every level: a role by its own
    ARN and by its account.
    """
    if "Principal" in statement:
        named = _named(statement["Principal"])
        return _EVERYBODY in named or any(level & named for level in principal.levels)
    named = _named(statement["NotPrincipal"])
    if _EVERYBODY in named:
        return False
    found = [bool(level & named) for level in principal.levels]
    return not all(found) if denies else not any(found)


def _named(principals: Any) -> frozenset[str]:
    """Return the AWS principals of an element; there are no services and federated users here."""
    if principals == _EVERYBODY:
        return frozenset({_EVERYBODY})
    return frozenset(_strings(principals.get("AWS", [])))


def _covers(statement: dict[str, Any], element: str, value: str, denies: bool) -> bool:
    """Return whether Action or Resource, or its negation, covers a value; so does neither."""
    if element == "Action":
        value = value.lower()
    for name, wanted in ((element, True), (f"Not{element}", False)):
        if name in statement:
            patterns = _strings(statement[name])
            if element == "Action":
                patterns = [pattern.lower() for pattern in patterns]
            unsure = denies is wanted
            return any(_matches(pattern, value, unsure) for pattern in patterns) is wanted
    return True


def _matches(pattern: str, text: str, unsure: bool) -> bool:
    """Return whether a string matches a pattern; `unsure` if the pattern has a variable."""
    if _VARIABLE in pattern:
        return unsure
    return matches(pattern, text, single="?")


def _strings(value: str | list[str]) -> list[str]:
    return value if isinstance(value, list) else [value]
