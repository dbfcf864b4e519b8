"""The signature that operations, paginators, waiters and batches share: an object or keywords."""

from __future__ import annotations

from collections.abc import Iterable

from codegen.kinds import Member, Operation, Plan, Structure
from codegen.render.text import type_names

#: The imports that annotations need; they are for tools only and cost nothing at run time.
HEADER = "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, overload\n\n"


def overloads(method: str, operation: Operation, returns: str, extra: str = "") -> str:
    """Return both overloads of a method and the head of its implementation.

    Args:
        method: Its name.
        operation: Whose members are the keywords.
        returns: The annotation of what it returns.
        extra: Further keyword parameters, written out, which both forms take.
    """
    request = operation.request
    keywords = "".join(f"{_parameter(member)}, " for member in request.members)
    loose = "".join(f"{member.name}: {member.optional_type} = None, " for member in request.members)
    star = "*, " if keywords or extra else ""
    only_extra = f"*, {extra}" if extra else ""
    # The implementation has no "/": mypy would not accept it as one of the second overload.
    return (
        "    @overload\n"
        f"    def {method}(self, request: {request.name}, /, {only_extra}) -> {returns}: ...\n"
        "    @overload\n"
        f"    def {method}(self, {star}{keywords}{extra}) -> {returns}: ...\n"
        f"    def {method}(self, request: {request.name} | Unset = UNSET, "
        f"{star}{loose}{extra}) -> {returns}:\n"
    )


def members_dict(request: Structure) -> str:
    """Return the dict display that hands the keywords on."""
    return "{" + ", ".join(f"{m.name!r}: {_handed_on(m)}" for m in request.members) + "}"


def _handed_on(member: Member) -> str:
    """Return what hands a member on; one with a repr of its own must not be seen on the way."""
    return f"Hidden({member.name})" if member.repr else member.name


def type_imports(
    plan: Plan, operations: Iterable[Operation], extra: str = "", more: Iterable[str] = ()
) -> str:
    """Return the block of imports for type checkers.

    Args:
        plan: Which tells the names of types from other words.
        operations: Those whose requests and results are mentioned.
        extra: Further imports, written out.
        more: Further words of annotations.
    """
    known = {s.name for found in plan.modules.values() for s in found}
    known |= {enum.name for enum in plan.enums}
    names = set(more)
    shapes = ["UNSET"]
    if any(member.repr for operation in operations for member in operation.request.members):
        shapes.append("Hidden")
    for operation in operations:
        names |= {operation.request.name, operation.result}
        names |= type_names(operation.request.members)
    imported = "".join(
        f"    from ecr_client._generated.models import {name}\n" for name in sorted(names & known)
    )
    return (
        f"from ecr_client._shapes import {', '.join(shapes)}\n\nif TYPE_CHECKING:\n"
        "    from collections.abc import Sequence\n"
        f"{extra}{imported}    from ecr_client._shapes import Unset\n"
    )


def _parameter(member: Member) -> str:
    if member.required:
        return f"{member.name}: {member.type}"
    return f"{member.name}: {member.optional_type} = None"
