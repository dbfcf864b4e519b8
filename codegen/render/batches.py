"""Renders the batch helpers."""

from __future__ import annotations

from codegen.kinds import Batch, Plan
from codegen.render.signature import HEADER, members_dict, overloads, type_imports
from codegen.render.text import banner, docstring, member_entries, paragraphs, section


def render(plan: Plan) -> str:
    """Return ``_generated/batches.py``."""
    operations = [each.operation for each in plan.batches]
    return (
        banner(plan, "Batch operations without their limit on the number of items.")
        + HEADER
        + type_imports(plan, operations, "    from typing import Any\n")
        + '''

class Batches:
    """One method per batch operation whose list of items is bounded."""

    def _invoke_all(
        self, operation: str, request: object, members: dict[str, object], member: str, size: int
    ) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not split {operation}")

'''
        + "\n".join(_method(batch) for batch in plan.batches)
    )


def _method(batch: Batch) -> str:
    op = batch.operation
    lines = [f"``{op.method}`` for any number of items, in calls of {batch.size}."]
    lines += paragraphs(
        "The result holds the items and the failures of all calls, in the order of the calls, and "
        "the metadata of the last one. If a call raises, the calls before it have done their work.",
        8,
    )
    entries = [
        (name, text.replace(f"1 to {batch.size} items.", "At least 1 item."))
        for name, text in member_entries(op.request.members)
    ]
    lines += section("Args", entries, 8)
    lines += section("Raises", [(error.name, error.text.summary) for error in op.errors], 8)
    return (
        overloads(f"{op.method}_all", op, op.result)
        + docstring(lines, 8)
        + f"        return self._invoke_all({op.name!r}, request, {members_dict(op.request)}, "
        f"{batch.member!r}, {batch.size})\n"
    )
