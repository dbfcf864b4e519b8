"""Renders the interface: one method per operation."""

from __future__ import annotations

from codegen.kinds import Operation, Plan
from codegen.render.signature import HEADER, members_dict, overloads, type_imports
from codegen.render.text import (
    banner,
    docstring,
    member_entries,
    paragraphs,
    reference,
    section,
)


def render(plan: Plan) -> str:
    """Return ``_generated/operations.py``."""
    return (
        banner(plan, "The interface: every operation of Amazon ECR.")
        + HEADER.replace("TYPE_CHECKING,", "TYPE_CHECKING, ClassVar,")
        + type_imports(plan, plan.operations, "    from typing import Any\n")
        + '''

class AmazonECR:
    """The operations of Amazon ECR; each takes a request object or its members as keywords.

    `ecr_client.ECRClient` implements it; derive from either for a test double.

    Attributes:
        ENDPOINT_PREFIX: The name by which region metadata knows the service.
    """

    ENDPOINT_PREFIX: ClassVar[str] = "ecr"

    def _invoke(self, operation: str, request: object, members: dict[str, object]) -> Any:
        """Make one call; the one method that an implementation has to supply."""
        raise NotImplementedError(f"{type(self).__name__} does not implement {operation}")

'''
        + "\n".join(_method(op) for op in plan.operations)
    )


def _method(op: Operation) -> str:
    lines = [op.text.summary]
    if op.text.details:
        lines += paragraphs(op.text.details, 8)
    lines += section("Args", member_entries(op.request.members), 8)
    raises = [(error.name, error.text.summary) for error in op.errors]
    lines += section("Raises", raises, 8)
    lines += ["", reference(op.name)]
    return overloads(op.method, op, op.result) + docstring(lines, 8) + _body(op)


def _body(op: Operation) -> str:
    hidden = [member.name for member in op.request.members if member.repr]
    members = members_dict(op.request)
    if not hidden:
        return f"        return self._invoke({op.name!r}, request, {members})\n"
    # A traceback with local variables shows those of this method, too.
    return (
        f"        members: dict[str, object] = {members}\n"
        f"        del {', '.join(hidden)}  # or tracebacks with local variables would show it\n"
        f"        return self._invoke({op.name!r}, request, members)\n"
    )
