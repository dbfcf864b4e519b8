"""Base classes, containers and reprs of the generated types."""

from __future__ import annotations

import copy
import types
import typing
from collections.abc import Mapping, Sequence
from enum import Enum
from typing import TYPE_CHECKING, Any, Final, Generic, NoReturn, TypeVar

import attrs

from ecr_client._common.hints import explains_its_keywords, hint
from ecr_client.metadata import NO_METADATA, ResponseMetadata

if TYPE_CHECKING:
    from typing_extensions import Self

PUBLIC_MODULE = "ecr_client.models"

_Key = TypeVar("_Key")
_Value = TypeVar("_Value")
_Structure = TypeVar("_Structure", bound="Structure")


def _publish(cls: type) -> None:
    """Set the public module of a type; subclasses defined by users keep theirs."""
    if cls.__module__.startswith("ecr_client."):
        cls.__module__ = PUBLIC_MODULE


class OpenEnum(str, Enum):
    """A string with known values. A value that this release does not know stays a plain ``str``."""

    def __init_subclass__(cls) -> None:
        _publish(cls)

    # Like enum.StrEnum, which Python 3.10 lacks: the string itself, also in f-strings.
    def __str__(self) -> str:
        return str.__str__(self)

    def __format__(self, format_spec: str) -> str:
        return str.__format__(self, format_spec)


class FrozenMap(dict[_Key, _Value]):
    """An immutable dict, so that structures with one can be immutable and hashable."""

    __slots__ = ()

    def _refuse(self, *_: Any, **__: Any) -> NoReturn:
        raise TypeError("this mapping is read-only; copy it with dict() to change it")

    # Type checkers do not accept one method in place of another.
    if not TYPE_CHECKING:
        __setitem__ = __delitem__ = _refuse
        __ior__ = clear = pop = popitem = setdefault = update = _refuse

    def __hash__(self) -> int:  # type: ignore[override]
        return hash(frozenset(self.items()))

    def __reduce__(self) -> tuple[Any, ...]:
        return type(self), (dict(self),)


#: The value of an absent map in a result.
NO_ENTRIES: Final[Mapping[Any, Any]] = FrozenMap()


class Structure:
    """The base of every generated type: immutable data that compares by value.

    Comparison, hash and repr are written here once instead of being compiled for every class, which
    would take two thirds of the time to import a module of types.
    """

    # Here rather than in each class, so that the codec can build any of them.
    __slots__ = ("__weakref__",)

    def __init_subclass__(cls) -> None:
        _publish(cls)
        if "__attrs_attrs__" in vars(cls):
            explains_its_keywords(cls)

    # Hidden from type checkers, for which every misspelled name would be ``Any``.
    if not TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any:
            error = f"{type(self).__name__!r} object has no attribute {name!r}"
            meant = "" if name.startswith("_") else hint(name, _names(self))
            if meant:
                raise AttributeError(error + meant)
            # With these two arguments, Python itself suggests a similar name.
            raise AttributeError(error, name=name, obj=self)

        def __getitem__(self, key: object) -> Any:
            meant = hint(key, _names(self)) if isinstance(key, str) else ""
            raise TypeError(
                f"{type(self).__name__!r} object is neither a list nor a dict; "
                f"use attributes{meant}"
            )

    def __eq__(self, other: object) -> bool:
        if other.__class__ is not self.__class__:
            return NotImplemented
        return _values(self) == _values(other)

    def __hash__(self) -> int:
        return hash((self.__class__, _values(self)))

    def __repr__(self) -> str:
        return f"{self.__class__.__name__}({', '.join(shown_members(self))})"


def shown_members(structure: Structure, *, absent: bool = True) -> list[str]:
    """Return the members of a structure as its repr shows them, without secrets.

    Args:
        structure: The structure.
        absent: Whether to include members that are ``None``.
    """
    return [
        f"{field.name}={shown_member(field, getattr(structure, field.name))}"
        for field in _fields(structure)
        if field.repr and (absent or getattr(structure, field.name) is not None)
    ]


def _fields(structure: Structure) -> tuple[attrs.Attribute[Any], ...]:
    found: tuple[attrs.Attribute[Any], ...] = structure.__class__.__attrs_attrs__  # type: ignore[attr-defined]
    return found


def _names(structure: Structure) -> list[str]:
    return [field.name for field in _fields(structure)]


def _values(structure: Any) -> tuple[Any, ...]:
    return tuple([getattr(structure, field.name) for field in _fields(structure) if field.eq])


def shown_member(field: attrs.Attribute[Any], value: object) -> str:
    """Return a member as its repr shows it, without layers and secrets."""
    return field.repr(value) if callable(field.repr) else repr(value)


def evolve(structure: _Structure, **members: object) -> _Structure:
    """Return a copy of a structure with other values of some members."""
    # Not attrs.evolve, which calls the constructor: that of a subclass may have other parameters.
    made = copy.copy(structure)
    for name, value in members.items():
        object.__setattr__(made, name, value)
    return made


