"""Renders the inventory: one line per fact, so a new model shows as a diff of lines."""

from __future__ import annotations

from codegen.kinds import Member, Plan


def render(plan: Plan) -> str:
    """Return ``codegen/inventory.txt``."""
    lines = []
    for op in plan.operations:
        lines.append(f"operation {op.name} -> {op.result}")
        lines += [f"operation {op.name} raises {error.name}" for error in op.errors]
    for module in plan.modules.values():
        for structure in module.structures:
            lines.append(f"type {structure.name}")
            lines += [_member(structure.name, member) for member in structure.members]
    for error in plan.errors:
        lines.append(f"error {error.name}{' (server fault)' if error.server_fault else ''}")
        lines += [_member(error.name, member) for member in error.members]
    lines += [f"enum {enum.name} {value}" for enum in plan.enums for _, value in enum.members]
    lines += [f"paginator {each.operation.name} {each.items}" for each in plan.paginators]
    lines += [f"waiter {each.name} {each.acceptors}" for each in plan.waiters]
    return "\n".join(sorted(lines)) + "\n"


def _member(owner: str, member: Member) -> str:
    required = " required" if member.required else ""
    return f"member {owner}.{member.wire_name} {member.type}{required} {member.facts}".rstrip()
