"""Members of an expected request that a test leaves open, and what of a request differs."""

from __future__ import annotations

import functools
import inspect
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._shapes import Structure, evolve

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ecr_client._shapes import AmazonWebServiceRequest


class Matching:
    """Is equal to whatever a predicate accepts."""

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
    """Return a value for a member of an expected request that is equal to what a predicate accepts.

    In an expected request, the function itself does the same; this is for type checkers, and for
    comparisons elsewhere.

    Args:
        predicate: Takes the member as the request has it, which is ``None`` if it is absent, and
            returns whether it is as expected.

    Raises:
        TypeError: It is not a function.
    """
    return Matching(predicate)


def open_members(request: AmazonWebServiceRequest) -> frozenset[str]:
    """Return the names of the members that are left open, or of which a part is."""
    return frozenset(name for name, value in _members(request) if _is_open(value))


def prepared(value: Any) -> Any:
    """Return an expected value as it is now: buffers are copied, and functions compare."""
    if issubclass(type(value), Structure):
        return evolve(value, **{name: prepared(member) for name, member in _members(value)})
    if isinstance(value, tuple):
        return tuple(map(prepared, value))
    if isinstance(value, (bytearray, memoryview)):
        return bytes(value)
    return Matching(value) if _is_predicate(value) else value


def differences(expected: Structure, actual: Structure, path: str = "") -> Iterator[str]:
    """Yield a line for each member, nested ones too, that is not as expected.

    Args:
        expected: What `prepared` returned.
        actual: What was sent.
        path: The place of both in the request, with a dot at its end.
    """
    for field in _fields(actual):
        wanted, found = getattr(expected, field.name), getattr(actual, field.name)
        if wanted is None and field.default is not attrs.NOTHING:
            wanted = field.default
        yield from _differences(wanted, found, path + field.name, field)


def shown(field: Any, value: object) -> str:
    """Return a member for a message; layers and secrets say themselves how little is shown."""
    return str(field.repr(value)) if callable(field.repr) else repr(value)


def _differences(
    expected: Any, actual: Any, place: str, field: attrs.Attribute[Any]
) -> Iterator[str]:
    are_tuples = isinstance(expected, tuple) and isinstance(actual, tuple)
    if are_tuples and len(expected) == len(actual):
        for index, (item, found) in enumerate(zip(expected, actual, strict=True)):
            yield from _differences(item, found, f"{place}[{index}]", field)
    elif isinstance(actual, Structure) and isinstance(expected, type(actual)):
        yield from differences(expected, actual, f"{place}.")
    # The expected value first: it may have an equality of its own.
    elif not expected == actual:  # noqa: SIM201
        yield f"{place} is {shown(field, actual)}, expected {shown(field, expected)}"


def _fields(structure: Structure) -> tuple[attrs.Attribute[Any], ...]:
    found: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(structure))  # type: ignore[arg-type]
    return found


def _members(structure: Structure) -> Iterator[tuple[str, Any]]:
    return ((field.name, getattr(structure, field.name)) for field in _fields(structure))


def _is_open(value: Any) -> bool:
    """Return whether a value, or a part of it, is a predicate or decides itself what it equals."""
    kind: Any = type(value)
    if issubclass(kind, Structure):  # which a mock with a spec only claims to be
        return any(_is_open(member) for _, member in _members(value))
    if isinstance(value, tuple):
        return any(map(_is_open, value))
    # Data of Python compare in their own way, too, and are refused where they have a wrong type.
    is_data = kind.__module__ == "builtins" or issubclass(kind, (str, int, float, datetime))
    return _is_predicate(value) or (not is_data and kind.__eq__ is not object.__eq__)


def _is_predicate(value: object) -> bool:
    # Not every callable: classes, mocks and some matchers are callable, too.
    return inspect.isroutine(value) or isinstance(value, functools.partial)
