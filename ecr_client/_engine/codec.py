"""The codec of AWS JSON 1.1: encodes requests and decodes results.

Readers are compiled for their class, member by member, because a page of results holds thousands
of objects. Requests are small, so writers are plain loops, which check everything that is sent.
"""

from __future__ import annotations

import collections.abc
import io
import json
import re
import typing
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timezone
from functools import cache
from typing import Any, TypeVar

import attrs
import orjson

from ecr_client._engine import values
from ecr_client._engine.values import Mismatch, NotJSON
from ecr_client._shapes import FrozenMap, OpenEnum, Structure, type_parts, wire_name

Reader = Callable[[Any], Any]
Writer = Callable[[Any], Any]
Kind = TypeVar("Kind")

#: A multiple of three bytes, so that the base64 of the pieces needs no padding in between.
BLOB_PIECE = 3 * 64 * 1024
#: Bounds for malicious bodies; a page of the service has a thousand records.
MAX_CONTAINERS, MAX_ITEMS = 500_000, 4_000_000
#: Smaller bodies are not counted, since their memory is bounded and counting takes time.
UNCHECKED = 8 * 1024 * 1024
#: The latest time, in epoch seconds, up to which every platform supports all times since 1970.
SURE_SECONDS = 2.0**31 - 1
#: Surrogates as escapes and as bytes, and the maximum number of each that is replaced.
_ESCAPES = re.compile(
    rb"\\u[dD](?:[89abAB][\da-fA-F]{2}(\\u[dD][c-fC-F][\da-fA-F]{2})?|[c-fC-F][\da-fA-F]{2})"
)
_BYTES = re.compile(rb"\xed[\xa0-\xbf][\x80-\xbf]")
MAX_SURROGATES = 100_000
_REPLACEMENT = b"\\ufffd"


# --- reading ------------------------------------------------------------------------------------

#: Matched by ``issubclass``, bool before int, because tools that freeze time replace `datetime`.
_READ_SCALARS: tuple[tuple[type, Reader], ...] = (
    (str, values.read_str),
    (bool, values.read_bool),
    (int, values.read_int),
    (float, values.read_float),
    (datetime, values.read_datetime),
)


def _reader_of(annotation: Any) -> Reader:
    """Return the reader of a type."""
    parts = type_parts(annotation)
    if bytes in parts:
        return values.read_bytes
    kind = parts[0]
    if _is_structure(kind):
        return structure_reader(kind)
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        known = kind._value2member_map_
        return lambda value: known.get(values.read_str(value), value)
    origin = typing.get_origin(kind)
    if origin is collections.abc.Sequence:
        return _list_reader(typing.get_args(kind)[0])
    if origin is collections.abc.Mapping:
        return _map_reader(*map(_reader_of, typing.get_args(kind)))
    return values.for_type(kind, _READ_SCALARS)


def _list_reader(annotation: Any) -> Reader:
    read = _reader_of(annotation)

    def read_each(items: Iterable[Any]) -> tuple[Any, ...]:
        return tuple([read(item) for item in items if item is not None])

    def read_strings(items: Iterable[Any]) -> tuple[Any, ...]:
        for item in items:
            if item.__class__ is not str:
                return read_each(items)
        return tuple(items)

    read_all: Callable[[Iterable[Any]], tuple[Any, ...]] = read_each
    if _is_structure(annotation):
        read_all = _structures_reader(annotation)
    elif read is values.read_str:
        read_all = read_strings

    def read_list(value: Any) -> Any:
        if value.__class__ is not list:
            values.wrong_type("a list", value, show=False)
        try:
            return read_all(value)
        except Mismatch:
            # Read again, item by item, to find the index.
            for index, item in enumerate(value):
                if item is not None:
                    values.at(f"[{index}]", read, item)
            raise

    return read_list


def _map_reader(read_key: Reader, read_value: Reader) -> Reader:
    def read_map(value: Any) -> Any:
        if value.__class__ is not dict:
            values.wrong_type("an object", value, show=False)
        return FrozenMap(
            {
                read_key(key): values.at(f"[{values.shorten(repr(key))}]", read_value, item)
                for key, item in value.items()
                if item is not None
            }
        )

    return read_map


