"""What the runtime knows of an operation: its name and its types, found by their names."""

from __future__ import annotations

from functools import cache
from typing import Any, NamedTuple

from ecr_client import models

TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921"


class Operation(NamedTuple):
    """One operation of the service."""

    name: str
    target: str
    request_class: type[Any]
    result_class: type[Any]


@cache
def operation(name: str) -> Operation:
    """Return the operation of this name; its types are loaded now."""
    return Operation(
        name=name,
        target=f"{TARGET_PREFIX}.{name}",
        request_class=getattr(models, f"{name}Request"),
        result_class=getattr(models, f"{name}Result"),
    )
