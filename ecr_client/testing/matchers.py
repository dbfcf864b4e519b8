"""Matchers in expected requests, and the differences of actual requests."""

from __future__ import annotations

import functools
import inspect
from datetime import datetime
from types import MethodWrapperType
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._shapes import Structure, evolve, shown_member

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_client._shapes import AmazonWebServiceRequest


class Matching:
    """A value that equals whatever a predicate accepts."""

    def __init__(self, predicate: Callable[[Any], object]) -> None:
        if not callable(predicate):
            raise TypeError(f"predicate must be a function, got {type(predicate).__name__}")
        self._predicate = predicate

    def __eq__(self, value: object) -> bool:
        return bool(self._predicate(value))

    def __repr__(self) -> str:
        name = getattr(self._predicate, "__name__", type(self._predicate).__name__)
        return f"matching({name})"


def matching(predicate: Callable[[Any], object]) -> Any:
    """Return a value for a member of an expected request that equals whatever a predicate accepts.

    In an expected request, the function itself has the same effect; this one satisfies type
    checkers, and works in comparisons elsewhere.

    Args:
        predicate: Takes the member of the request, which is ``None`` if it is absent, and returns
            whether it is as expected.

    Raises:
        TypeError: The predicate is not a function.
    """
    return Matching(predicate)


def open_members(request: AmazonWebServiceRequest) -> frozenset[str]:
    """Return the names of the members with a matcher in them."""
    return frozenset(name for name, value in _members(request) if _is_open(value))


def prepared(value: Any) -> Any:
    """Return a snapshot of an expected value, with buffers copied and functions as matchers."""
    if issubclass(type(value), Structure):
        return evolve(value, **{name: prepared(member) for name, member in _members(value)})
    if isinstance(value, tuple):
        return tuple(map(prepared, value))
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return Matching(value) if _is_predicate(value) else value


def differences(expected: Structure, actual: Structure, path: str = "") -> Iterator[str]:
    """Yield a line for each member, including nested ones, that differs.

    Args:
        expected: The expected structure, as `prepared` returned it.
        actual: The structure that was sent.
        path: The path of both in the request, with a dot at its end.
    """
    for field in _fields(actual):
        wanted, found = getattr(expected, field.name), getattr(actual, field.name)
        if wanted is None and field.default is not attrs.NOTHING:
            wanted = field.default
        yield from _differences(wanted, found, path + field.name, field)


def _differences(
    expected: Any, actual: Any, place: str, field: attrs.Attribute[Any]
) -> Iterator[str]:
    are_tuples = isinstance(expected, tuple) and isinstance(actual, tuple)
    if are_tuples and len(expected) == len(actual):
        for index, (item, found) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(item, found, f"{place}[{index}]", field)
    elif isinstance(actual, Structure) and isinstance(expected, type(actual)):
        yield from differences(expected, actual, f"{place}.")
    # The expected value comes first, because it may define its own equality.
    elif not expected == actual:  # noqa: SIM201
        yield f"{place} is {shown_member(field, actual)}, expected {shown_member(field, expected)}"


def _fields(structure: Structure) -> tuple[attrs.Attribute[Any], ...]:
    found: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(structure))  # type: ignore[arg-type]
    return found


def _members(structure: Structure) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(structure, field.name)) for field in _fields(structure))


def _is_open(value: Any) -> bool:
    """Return whether a value, or a part of it, is a predicate or defines its own equality."""
    kind: Any = type(value)
    if issubclass(kind, Structure):  # unlike isinstance, not fooled by a mock with a spec
        return any(_is_open(member) for _, member in _members(value))
    if isinstance(value, tuple):
        return any(map(_is_open, value))
    # Plain data define their equality, too, but are refused where their type is wrong.
    is_data = kind.__module__ == "builtins" or issubclass(kind, (str, int, float, datetime))
    return _is_predicate(value) or (not is_data and kind.__eq__ is not object.__eq__)


def _is_predicate(value: object) -> bool:
    # Not callable(): classes, mocks and some matchers are callable, too.
    # In Python 3.10, isroutine does not know methods of built-in types such as "".__eq__.
    return inspect.isroutine(value) or isinstance(value, (functools.partial, MethodWrapperType))
