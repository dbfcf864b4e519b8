"""Every request, result, data type and enum of Amazon ECR, each loaded when it is first used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecr_client._generated.models import MODULE_OF
from ecr_client._generated.models import __all__ as _names

if TYPE_CHECKING:
    from ecr_client._generated.models import *  # noqa: F403

__all__ = list(_names)


def __getattr__(name: str) -> Any:
    module = MODULE_OF.get(name)
    if module is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    found = getattr(import_module(f"ecr_client._generated.{module}"), name)
    globals()[name] = found
    return found


def __dir__() -> list[str]:
    return sorted({*globals(), *_names})