@cache
def structure_reader(cls: Any) -> Reader:
    """Return the function that builds an instance of a class from parsed JSON."""
    read_all = _structures_reader(cls)

    def read(value: Any) -> Any:
        if value is None:
            values.wrong_type("an object", None)
        return read_all((value,))[0]

    return read


@cache
def _structures_reader(cls: type) -> Callable[[Iterable[Any]], tuple[Any, ...]]:
    """Compile the function that builds any number of instances of a class.

    An instance is filled as one of a mutable twin class with the same slots, and changes to the
    real class at the end, which takes a third of the time of a frozen ``__init__``. The converters
    are not needed, since the readers of lists and maps return immutable ones.
    """
    twin = type(
        cls.__name__,
        cls.__bases__,
        {"__slots__": cls.__slots__, "__setattr__": object.__setattr__},  # type: ignore[attr-defined]
    )
    namespace: dict[str, Any] = {
        "scalars": values,  # not its datetime, which tools that freeze time replace
        "cls": cls,
        "twin": twin,
        "Mismatch": Mismatch,
        "missing": values.missing,
        "wrong_type": values.wrong_type,
    }
    body = [line for field in attrs.fields(cls) for line in _member_lines(field, namespace)]
    source = f"""
def read_all(values):
    {"from_seconds = scalars.datetime.fromtimestamp" if "utc" in namespace else ""}
    found = []
    for value in values:
        if value is None:
            continue
        if value.__class__ is not dict:
            wrong_type('an object', value, show=False)
        self = twin()
        at = ''
        try:
            {f"{chr(10)}            ".join(body) or "pass"}
        except Mismatch as mismatch:
            raise mismatch.under(at) from None
        self.__class__ = cls
        found.append(self)
    return tuple(found)
"""
    exec(source, namespace)  # every name in it is an attribute or a literal
    read_all: Callable[[Iterable[Any]], tuple[Any, ...]] = namespace["read_all"]
    return read_all


def _member_lines(field: attrs.Attribute[Any], namespace: dict[str, Any]) -> list[str]:
    """Return the lines that read one member; the functions they call are added to ``namespace``."""
    name, wire = field.name, wire_name(field)
    namespace[f"default_{name}"] = field.default
    if name == "response_metadata":
        return [f"self.{name} = default_{name}"]
    namespace[f"read_{name}"] = _reader_of(field.type)
    value = f"read_{name}(v)"
    if field.default is attrs.NOTHING:
        value += " if v is not None else missing()"
    parts = type_parts(field.type)
    if parts in {(str,), (bool,), (int,)}:
        optional = " and v is not None" if field.default is None else ""
        return [
            f"self.{name} = v = value.get({wire!r})",
            f"if v.__class__ is not {parts[0].__name__}{optional}:",
            f"    at = {wire!r}",
            f"    self.{name} = {value}",
        ]
    if namespace[f"read_{name}"] is values.read_datetime:
        # Inlined where it cannot fail, to save the calls in between.
        namespace["utc"] = timezone.utc
        number = f"(v.__class__ is float or v.__class__ is int) and 0.0 <= v < {SURE_SECONDS}"
        value = f"from_seconds(v, utc) if {number} else {value}"
    if field.default is not attrs.NOTHING:
        optional = "None" if field.default is None else f"default_{name}"
        value = f"{optional} if v is None else {value}"
    return [
        f"at = {wire!r}",
        f"v = value.get({wire!r})",
        f"self.{name} = {value}",
    ]


# --- writing ------------------------------------------------------------------------------------

_WRITE_SCALARS: tuple[tuple[type, Writer], ...] = (
    (str, values.check_str),
    (bool, values.check_bool),
    (int, values.check_int),
    (float, values.check_float),
    (datetime, values.check_datetime),
)


