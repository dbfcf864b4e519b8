"""What tests of the engine share: a clock that stands still, and small requests."""

from __future__ import annotations

import collections.abc
import typing
from collections.abc import Callable
from datetime import datetime, timezone
from typing import Any

import attrs
import pytest

from ecr_client._shapes import Structure, type_parts

#: Long enough for every member that is a string, and a digest for those that have to be one.
TEXT = "sha256:" + "a" * 128


class Ticker:
    """A monotonic clock that goes on only when a test says so."""

    def __init__(self) -> None:
        self.passed = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.passed


@pytest.fixture
def ticker() -> Ticker:
    """Return a monotonic clock that goes on only when a test says so."""
    return Ticker()


def _value_of(annotation: Any) -> Any:
    """Return a small value of a type."""
    kind = type_parts(annotation)[0]
    if typing.get_origin(kind) is collections.abc.Sequence:
        return [_value_of(typing.get_args(kind)[0])]
    if isinstance(kind, type) and issubclass(kind, Structure):
        return _structure_of(kind)
    moment = datetime(2026, 1, 2, tzinfo=timezone.utc)
    return {int: 0, bytes: b"x", bool: True, datetime: moment, float: 0.5}.get(kind, TEXT)


def _structure_of(cls: type[Any], /, **members: Any) -> Any:
    needed = {
        field.name: _value_of(field.type)
        for field in attrs.fields(cls)
        if field.default is attrs.NOTHING and field.name not in members
    }
    return cls(**needed, **members)


@pytest.fixture(scope="session")
def made() -> Callable[..., Any]:
    """Return what makes an instance of a class with its required members, and those given."""
    return _structure_of
