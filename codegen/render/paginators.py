"""Renders the paginators."""

from __future__ import annotations

from codegen.ir import Paginator, Service
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Paginators(Invoker):
    """One method for each paginated operation."""

'''


def render(service: Service) -> str:
    """Return ``_generated/paginators.py``."""
    return (
        banner(service, "A paginator for every paginated operation.")
        + HEADER
        + imports(
            service,
            [each.operation for each in service.paginators],
            types="    from ecr_client.pagination import Paginator\n",
            more=(name for each in service.paginators for name in each.item_type.split(" | ")),
        )
        + CLASS
        + "\n".join(_method(paginator) for paginator in service.paginators)
    )


def _method(paginator: Paginator) -> str:
    op = paginator.operation
    lines = [f"Iterate over all results of ``{op.method}``, page by page."]
    lines += paragraphs(
        f"Items: {paginator.item_description} ``.pages()`` yields the result of each call, and "
        "``.resume_from()`` resumes an iteration where it ended. Nothing is sent before the first "
        "item is requested.",
        8,
    )
    entries = [
        *member_entries(op.request.members),
        ("max_items", "Maximum number of items, at least 1. Absent means all."),
    ]
    lines += section("Args", entries, 8)
    raises = [
        ("ParamValidationException", "An argument is invalid; no call was made."),
        ("PaginationException", "The service returned the same token twice."),
        *((error.name, error.description.summary) for error in op.errors),
    ]
    lines += section("Raises", raises, 8)
    returns = f"Paginator[{paginator.item_type}, {op.result}]"
    how = f"{paginator.items!r}, max_items"
    return (
        overloads(f"paginate_{op.method}", op, returns, "max_items: int | None = None")
        + docstring(lines, 8)
        + body(op, lambda request: f"self._paginate({op.constant}, {request}, {how})")
    )
