"""What each response means to a waiter: the model's acceptors, and a decision on every other state.

A waiter that looks at an enum has to know all of its values. One that it does not know would keep
it waiting until its time is over, even if it is a success or a failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from botocore.model import OperationModel

from codegen import naming
from codegen.kinds import Acceptors

OUTCOMES = ("success", "failure", "retry")


def decide(
    waiter: str,
    acceptors: Sequence[Mapping[str, Any]],
    operation: OperationModel,
    decisions: Mapping[str, str],
) -> tuple[Acceptors, list[str]]:
    """Return what the responses mean to a waiter, and what is wrong with that.

    Args:
        waiter: Its name.
        acceptors: Those of the model.
        operation: What it calls.
        decisions: What the states mean of which the model says nothing.
    """
    by_matcher: dict[str, dict[Any, str]] = {"path": {}, "error": {}, "status": {}}
    for each in acceptors:
        by_matcher.setdefault(each["matcher"], {})[each["expected"]] = each["state"]
    path, description, known = _member(
        {each["argument"] for each in acceptors if each["matcher"] == "path"}, operation
    )
    modeled, errors, statuses, *others = by_matcher.values()
    problems = [*_problems(modeled, decisions, known)]
    problems += [
        f"{operation.name} has no error {code}"
        for code in errors
        if code not in {shape.name for shape in operation.error_shapes}
    ]
    if others:
        problems.append(f"no such matcher is known: {', '.join([*by_matcher][3:])}")
    return Acceptors({**modeled, **decisions}, path, description, errors, statuses), [
        f"customizations.toml: the waiter {waiter}: {problem}" for problem in problems
    ]


def _member(
    paths: Collection[str], operation: OperationModel
) -> tuple[tuple[str, ...], tuple[str, ...], Sequence[str]]:
    """Return the paths of the member that decides and of the one that explains it, and its enum."""
    if not paths:
        return (), (), ()
    (found,) = paths
    *owners, last = found.split(".")
    owner: Any = operation.output_shape
    for part in owners:
        owner = owner.members[part]
    names = tuple(naming.member_name(part) for part in owners)
    description = (*names, "description") if "description" in owner.members else ()
    return (*names, naming.member_name(last)), description, getattr(owner.members[last], "enum", ())


def _problems(
    modeled: Mapping[str, str], decisions: Mapping[str, str], known: Sequence[str]
) -> Iterator[str]:
    for state in known:
        if state not in modeled and state not in decisions:
            yield f"no decision on the state {state}"
    for state in modeled:
        if known and state not in known:
            yield f"botocore decides on {state}, which is no state"
    for state, outcome in decisions.items():
        if state not in known:
            yield f"{state} is no state"
        elif state in modeled:
            yield f"botocore now decides on {state} itself"
        if outcome not in OUTCOMES:
            yield f"{state} must be one of {', '.join(OUTCOMES)}, got {outcome!r}"
