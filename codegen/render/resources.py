"""Renders the table of resources."""

from __future__ import annotations

from codegen.ir import Service
from codegen.render.text import banner


def render(service: Service) -> str:
    """Return ``_generated/resources.py``, which the reference needs and the client never loads."""
    table = "".join(
        f"    {name!r}: {module.resource!r},\n"
        for name, module in sorted(service.module_of.items())
    )
    return (
        banner(service, "The resource of each type: the page of the reference that documents it.")
        + "#: The resource of each type; ``common`` if operations of several resources need it.\n"
        + f"RESOURCE_OF: dict[str, str] = {{\n{table}}}\n"
    )
