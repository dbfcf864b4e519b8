"""Renders the paginators."""

from __future__ import annotations

from codegen.kinds import Paginator, Plan
from codegen.render.signature import HEADER, body, imports, overloads, reach
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Paginators(Invoker):
    """One method per operation that answers in pages."""

'''


def render(plan: Plan) -> str:
    """Return ``_generated/paginators.py``."""
    methods = "\n".join(_method(paginator) for paginator in plan.paginators)
    return (
        banner(plan, "A paginator for every operation that answers in pages.")
        + HEADER.replace("from typing", f"{_chain(methods)}from typing")
        + imports(
            plan,
            [each.operation for each in plan.paginators],
            types="    from ecr_client.pagination import Paginator\n",
            more=(name for each in plan.paginators for name in each.item_type.split(" | ")),
        )
        + CLASS
        + methods
    )


def _chain(methods: str) -> str:
    return "from itertools import chain\n" if "chain(" in methods else ""


def _method(paginator: Paginator) -> str:
    op = paginator.operation
    lines = [f"Iterate over everything that ``{op.method}`` finds, page by page."]
    lines += paragraphs(
        f"Each item: {paginator.item_words} ``.pages()`` yields the results themselves. Nothing "
        "is sent before the first item is asked for.",
        8,
    )
    lines += section("Args", member_entries(op.request.members), 8)
    raises = [("PaginationException", "The service repeated a token, which would page forever.")]
    raises += [(error.name, error.text.summary) for error in op.errors]
    lines += section("Raises", raises, 8)
    lists = [reach("page", path, "()") for path in paginator.items]
    items = lists[0] if len(lists) == 1 else f"chain({', '.join(lists)})"
    return (
        overloads(f"paginate_{op.method}", op, f"Paginator[{paginator.item_type}, {op.result}]")
        + docstring(lines, 8)
        + body(
            op, lambda request: f"self._paginate({op.constant}, {request}, lambda page: {items})"
        )
    )
