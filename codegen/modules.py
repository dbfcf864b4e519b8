"""Which module each type lives in: types that the same operations need share one.

The first call of an operation then loads the types of that operation and no others. What a type
refers to is needed by at least the same operations, so modules import one another only in the
direction of more operations, and never in a circle.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping

from codegen import naming
from codegen.kinds import EnumPlan, Module, Structure

#: The resource of types that operations of several resources need.
COMMON = "common"


def group(
    structures: Iterable[Structure],
    enums: Iterable[EnumPlan],
    users: Mapping[str, Collection[str]],
    resources: Mapping[str, str],
) -> tuple[dict[str, Module], list[str]]:
    """Return the modules by their names, and a problem for each name that two of them would have.

    Args:
        structures: All structures.
        enums: All enums.
        users: The operations that need each shape.
        resources: The resource of each operation.
    """
    groups: dict[tuple[str, ...], tuple[list[EnumPlan], list[Structure]]] = {}
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
                f"models/{module.name}.py would hold both the types of "
                f"{', '.join(modules[module.name].operations)} and those of {', '.join(operations)}"
            )
        modules[module.name] = module
    return dict(sorted(modules.items())), problems


def _name(operations: tuple[str, ...], enums: list[EnumPlan], structures: list[Structure]) -> str:
    """Return the name of the method, or that of the first type that the others are made for."""
    if len(operations) == 1:
        return naming.method_name(operations[0])
    inner = {reference for structure in structures for reference in structure.references}
    outer = [structure.name for structure in structures if structure.shape not in inner]
    return naming.module_name(min(outer or [enum.name for enum in enums]))


def _resource(resources: Iterable[str]) -> str:
    first, *others = set(resources)
    return COMMON if others else first


def _ordered(structures: list[Structure]) -> tuple[Structure, ...]:
    """Order by name, but each after what its annotations mention, since these are evaluated."""
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
