"""What the generated types are made of: bases, containers, and what reprs hide."""

from __future__ import annotations

import collections.abc
import types
import typing
from collections.abc import Callable, Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, NoReturn, TypeVar

import attrs

from ecr_client.metadata import NO_METADATA, ResponseMetadata

if TYPE_CHECKING:
    from typing_extensions import Self

PUBLIC_MODULE = "ecr_client.models"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")


class Unset(Enum):
    """Tells an argument that was left out from one that is ``None``."""

    UNSET = "UNSET"


UNSET: Final = Unset.UNSET


class OpenEnum(str, Enum):
    """A text with known values. A value that this release does not know stays a plain ``str``."""

    def __init_subclass__(cls) -> None:
        cls.__module__ = PUBLIC_MODULE

    # As enum.StrEnum, which Python 3.10 lacks: the text itself, also in f-strings.
    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class FrozenMap(dict[_Key, _Value]):
    """A dict that refuses to change, so that what holds it can be immutable and hashable."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping is read-only; copy it with dict() to change it")

    __setitem__ = __delitem__ = _refuse
    __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


#: What a result has in place of an absent map.
NO_ENTRIES: Final[Mapping[Any, Any]] = FrozenMap()


class Structure:
    """The base of every generated type."""

    # Here rather than in each class, so that decoding can build any of them (see codec.py).
    __slots__ = ("__weakref__",)

    def __init_subclass__(cls) -> None:
        cls.__module__ = PUBLIC_MODULE


class AmazonWebServiceRequest(Structure):
    """The base of every request."""

    __slots__ = ()


@attrs.frozen(kw_only=True, weakref_slot=False)
class AmazonWebServiceResult(Structure):
    """The base of every result.

    Attributes:
        response_metadata: Request id, status and headers of the answer; it takes no part in
            comparisons.
    """

    response_metadata: ResponseMetadata = attrs.field(default=NO_METADATA, repr=False, eq=False)


class ResultWithFailures(AmazonWebServiceResult):
    """The base of every result of a call that may fail for some of its items."""

    __slots__ = ()

    def raise_for_failures(self) -> Self:
        """Return this result if no item failed.

        Raises:
            PartialFailureException: Some items failed. It carries them and this result.
        """
        failures: Sequence[Any] = getattr(self, "failures", ())
        if failures:
            from ecr_client._exceptions import PartialFailureException

            raise PartialFailureException(failures, self)
        return self


def immutable(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Let a class copy the lists and maps that it is given (an attrs field transformer)."""
    return [field.evolve(converter=_snapshot(field.type)) for field in fields]


def _snapshot(annotation: Any) -> Callable[[Any], Any] | None:
    parts = [annotation, *typing.get_args(annotation)]
    origins = {typing.get_origin(part) for part in parts}
    if collections.abc.Sequence in origins:
        return _to_tuple
    return _to_frozen_map if collections.abc.Mapping in origins else None


# What is not a list or a map is left alone here: encoding knows which operation and member to name.
def _to_tuple(value: Any) -> Any:
    if isinstance(value, tuple) or value is None or isinstance(value, (str, bytes)):
        return value
    return tuple(value) if isinstance(value, Sequence) else value


def _to_frozen_map(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, FrozenMap):
        return FrozenMap(value)
    return value


def hide(value: object) -> str:
    """Return what a repr shows of a secret: only whether there is one."""
    return "None" if value is None else "'<hidden>'"


def hide_query(value: object) -> str:
    """Return what a repr shows of a presigned URL, whose query is as good as a password."""
    if not isinstance(value, str):
        return hide(value)
    address, mark, _ = value.partition("?")
    return repr(f"{address}?<hidden>" if mark else address)


def show_size(value: object) -> str:
    """Return what a repr shows of bytes: how many there are."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{type(value).__name__}>"
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    return f"<{size} bytes>"


def type_parts(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union without ``None``, or the type itself."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(part for part in typing.get_args(annotation) if part is not type(None))
    return (annotation,)