def _writer_of(annotation: Any) -> Writer:
    """Return the writer of a type, which checks values and converts them to types of JSON."""
    parts = type_parts(annotation)
    if bytes in parts:
        return values.check_bytes
    kind = parts[0]
    if isinstance(kind, type) and issubclass(kind, OpenEnum):
        return _enum_writer(kind)
    if _is_structure(kind):
        return _typed_writer(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        return _list_writer(typing.get_args(kind)[0])
    return values.for_type(kind, _WRITE_SCALARS)


def _enum_writer(cls: type[OpenEnum]) -> Writer:
    known = cls._value2member_map_

    def write_enum(value: Any) -> str:
        text = values.check_str(value)
        if text not in known:
            from ecr_client._engine import suggestions

            suggestions.check_enum(cls, text)
        return text

    return write_enum


def _typed_writer(cls: type) -> Writer:
    write = structure_writer(cls)

    def write_checked(value: Any) -> Any:
        if not isinstance(value, cls):
            from ecr_client._engine import suggestions

            meant = suggestions.of_model(cls, value)
            values.wrong_type(f"of type {cls.__name__}", value, meant=meant)
        return write(value)

    return write_checked


def _list_writer(item_type: Any) -> Writer:
    write = _writer_of(item_type)

    def write_list(value: Any) -> Any:
        if not isinstance(value, tuple):
            from ecr_client._engine import suggestions

            meant = suggestions.of_list(item_type, value)
            values.wrong_type("a list or a tuple", value, meant=meant)
        return [values.at(f"[{index}]", write, item) for index, item in enumerate(value)]

    return write_list


@cache
def structure_writer(cls: Any, left_out: frozenset[str] = frozenset()) -> Writer:
    """Return the writer of a class, which checks an instance and converts it to a dict.

    Args:
        cls: The class.
        left_out: Members that are neither checked nor written.
    """
    plan = [
        (field.name, wire_name(field), _bounded(_writer_of(field.type), field), field.default)
        for field in attrs.fields(cls)
        if field.name not in left_out
    ]

    def write(value: Any) -> dict[str, Any]:
        out: dict[str, Any] = {}
        for name, wire, write_member, default in plan:
            member = getattr(value, name)
            # Absent members are not sent. Only tuples are compared: mock.ANY equals everything.
            if member is None or (isinstance(member, tuple) and member == () == default):
                if default is attrs.NOTHING:
                    raise Mismatch("is required", name)
                continue
            try:
                out[wire] = write_member(member)
            except Mismatch as mismatch:
                # A model in place of its member, as in ``repository_name=repository``.
                if isinstance(member, Structure) and not mismatch.path and hasattr(member, name):
                    mismatch.meant = f"its {name}"
                raise mismatch.under(name) from None
        return out

    return write


def _bounded(write: Writer, field: attrs.Attribute[Any]) -> Writer:
    """Return a writer that also checks the lower bounds of the model.

    Upper bounds are left to the service, which may raise them.
    """
    low: int | None = field.metadata.get("min")
    item_low: int = field.metadata.get("item_min", 0)
    if low is None and not item_low:
        return write

    def write_bounded(value: Any) -> Any:
        out = write(value)
        if low is not None:
            _check_low(out, low)
        for index, item in enumerate(out if item_low else ()):
            values.at(f"[{index}]", lambda each: _check_low(each, item_low), item)
        return out

    return write_bounded


def _check_low(value: Any, low: int) -> None:
    if isinstance(value, int):
        if value < low:
            raise Mismatch(f"must be at least {low}, got {value}")
    elif len(value) < low:
        unit = ("character" if isinstance(value, str) else "item") + ("s" if low > 1 else "")
        shown = f", got {value!r}" if isinstance(value, str) else ""
        raise Mismatch(f"must have at least {low} {unit}{shown}")


# --- encode and decode ----------------------------------------------------------------------------


def _is_structure(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Structure)


def encoder(request: Structure) -> Callable[[], bytes]:
    """Return a function that encodes a request, after checking the request.

    Only the returned function takes long, if there are blobs. It may be called once, in any thread.

    Raises:
        Mismatch: A member is missing, has the wrong type, or is too small; the path names it.
    """
    kind: Any = type(request)
    members = structure_writer(kind)(request)
    blobs = {name: value for name, value in members.items() if isinstance(value, memoryview)}
    for name in blobs:
        del members[name]
    text = json.dumps(members).encode()
    return _blobs_encoder(text, blobs) if blobs else lambda: text


def _blobs_encoder(text: bytes, blobs: Mapping[str, memoryview]) -> Callable[[], bytes]:
    """Return a function that adds blobs to a JSON object, piece by piece, and returns it."""
    import pybase64  # ten times as fast as the standard library; only uploads need it

    parts: list[bytes | memoryview] = [text[:-1]]
    separator = ", " if len(text) > 2 else ""
    for name, blob in blobs.items():
        # Base64 needs no escapes.
        parts += f'{separator}{json.dumps(name)}: "'.encode(), blob, b'"'
        separator = ", "
    parts.append(b"}")
    size = sum((len(x) + 2) // 3 * 4 if isinstance(x, memoryview) else len(x) for x in parts)
    # Allocated here: the malloc arena of a worker thread would keep the memory once it is freed.
    body = io.BytesIO(bytes(size))

    def encode() -> bytes:
        for part in parts:
            if isinstance(part, bytes):
                body.write(part)
                continue
            for start in range(0, len(part), BLOB_PIECE):
                body.write(pybase64.b64encode(part[start : start + BLOB_PIECE]))
        # CPython returns the bytes that were allocated, so the body is in memory only once.
        return body.getvalue()

    return encode


def decode(body: bytes, cls: type[Kind]) -> Kind:
    """Return the result in a body.

    Raises:
        NotJSON: The body is not JSON.
        Mismatch: The content does not fit the class; the path names the member.
    """
    if not body or body.isspace():
        if len(attrs.fields(cls)) == 1:  # type: ignore[arg-type]
            return cls()  # The only field is the metadata.
        raise Mismatch("is empty", "the response")
    _check_items(body)
    try:
        parsed = loads(body)
    except orjson.JSONDecodeError as error:
        # Safe to show: the message of the error quotes nothing.
        raise NotJSON(f"is not JSON ({error.msg}, position {error.pos})", "the response") from None
    kind: Any = cls
    result: Kind = structure_reader(kind)(parsed)
    return result


def loads(body: bytes) -> Any:
    """Return parsed JSON, with U+FFFD in place of each lone surrogate.

    Raises:
        orjson.JSONDecodeError: The body is not JSON in UTF-8.
    """
    try:
        return orjson.loads(body)
    except orjson.JSONDecodeError:
        repaired = _ESCAPES.sub(_replaced, body, MAX_SURROGATES)
        repaired = _BYTES.sub(lambda _: _REPLACEMENT, repaired, MAX_SURROGATES)
        if repaired == body:
            raise
    return orjson.loads(repaired)


def _replaced(found: re.Match[bytes]) -> bytes:
    """Return the replacement of a surrogate and, if there is one, of the low one after it."""
    if _backslashes(found.string, found.start()) % 2:  # an escaped backslash, not an escape
        return found[0][:6] + (_REPLACEMENT if found[1] else b"")
    return found[0] if found[1] else _REPLACEMENT


def _backslashes(body: bytes, end: int) -> int:
    """Return the number of backslashes directly before a position."""
    size = 16
    while True:
        part = body[max(0, end - size) : end]
        number = len(part) - len(part.rstrip(b"\\"))
        if number < size:
            return number
        size *= 2


def _check_items(body: bytes) -> None:
    """Refuse a body that would take many times its size once it is parsed.

    A pair of braces takes two bytes, and as a dict a hundred. Brackets in strings, for example in
    manifests, are counted as well, unless they are followed by an escape.
    """
    if len(body) < UNCHECKED:
        return
    containers = sum(body.count(each) - body.count(each + b"\\") for each in (b"{", b"["))
    if containers > MAX_CONTAINERS or body.count(b",") > MAX_ITEMS:
        raise Mismatch(
            f"has more than {MAX_CONTAINERS:,} objects and lists or {MAX_ITEMS:,} items",
            "the response",
        )
