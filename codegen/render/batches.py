"""Renders the batch helpers."""

from __future__ import annotations

from collections.abc import Callable

from codegen.ir import Batch, Service
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Batches(Invoker):
    """One method for each batch operation that limits its number of items."""

'''


def render(service: Service) -> str:
    """Return ``_methods/batches.py``."""
    return (
        banner(service, "Batch operations for any number of items.")
        + HEADER
        + imports(service, [each.operation for each in service.batches])
        + CLASS
        + "\n".join(_method(batch) for batch in service.batches)
    )


def _method(batch: Batch) -> str:
    op = batch.operation
    lines = [f"Call ``{op.method}`` for any number of items, in calls of up to {batch.size}."]
    lines += paragraphs(
        "The result holds the items and the failures of all calls, in the order of the calls, and "
        "the metadata of the last call. If a call raises, the calls before it have taken effect.",
        8,
    )
    entries = [
        (name, text.replace(f"1 to {batch.size} items.", "At least 1 item."))
        for name, text in member_entries(op.request.members)
    ]
    lines += section("Args", entries, 8)
    lines += section("Raises", [(error.name, error.description.summary) for error in op.errors], 8)
    return (
        overloads(f"{op.method}_all", op, op.result) + docstring(lines, 8) + body(op, call(batch))
    )


def call(batch: Batch) -> Callable[[str], str]:
    """Return a function that returns the expression of a batch, given that of the request."""
    start, how = f"self._invoke_all({batch.operation.constant}", f"{batch.member!r}, {batch.size}"
    return lambda request: f"{start}, {request}, {how})"
