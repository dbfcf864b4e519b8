"""Renders the paginators."""

from __future__ import annotations

from codegen.kinds import Paginator, Plan
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Paginators(Invoker):
    """One method per operation that answers in pages."""

'''


def render(plan: Plan) -> str:
    """Return ``_generated/paginators.py``."""
    return (
        banner(plan, "A paginator for every operation that answers in pages.")
        + HEADER
        + imports(
            plan,
            [each.operation for each in plan.paginators],
            types="    from ecr_client.pagination import Paginator\n",
            more=(name for each in plan.paginators for name in each.item_type.split(" | ")),
        )
        + CLASS
        + "\n".join(_method(paginator) for paginator in plan.paginators)
    )


def _method(paginator: Paginator) -> str:
    op = paginator.operation
    lines = [f"Iterate over everything that ``{op.method}`` finds, page by page."]
    lines += paragraphs(
        f"Each item: {paginator.item_words} ``.pages()`` yields the results themselves, and "
        "``.resume_from()`` goes on where an iteration ended. Nothing is sent before the first "
        "item is asked for.",
        8,
    )
    entries = [
        *member_entries(op.request.members),
        ("max_items", "The most items to iterate over, at least 1. Absent means all."),
    ]
    lines += section("Args", entries, 8)
    raises = [
        ("ParamValidationException", "An argument cannot be right; nothing was sent."),
        ("PaginationException", "The service repeated a token, which would page forever."),
        *((error.name, error.text.summary) for error in op.errors),
    ]
    lines += section("Raises", raises, 8)
    returns = f"Paginator[{paginator.item_type}, {op.result}]"
    how = f"{paginator.items!r}, max_items"
    return (
        overloads(f"paginate_{op.method}", op, returns, "max_items: int | None = None")
        + docstring(lines, 8)
        + body(op, lambda request: f"self._paginate({op.constant}, {request}, {how})")
    )
