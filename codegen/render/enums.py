"""Renders the enums."""

from __future__ import annotations

from codegen.kinds import Plan
from codegen.render.text import banner


def render(plan: Plan) -> str:
    """Return ``_generated/enums.py``."""
    parts = [banner(plan, "The enums of the model."), "from ecr_client._shapes import OpenEnum\n"]
    for enum in plan.enums:
        parts.append(f'\n\nclass {enum.name}(OpenEnum):\n    """{enum.summary}"""\n\n')
        parts += [f"    {name} = {value!r}\n" for name, value in enum.members]
    return "".join(parts)
