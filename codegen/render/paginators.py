"""Renders the paginators."""

from __future__ import annotations

from collections.abc import Callable

from codegen.ir import Paginator, Service
from codegen.render.signature import HEADER, body, imports, overloads
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

#: The keyword that all paginators take besides the members of the request.
EXTRA = "max_items: int | None = None"

CLASS = '''

class Paginators(Invoker):
    """One method for each paginated operation."""

'''


def render(service: Service) -> str:
    """Return ``_methods/paginators.py``."""
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
    return (
        overloads(f"paginate_{op.method}", op, f"Paginator[{items(paginator)}]", EXTRA)
        + docstring(lines, 8)
        + body(op, call(paginator))
    )


def items(paginator: Paginator) -> str:
    """Return the types of the items and the pages of a paginator."""
    return f"{paginator.item_type}, {paginator.operation.result}"


def call(paginator: Paginator) -> Callable[[str], str]:
    """Return a function that returns the expression of a paginator, given that of the request."""
    start = f"self._paginate({paginator.operation.constant}"
    return lambda request: f"{start}, {request}, {paginator.items!r}, max_items)"
