"""Renders the table of operations."""

from __future__ import annotations

from codegen.ir import Operation, Service
from codegen.render.text import banner, wrap

HEADER = """\
from __future__ import annotations

from types import MappingProxyType
from typing import TYPE_CHECKING

from ecr_client._operation import Operation

if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any
"""


def render(service: Service) -> str:
    """Return ``_generated/operations.py``: every operation with its types, without loading them."""
    types = sorted({name for op in service.operations for name in (op.request.name, op.result)})
    imported = "".join(f"    from ecr_client._generated.models import {name}\n" for name in types)
    exported = sorted(["OPERATIONS", *(op.constant for op in service.operations)])
    names = "".join(f"    {name!r},\n" for name in exported)
    table = "".join(f"    {op.name!r}: {op.constant},\n" for op in service.operations)
    return (
        banner(service, "Every operation of Amazon ECR, typed by its request and its result.")
        + HEADER
        + imported
        + f"\n__all__ = [\n{names}]\n\n"
        + "".join(
            _constant(op, service.module_of[op.request.name].name) for op in service.operations
        )
        + "\n#: Every operation by its name.\n"
        + f"OPERATIONS: Mapping[str, Operation[Any, Any]] = MappingProxyType({{\n{table}}})\n"
    )


def _constant(op: Operation, module: str) -> str:
    comment = "".join(f"#: {line}\n" for line in wrap(op.description.summary, 3))
    request, result = op.request.name, op.result
    return (
        f"{comment}{op.constant}: Operation[{request}, {result}] = "
        f"Operation({op.name!r}, 'models.{module}', {request!r}, {result!r})\n"
    )