class AmazonWebServiceRequest(Structure):
    """The base of every request."""

    __slots__ = ()


@attrs.frozen(kw_only=True, eq=False, repr=False, weakref_slot=False)
class AmazonWebServiceResult(Structure):
    """The base of every result.

    Attributes:
        response_metadata: Request id, status and headers of the response, ignored by comparisons.
    """

    response_metadata: ResponseMetadata = attrs.field(default=NO_METADATA, repr=False, eq=False)

    # Hidden from type checkers, for which a result would be iterable.
    if not TYPE_CHECKING:

        def __iter__(self) -> NoReturn:
            raise TypeError(f"{type(self).__name__!r} object is not iterable{_hint_of(self)}")

        def __len__(self) -> NoReturn:
            raise TypeError(f"object of type {type(self).__name__!r} has no len(){_hint_of(self)}")

        # Without it, bool() would call __len__.
        def __bool__(self) -> bool:
            return True


def _hint_of(result: AmazonWebServiceResult) -> str:
    """Return a hint that names the lists of a result that was used like a list itself."""
    name = type(result).__name__.removesuffix("Result")
    method = "paginate" + "".join(f"_{each.lower()}" if each.isupper() else each for each in name)
    lists = [field.name for field in _fields(result) if type(getattr(result, field.name)) is tuple]
    # Each result that comes in pages has a paginator.
    places = [f"client.{method}(...)"] if hasattr(result, "next_token") else []
    places += [f"its {' or '.join(lists)}"] if lists else []
    return f"; did you mean {' or '.join(places)}?" if places else ""


# The class itself, not a string: annotations have to resolve in the public module as well.
AmazonWebServiceResult.__annotations__["response_metadata"] = ResponseMetadata


class ResultWithFailures(AmazonWebServiceResult):
    """The base of every result of a call that may fail for some of its items."""

    __slots__ = ()

    def raise_for_failures(self) -> Self:
        """Return this result if no item failed.

        Raises:
            PartialFailureException: Some items failed; it has the failures and this result.
        """
        failures: Sequence[Any] = getattr(self, "failures", ())
        if failures:
            from ecr_client._exceptions import PartialFailureException

            raise PartialFailureException(failures, self)
        return self


def immutable(cls: type, fields: list[attrs.Attribute[Any]]) -> list[attrs.Attribute[Any]]:
    """Return the fields with converters that copy lists and maps (an attrs field transformer)."""
    return [_copying(field) for field in fields]


def _copying(field: attrs.Attribute[Any]) -> attrs.Attribute[Any]:
    for part in (field.type, *getattr(field.type, "__args__", ())):
        origin = getattr(part, "__origin__", None)
        if origin is Sequence:
            return field.evolve(converter=to_tuple)
        if origin is Mapping:
            return field.evolve(converter=_to_frozen_map)
    return field


# Other values are left alone: the error raised on encoding names the operation and the member.
def to_tuple(value: Any) -> Any:
    """Return a sequence as a tuple, and anything else, including strings and bytes, as it is."""
    if isinstance(value, (tuple, str, bytes, bytearray, memoryview)):
        return value
    return tuple(value) if isinstance(value, Sequence) else value


def _to_frozen_map(value: Any) -> Any:
    if isinstance(value, Mapping) and not isinstance(value, FrozenMap):
        return FrozenMap(value)
    return value


def hide(value: object) -> str:
    """Return the repr of a secret, which shows only whether there is one."""
    return "None" if value is None else "'<hidden>'"


def hide_query(value: object) -> str:
    """Return the repr of a presigned URL without its query, which is a secret."""
    if not isinstance(value, str):
        return hide(value)
    address, mark, _ = value.partition("?")
    return repr(f"{address}?<hidden>" if mark else address)


def show_size(value: object) -> str:
    """Return the repr of bytes, which shows only their number."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        return f"<{type(value).__name__}>"
    size = value.nbytes if isinstance(value, memoryview) else len(value)
    return f"<{size} bytes>"


class Hidden(Generic[_Value]):
    """A wrapper whose repr does not show its value.

    Args:
        value: The value.
    """

    __slots__ = ("value",)

    def __init__(self, value: _Value) -> None:
        self.value = value

    def __repr__(self) -> str:
        return "<hidden>"


def wire_name(field: attrs.Attribute[Any]) -> str:
    """Return the name of a member in JSON."""
    given: str | None = field.metadata.get("wire_name")
    if given:
        return given
    first, *rest = field.name.split("_")
    return first + "".join(f"{word[:1].upper()}{word[1:]}" for word in rest)


def type_parts(annotation: Any) -> tuple[Any, ...]:
    """Return the alternatives of a union without ``None``, or the type itself."""
    if typing.get_origin(annotation) in (typing.Union, types.UnionType):
        return tuple(part for part in typing.get_args(annotation) if part is not type(None))
    return (annotation,)
