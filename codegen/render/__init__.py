"""From the plan to the text of each generated file: path below the repository -> content."""

from __future__ import annotations

from codegen.kinds import Plan
from codegen.render import (
    batches,
    exceptions,
    interface,
    inventory,
    models,
    operations,
    paginators,
    resources,
    waiters,
)

GENERATED = "ecr_client/_generated"


def render(plan: Plan) -> dict[str, str]:
    """Return every generated file, not yet formatted."""
    files = {
        f"{GENERATED}/__init__.py": '"""Generated code; see codegen/."""\n',
        f"{GENERATED}/exceptions.py": exceptions.render(plan),
        f"{GENERATED}/interface.py": interface.render(plan),
        f"{GENERATED}/operations.py": operations.render(plan),
        f"{GENERATED}/paginators.py": paginators.render(plan),
        f"{GENERATED}/resources.py": resources.render(plan),
        f"{GENERATED}/waiters.py": waiters.render(plan),
        f"{GENERATED}/batches.py": batches.render(plan),
        f"{GENERATED}/models/__init__.py": models.render_index(plan),
        "codegen/inventory.txt": inventory.render(plan),
    }
    for module in plan.modules.values():
        files[f"{GENERATED}/models/{module.name}.py"] = models.render_module(plan, module)
    return files
