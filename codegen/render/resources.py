"""Renders the table of resources."""

from __future__ import annotations

from codegen.kinds import Plan
from codegen.render.text import banner


def render(plan: Plan) -> str:
    """Return ``_generated/resources.py``, which is for the reference; the client never loads it."""
    table = "".join(
        f"    {name!r}: {module.resource!r},\n" for name, module in sorted(plan.module_of.items())
    )
    return (
        banner(plan, "The resource of each type, by which the reference is divided into pages.")
        + "#: The resource of each type; ``common`` if operations of several resources need it.\n"
        + f"RESOURCE_OF: dict[str, str] = {{\n{table}}}\n"
    )
