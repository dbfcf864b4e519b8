"""Renders the request, result and data types, and the index of where each of them lives."""

from __future__ import annotations

from codegen import naming
from codegen.kinds import Member, Plan, Structure
from codegen.plan import COMMON
from codegen.render.text import (
    banner,
    docstring,
    member_entries,
    reference,
    section,
    type_names,
)

#: Comparison and repr are those of the base: compiling them for each class would slow down imports.
DECORATOR = (
    "@attrs.frozen(kw_only=True, eq=False, repr=False, weakref_slot=False, "
    "field_transformer=immutable)"
)


def render_module(plan: Plan, module: str) -> str:
    """Return one module of ``_generated/models/``."""
    structures = plan.modules[module]
    body = "".join(_class(structure) for structure in structures)
    used = set().union(*(type_names(structure.members) for structure in structures))
    shapes = {structure.base for structure in structures} | {"immutable"}
    shapes |= {m.repr for s in structures for m in s.members if m.repr}
    shapes |= {"NO_ENTRIES"} if "NO_ENTRIES" in body else set()
    containers = sorted(used & {"Mapping", "Sequence"})
    enums = sorted(used & {enum.name for enum in plan.enums})
    common = (
        sorted(used & {structure.name for structure in plan.modules.get(COMMON, ())})
        if module != COMMON
        else []
    )
    title = f"Types of {module.replace('_', ' ')}." if module != COMMON else "Types used widely."
    return (
        banner(plan, title)
        + (f"from collections.abc import {', '.join(containers)}\n" if containers else "")
        + ("from datetime import datetime\n" if "datetime" in used else "")
        + "\nimport attrs\n\n"
        + (f"from ecr_client._generated.enums import {', '.join(enums)}\n" if enums else "")
        + (
            f"from ecr_client._generated.models.common import {', '.join(common)}\n"
            if common
            else ""
        )
        + f"from ecr_client._shapes import {', '.join(sorted(shapes))}\n"
        + body
    )


def render_index(plan: Plan) -> str:
    """Return ``_generated/models/__init__.py``: everything visible to tools, nothing loaded."""
    places = {s.name: f"models.{module}" for module, found in plan.modules.items() for s in found}
    places |= {enum.name: "enums" for enum in plan.enums}
    imports = "".join(
        f"    from ecr_client._generated.{place} import {name} as {name}\n"
        for name, place in sorted(places.items(), key=lambda item: (item[1], item[0]))
    )
    where = "".join(f"    {name!r}: {places[name]!r},\n" for name in sorted(places))
    names = "".join(f"    {name!r},\n" for name in sorted(places))
    return (
        banner(plan, "All types, each loaded with its module when it is first used.")
        + "from typing import TYPE_CHECKING\n\n"
        + f"if TYPE_CHECKING:\n{imports}\n"
        + f"__all__ = [\n{names}]\n\n"
        + "#: The module of each type, below ``ecr_client._generated``.\n"
        + f"MODULE_OF = {{\n{where}}}\n"
    )


def _class(structure: Structure) -> str:
    lines = [structure.summary]
    lines += section("Attributes", member_entries(structure.members), 4)
    page = structure.shape
    for kind in ("Request", "Response"):
        if structure.base != "Structure":
            page = page.removesuffix(kind)
    lines += ["", reference(page)]
    fields = "".join(_field(member) for member in structure.members)
    return (
        f"\n\n{DECORATOR}\nclass {structure.name}({structure.base}):\n"
        + docstring(lines, 4)
        + (f"\n{fields}" if fields else "")
    )


def _field(member: Member) -> str:
    metadata: dict[str, str | int] = {}
    if naming.wire_name(member.name) != member.wire_name:
        metadata["wire_name"] = member.wire_name
    if member.minimum is not None:
        metadata["min"] = member.minimum
    if member.item_minimum is not None:
        metadata["item_min"] = member.item_minimum
    has_default = not member.required
    hint = member.optional_type if has_default and member.default == "None" else member.type
    arguments = []
    if has_default:
        arguments.append(f"default={member.default}")
    if member.repr:
        arguments.append(f"repr={member.repr}")
    if metadata:
        arguments.append(f"metadata={metadata}")
    if len(arguments) == 0:
        return f"    {member.name}: {hint}\n"
    if has_default and len(arguments) == 1:
        return f"    {member.name}: {hint} = {member.default}\n"
    return f"    {member.name}: {hint} = attrs.field({', '.join(arguments)})\n"
