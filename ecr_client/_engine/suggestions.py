"""Suggestions in error messages about wrong values, loaded on the first one."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping
from typing import Any

import attrs

from ecr_client._engine.values import SHOWN, Mismatch, shorten
from ecr_client._shapes import OpenEnum, Structure, type_parts, wire_name


def of_model(cls: type[Any], value: object) -> str:
    """Return a suggestion for a value in place of a model, or ``""``."""
    if isinstance(value, Mapping):
        return f"{_written(cls, value)} or from_dict({cls.__name__}, ...)"
    if isinstance(value, Structure):
        members = _members(value)
        found = [f.name for f in attrs.fields(type(value)) if cls in type_parts(f.type)]  # type: ignore[arg-type]
        return next((f"its {name}" for name in found if name in members), _written(cls, members))
    return _written(cls, ()) if isinstance(value, str) else ""


def of_list(item_type: Any, value: object) -> str:
    """Return a suggestion for a value in place of a list, or ``""``.

    Args:
        item_type: The type of the items.
        value: The value.
    """
    kind = type_parts(item_type)[0]
    is_model = isinstance(kind, type) and issubclass(kind, Structure)
    if is_model and isinstance(value, (str, Mapping, Structure)):
        names = _members(value) if isinstance(value, Structure) else value
        return f"[{_written(kind, () if isinstance(names, str) else names)}]"
    if isinstance(value, str):
        return f"[{value!r}]" if len(value) <= SHOWN else "[...]"
    is_many = isinstance(value, Iterable) and not isinstance(value, (bytes, bytearray, memoryview))
    return "list(...)" if is_many and not isinstance(value, type) else ""


def of_key(key: object, names: Iterable[str]) -> str:
    """Return the name that is most similar to a key of a dict, or ``""``."""
    near = difflib.get_close_matches(str(key)[:SHOWN], names, n=1)
    return near[0] if near else ""


def check_enum(cls: type[OpenEnum], value: str) -> None:
    """Check a string that is not a known value of an enum; it may be one of a newer model.

    Raises:
        Mismatch: It belongs to another enum, or differs from a known value only in case or
            punctuation.
    """
    expected = f"must be a value of {cls.__name__}"
    if isinstance(value, OpenEnum):
        raise Mismatch(f"{expected}, got {type(value).__name__}.{value.name}")
    for known in cls:
        if _bare(known.value) == _bare(value):
            meant = f"{cls.__name__}.{known.name} ({known.value!r})"
            raise Mismatch(f"{expected}, got {shorten(repr(value))}", meant=meant)


def _bare(text: str) -> str:
    return "".join(filter(str.isalnum, text)).casefold()


def _members(structure: Structure) -> list[str]:
    """Return the names of the members that are set."""
    fields: Iterable[attrs.Attribute[Any]] = attrs.fields(type(structure))  # type: ignore[arg-type]
    return [field.name for field in fields if getattr(structure, field.name) is not None]


def _written(cls: type[Any], names: Iterable[object]) -> str:
    """Return the constructor call of a model with these members, or else its first three."""
    given = set(names)
    found = [f.name for f in attrs.fields(cls) if {f.name, wire_name(f)} & given]
    found = found or [f.name for f in attrs.fields(cls)[:3]]
    return f"{cls.__name__}({', '.join(f'{name}=...' for name in found)})"
