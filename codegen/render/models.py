"""Renders the types, and the index of their modules."""

from __future__ import annotations

from codegen import naming
from codegen.ir import Enum, Member, Module, Service, Structure
from codegen.render.text import (
    banner,
    docstring,
    member_entries,
    reference,
    section,
    type_names,
)

#: Comparison and repr come from the base: compiling them for each class slows down imports.
DECORATOR = (
    "@attrs.frozen(kw_only=True, eq=False, repr=False, weakref_slot=False, "
    "field_transformer=immutable)"
)


def render_module(service: Service, module: Module) -> str:
    """Return one module of ``_generated/models/``."""
    structures = "".join(map(_class, module.structures))
    return (
        banner(service, _title(module))
        + _imports(service, module, structures)
        + "".join(map(_enum, module.enums))
        + structures
    )


def render_index(service: Service) -> str:
    """Return ``_generated/models/__init__.py``, which tools can read and which loads no type."""
    places = {name: f"models.{module.name}" for name, module in service.module_of.items()}
    imports = "".join(
        f"    from ecr_client._generated.{place} import {name} as {name}\n"
        for name, place in sorted(places.items(), key=lambda item: (item[1], item[0]))
    )
    where = "".join(f"    {name!r}: {places[name]!r},\n" for name in sorted(places))
    names = "".join(f"    {name!r},\n" for name in sorted(places))
    return (
        banner(service, "All types; each is loaded with its module on first use.")
        + "from typing import TYPE_CHECKING\n\n"
        + f"if TYPE_CHECKING:\n{imports}\n"
        + f"__all__ = [\n{names}]\n\n"
        + "#: The module of each type, below ``ecr_client._generated``.\n"
        + f"MODULE_OF = {{\n{where}}}\n"
    )


def _title(module: Module) -> str:
    *others, last = module.operations
    if not others:
        return f"Types of {module.name}."
    return f"Types of {', '.join(others)} and {last}."


def _imports(service: Service, module: Module, source: str) -> str:
    """Return the imports of a module; the formatter sorts them."""
    used = set().union(*(type_names(structure.members) for structure in module.structures))
    shapes = {structure.base for structure in module.structures}
    shapes |= {m.repr for s in module.structures for m in s.members if m.repr}
    shapes |= {"OpenEnum"} if module.enums else set()
    shapes |= {"immutable"} if module.structures else set()
    shapes |= {"NO_ENTRIES"} if "NO_ENTRIES" in source else set()
    names = {
        "collections.abc": used & {"Mapping", "Sequence"},
        "datetime": used & {"datetime"},
        "ecr_client._shapes": shapes,
    }
    for name in used & (service.module_of.keys() - set(module.types)):
        place = f"ecr_client._generated.models.{service.module_of[name].name}"
        names.setdefault(place, set()).add(name)
    lines = [
        f"from {place} import {', '.join(sorted(names[place]))}\n"
        for place in sorted(names)
        if names[place]
    ]
    return "".join([*(["import attrs\n"] if module.structures else []), *lines])


def _enum(enum: Enum) -> str:
    values = "".join(f"    {name} = {value!r}\n" for name, value in enum.members)
    return f'\n\nclass {enum.name}(OpenEnum):\n    """{enum.summary}"""\n\n{values}'


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
