"""From the intermediate representation to the text of each generated file."""

from __future__ import annotations

from codegen.ir import Service
from codegen.render import (
    asynchronous,
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
METHODS = "ecr_client/_methods"
#: Folders of which everything is generated.
FOLDERS = (GENERATED, METHODS)


def render(service: Service) -> dict[str, str]:
    """Return the text of each generated file by its path, not yet formatted."""
    files = {
        **{f"{each}/__init__.py": '"""Generated code; see codegen/."""\n' for each in FOLDERS},
        f"{METHODS}/asynchronous.py": asynchronous.render(service),
        f"{GENERATED}/exceptions.py": exceptions.render(service),
        f"{METHODS}/interface.py": interface.render(service),
        f"{GENERATED}/operations.py": operations.render(service),
        f"{METHODS}/paginators.py": paginators.render(service),
        f"{GENERATED}/resources.py": resources.render(service),
        f"{METHODS}/waiters.py": waiters.render(service),
        f"{METHODS}/batches.py": batches.render(service),
        f"{GENERATED}/models/__init__.py": models.render_index(service),
        "codegen/inventory.txt": inventory.render(service),
    }
    for module in service.modules.values():
        files[f"{GENERATED}/models/{module.name}.py"] = models.render_module(service, module)
    return files
