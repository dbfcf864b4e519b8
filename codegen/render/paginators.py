"""Renders the paginators."""

from __future__ import annotations

from codegen.kinds import Paginator, Plan
from codegen.render.signature import HEADER, members_dict, overloads, type_imports
from codegen.render.text import banner, docstring, member_entries, paragraphs, section


def render(plan: Plan) -> str:
    """Return ``_generated/paginators.py``."""
    operations = [each.operation for each in plan.paginators]
    return (
        banner(plan, "A paginator for every operation that answers in pages.")
        + HEADER
        + type_imports(
            plan,
            operations,
            "    from typing import Any\n    from ecr_client.pagination import Paginator\n",
            (name for each in plan.paginators for name in each.item_type.split(" | ")),
        )
        + '''

class Paginators:
    """One method per operation that answers in pages."""

    def _paginate(
        self,
        operation: str,
        request: object,
        members: dict[str, object],
        items: tuple[tuple[str, ...], ...],
    ) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not page {operation}")

'''
        + "\n".join(_method(paginator) for paginator in plan.paginators)
    )


def _method(paginator: Paginator) -> str:
    op = paginator.operation
    lines = [f"Iterates over everything that ``{op.method}`` finds, page by page."]
    lines += paragraphs(
        f"Each item: {paginator.item_words} ``.pages()`` gives the results themselves. Nothing "
        "is sent before the first item is asked for.",
        8,
    )
    lines += section("Args", member_entries(op.request.members), 8)
    raises = [("PaginationException", "The service repeated a token, which would page forever.")]
    raises += [(error.name, error.text.summary) for error in op.errors]
    lines += section("Raises", raises, 8)
    return (
        overloads(f"paginate_{op.method}", op, f"Paginator[{paginator.item_type}, {op.result}]")
        + docstring(lines, 8)
        + f"        return self._paginate({op.name!r}, request, {members_dict(op.request)}, "
        f"{paginator.items!r})\n"
    )
