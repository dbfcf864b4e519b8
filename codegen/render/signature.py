"""The signature of all generated methods: a request object, or its members as keywords."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from codegen.ir import Member, Operation, Service
from codegen.render.text import type_names

#: The imports that annotations need; they are for tools only and cost nothing at run time.
HEADER = "from __future__ import annotations\n\nfrom typing import TYPE_CHECKING, Any, overload\n\n"


def overloads(
    method: str, operation: Operation, returns: str, extra: str = "", define: str = "def"
) -> str:
    """Return both overloads of a method and the head of its implementation.

    Args:
        method: Its name.
        operation: The operation whose members are the keywords.
        returns: The annotation of what it returns.
        extra: Further keyword parameters, written out, which both forms take.
        define: ``def`` or ``async def``.
    """
    request = operation.request
    keywords = "".join(f"{_parameter(member)}, " for member in request.members)
    star = "*, " if keywords or extra else ""
    only_extra = f", *, {extra}" if extra else ""
    more = f"{extra}, " if extra else ""
    return (
        "    @overload\n"
        f"    {define} {method}(self, request: {request.name}, /{only_extra}) -> {returns}: ...\n"
        "    @overload\n"
        f"    {define} {method}(self, {star}{keywords}{extra}) -> {returns}: ...\n"
        f"    @takes({operation.constant})\n"
        f"    {define} {method}(self, *args: Any, {more}**members: Any) -> {returns}:\n"
    )


def body(operation: Operation, call: Callable[[str], str], keyword: str = "return") -> str:
    """Return the body of a method: one expression.

    Args:
        operation: The operation whose members are the keywords.
        call: Returns the expression that makes the call, given that of the request.
        keyword: ``return`` or ``return await``.
    """
    return f"        {keyword} {call(f'{operation.constant}.request(args, members)')}\n"


def reach(variable: str, path: Sequence[str], absent: str) -> str:
    """Return the expression for the value at a path of attributes that may be ``None``."""
    steps = [".".join((variable, *path[:number])) for number in range(1, len(path) + 1)]
    *owners, found = steps
    tests = " or ".join(f"{owner} is None" for owner in owners)
    return f"({absent} if {tests} else {found})" if tests else found


def imports(
    service: Service,
    operations: Sequence[Operation],
    *,
    bases: str = "from ecr_client._invoker import Invoker\n",
    types: str = "",
    more: Iterable[str] = (),
) -> str:
    """Return the imports of a module of methods.

    Args:
        service: Knows which names in annotations are those of types.
        operations: The operations that are called, whose requests and results are annotated.
        bases: The imports of base classes and constants, written out.
        types: Further imports for type checkers, written out.
        more: Further names in annotations.
    """
    names = set(more)
    for operation in operations:
        names |= {operation.request.name, operation.result}
        names |= type_names(operation.request.members)
    models = "".join(
        f"    from ecr_client._generated.models import {name}\n"
        for name in sorted(names & service.module_of.keys())
    )
    constants = "".join(
        f"from ecr_client._generated.operations import {name}\n"
        for name in sorted({operation.constant for operation in operations})
    )
    return (
        f"{constants}{bases}"
        "from ecr_client._signatures import takes\n\nif TYPE_CHECKING:\n"
        "    from collections.abc import Sequence\n"
        f"{types}{models}"
    )


def _parameter(member: Member) -> str:
    if member.required:
        return f"{member.name}: {member.type}"
    return f"{member.name}: {member.optional_type} = None"
