"""What each response means to a waiter: the model's acceptors, and our decisions on other states.

A waiter that reads an enum has to know all of its values: a state that it does not know keeps it
waiting until its time is up, even if the state is a success or a failure.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping, Sequence
from typing import Any

from botocore.model import OperationModel

from codegen import naming
from codegen.ir import Acceptors

OUTCOMES = ("success", "failure", "retry")


def decide(
    waiter: str,
    acceptors: Sequence[Mapping[str, Any]],
    operation: OperationModel,
    decisions: Mapping[str, str],
) -> tuple[Acceptors, list[str], list[str]]:
    """Return what the responses mean to a waiter, the problems with that, and the gaps in it.

    Args:
        waiter: Its name.
        acceptors: Those of the model.
        operation: What it calls.
        decisions: The meaning of the states that no acceptor names. A state that is missing here
            too is a gap, and keeps the waiter waiting, as unknown states do at run time.
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
        problems.append(f"unknown matcher {', '.join([*by_matcher][3:])}")
    undecided = [state for state in known if state not in modeled and state not in decisions]
    states = {**modeled, **decisions, **dict.fromkeys(undecided, "retry")}
    where = f"customizations.toml: waiter_states.{waiter}"
    return (
        Acceptors(states, path, description, errors, statuses),
        [f"{where}: {problem}" for problem in problems],
        [f"{where}: no decision on the state {state}" for state in undecided],
    )


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
    for state in modeled:
        if known and state not in known:
            yield f"botocore decides on {state}, which is not a state of the model"
    for state, outcome in decisions.items():
        if state not in known:
            yield f"{state} is not a state of the model"
        elif state in modeled:
            yield f"botocore decides on {state} itself; delete the entry"
        if outcome not in OUTCOMES:
            yield f"{state} must be one of {', '.join(OUTCOMES)}, got {outcome!r}"
