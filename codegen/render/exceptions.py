"""Renders the modeled errors."""

from __future__ import annotations

from codegen.ir import Error, Service
from codegen.render.text import (
    API_REFERENCE,
    banner,
    docstring,
    member_entries,
    paragraphs,
    section,
)


def render(service: Service) -> str:
    """Return ``_generated/exceptions.py``."""
    exported = "".join(f"    {error.name!r},\n" for error in service.errors)
    names = "".join(f"    {error.name!r}: {error.name},\n" for error in service.errors)
    return (
        banner(service, "The exceptions of the service's model.")
        + "from __future__ import annotations\n\n"
        + "from typing import TYPE_CHECKING, ClassVar\n\n"
        + "from ecr_client._exceptions import AmazonECRException\n\n"
        + "if TYPE_CHECKING:\n    from collections.abc import Mapping\n\n"
        + f"__all__ = [\n{exported}]\n"
        + "".join(_class(service, error) for error in service.errors)
        + "\n\n#: The class of each modeled error code.\n"
        + f"MODELED: dict[str, type[AmazonECRException]] = {{\n{names}}}\n"
        + "\nfor _class in MODELED.values():\n    _class._IS_MODELED = True\n"
    )


def _class(service: Service, error: Error) -> str:
    raised_by = [op for op in service.operations if error in op.errors]
    lines = [error.description.summary]
    if error.description.details:
        lines += paragraphs(error.description.details, 4)
    lines += section("Attributes", member_entries(error.members), 4)
    # Errors have no pages of their own in the API reference; those of operations list them.
    page = f"API_{raised_by[0].name}" if raised_by else "CommonErrors"
    lines += ["", f"{API_REFERENCE}/{page}.html"]
    text = f"\n\nclass {error.name}(AmazonECRException):\n{docstring(lines, 4)}\n"
    text += '    __module__ = "ecr_client.exceptions"\n\n'
    text += f"    DEFAULT_CODE: ClassVar[str] = {error.name!r}\n"
    if error.server_fault:
        text += "    SERVER_FAULT: ClassVar[bool] = True\n"
    if error.members:
        entries = ", ".join(
            f"{member.name!r}: ({member.wire_name!r}, {member.type})" for member in error.members
        )
        text += f"    MEMBERS: ClassVar[Mapping[str, tuple[str, type]]] = {{{entries}}}\n\n"
        text += "".join(
            f"    {member.name}: {member.optional_type} = None\n" for member in error.members
        )
    return text
