"""Renders the inventory: one line for each fact, so that a new model is a readable diff."""

from __future__ import annotations

from codegen.ir import Member, Service


def render(service: Service) -> str:
    """Return ``codegen/inventory.txt``."""
    lines = []
    for op in service.operations:
        lines.append(f"operation {op.name} -> {op.result}")
        lines += [f"operation {op.name} raises {error.name}" for error in op.errors]
    for module in service.modules.values():
        for structure in module.structures:
            lines.append(f"type {structure.name}")
            lines += [_member(structure.name, member) for member in structure.members]
    for error in service.errors:
        lines.append(f"error {error.name}{' (server fault)' if error.server_fault else ''}")
        lines += [_member(error.name, member) for member in error.members]
    lines += [f"enum {enum.name} {value}" for enum in service.enums for _, value in enum.members]
    lines += [f"paginator {each.operation.name} {each.items}" for each in service.paginators]
    lines += [f"waiter {each.name} {each.acceptors}" for each in service.waiters]
    return "\n".join(sorted(lines)) + "\n"


def _member(owner: str, member: Member) -> str:
    required = " required" if member.required else ""
    return (
        f"member {owner}.{member.wire_name} {member.type}{required} {member.constraints}".rstrip()
    )
