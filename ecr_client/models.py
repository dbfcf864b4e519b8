"""The requests, results, data types and enums of Amazon ECR, each loaded on first use."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from ecr_client._generated.models import MODULE_OF
from ecr_client._generated.models import __all__ as _names

if TYPE_CHECKING:
    from ecr_client._generated.models import *  # noqa: F403
    from ecr_client._shapes import AmazonWebServiceRequest as AmazonWebServiceRequest
    from ecr_client._shapes import AmazonWebServiceResult as AmazonWebServiceResult
    from ecr_client._shapes import ResultWithFailures as ResultWithFailures

_BASES = ["AmazonWebServiceRequest", "AmazonWebServiceResult", "ResultWithFailures"]

__all__ = sorted([*_BASES, *_names])


if not TYPE_CHECKING:
    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    def __getattr__(name: str) -> Any:
        if name in _BASES:
            module = "ecr_client._shapes"
        elif name in MODULE_OF:
            module = f"ecr_client._generated.{MODULE_OF[name]}"
        else:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        found = getattr(import_module(module), name)
        globals()[name] = found
        return found


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
