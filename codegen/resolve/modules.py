"""Which module each type lives in: types that the same operations need share one.

The first call of an operation then loads the types of that operation and no others. A type is
needed by at least the operations that need what refers to it, so modules import only modules of
more operations, and never in a cycle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from codegen import naming
from codegen.ir import Enum, Module, Structure

#: The resource of types that operations of several resources need.
COMMON = "common"


def group(
    structures: Iterable[Structure],
    enums: Iterable[Enum],
    users: Mapping[str, Collection[str]],
    resources: Mapping[str, str],
) -> tuple[dict[str, Module], list[str]]:
    """Return the modules by name, and a problem for each name that two of them would have.

    Args:
        structures: All structures.
        enums: All enums.
        users: The operations that need each shape.
        resources: The resource of each operation.
    """
    groups: dict[tuple[str, ...], tuple[list[Enum], list[Structure]]] = {}
    for enum in enums:
        groups.setdefault(tuple(sorted(users[enum.name])), ([], []))[0].append(enum)
    for structure in structures:
        groups.setdefault(tuple(sorted(users[structure.shape])), ([], []))[1].append(structure)
    modules: dict[str, Module] = {}
    problems = []
    for operations, (some_enums, some_structures) in sorted(groups.items()):
        module = Module(
            name=_name(operations, some_enums, some_structures),
            operations=operations,
            resource=_resource(resources.get(operation, COMMON) for operation in operations),
            enums=tuple(sorted(some_enums, key=lambda each: each.name)),
            structures=_ordered(some_structures),
        )
        if module.name in modules:
            problems.append(
                f"models/{module.name}.py would hold the types of both "
                f"{', '.join(modules[module.name].operations)} and {', '.join(operations)}"
            )
        modules[module.name] = module
    return dict(sorted(modules.items())), problems


def _name(operations: tuple[str, ...], enums: list[Enum], structures: list[Structure]) -> str:
    """Return the name of the only method, or of the first type that no other refers to."""
    if len(operations) == 1:
        return naming.method_name(operations[0])
    inner = {reference for structure in structures for reference in structure.references}
    outer = [structure.name for structure in structures if structure.shape not in inner]
    return naming.module_name(min(outer or [enum.name for enum in enums]))


def _resource(resources: Iterable[str]) -> str:
    first, *others = set(resources)
    return COMMON if others else first


def _ordered(structures: list[Structure]) -> tuple[Structure, ...]:
    """Return the structures by name, but each after those that its annotations refer to."""
    by_shape = {structure.shape: structure for structure in structures}
    done: dict[str, Structure] = {}

    def add(structure: Structure) -> None:
        if structure.shape in done:
            return
        for reference in structure.references:
            if reference in by_shape:
                add(by_shape[reference])
        done[structure.shape] = structure

    for structure in sorted(structures, key=lambda each: each.name):
        add(structure)
    return tuple(done.values())
