"""Conversion and checks of single values between Python and JSON.

The functions whose names begin with ``read_`` take values of parsed JSON, and those with ``check_``
values of users. Both raise `Mismatch`.
"""

from __future__ import annotations

import base64
import binascii
import re
from collections.abc import Callable, Iterable, Mapping
from datetime import datetime, timedelta, timezone
from email.utils import parsedate_to_datetime
from math import inf, isfinite
from typing import Any, NoReturn

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
#: The replacements for times before or after the range of datetime.
EARLIEST, LATEST = (each.replace(tzinfo=timezone.utc) for each in (datetime.min, datetime.max))
_WHOLE = r"-?[0-9]{1,19}"
_NUMBER = rf"{_WHOLE}(\.[0-9]{{1,19}})?([eE][+-]?[0-9]{{1,3}})?"
SHOWN = 60


class Mismatch(Exception):
    """A value does not fit its member; each level of the codec adds to the path.

    Attributes:
        path: The path of the member, as in ``image_ids[3].image_tag``.
        problem: The problem.
        meant: A suggestion, or ``""``.
    """

    def __init__(self, problem: str, path: str = "", meant: str = "") -> None:
        super().__init__(problem)
        self.problem = problem
        self.path = path
        self.meant = meant

    def under(self, parent: str) -> Mismatch:
        """Return this mismatch with its path extended by the parent's."""
        joint = "." if self.path and not self.path.startswith("[") else ""
        return Mismatch(self.problem, f"{parent}{joint}{self.path}", self.meant)

    def __str__(self) -> str:
        hint = f"; did you mean {self.meant}?" if self.meant else ""
        return f"{self.path} {self.problem}{hint}".strip()


class NotJSON(Mismatch):
    """A response is not JSON."""


def wrong_type(expected: str, value: object, *, show: bool = True, meant: str = "") -> NoReturn:
    """Raise an error for a value of the wrong type, without the content of containers and bytes."""
    raise Mismatch(f"must be {expected}, got {describe(value, show=show)}", meant=meant)


def missing() -> NoReturn:
    """Raise an error for a required member of a response that is missing."""
    raise Mismatch("is missing")


def at(place: str, convert: Callable[[Any], Any], value: Any) -> Any:
    """Return a converted value; the path of a mismatch begins with its place."""
    try:
        return convert(value)
    except Mismatch as mismatch:
        raise mismatch.under(place) from None


def for_type(
    kind: type, functions: Iterable[tuple[type, Callable[[Any], Any]]]
) -> Callable[[Any], Any]:
    """Return the function of the first type in a table that a type is, or derives from."""
    return next(function for base, function in functions if issubclass(kind, base))


def describe(value: object, *, show: bool = True) -> str:
    """Return the type of a value, with the value if it is short and not a secret."""
    if value is None:
        return "None"
    name = type(value).__name__
    if not show or not isinstance(value, (str, int, float)):
        return name
    if isinstance(value, int) and value.bit_length() > 64:
        return f"{name} of {value.bit_length()} bits"  # Python refuses to print larger ones
    return f"{name} {shorten(repr(value))}"


def shorten(text: str) -> str:
    """Return a string, truncated if it is long."""
    return text if len(text) <= SHOWN else f"{text[:SHOWN]}..."


def read_str(value: Any) -> str:
    """Return a string."""
    # Values of responses may be secrets, and are never shown.
    return value if value.__class__ is str else wrong_type("a string", value, show=False)


def read_bool(value: Any) -> bool:
    """Return a boolean."""
    return value if value.__class__ is bool else wrong_type("a boolean", value, show=False)


def read_int(value: Any) -> int:
    """Return an integer; some encoders write it as a float or a string."""
    if value.__class__ is int:
        return int(value)
    if value.__class__ is float and value.is_integer():
        return int(value)
    if value.__class__ is str and re.fullmatch(_WHOLE, value):
        return int(value)
    return wrong_type("an integer", value, show=False)


def read_float(value: Any) -> float:
    """Return a number; some encoders write it as a string."""
    if value.__class__ in (float, int) or (value.__class__ is str and re.fullmatch(_NUMBER, value)):
        try:
            number = float(value)
        except OverflowError:
            number = inf
        if not isfinite(number):
            raise Mismatch("is too large for a number")
        return number
    return wrong_type("a number", value, show=False)


def read_datetime(value: Any) -> datetime:
    """Return a time in UTC from epoch seconds, an ISO 8601 string or an HTTP date.

    Seconds outside of the range of datetime become the nearest time in it, because absence has
    another meaning, for example that an image was never pulled.
    """
    kind = value.__class__
    if kind is float or kind is int:
        try:
            return _from_number(value)
        except ValueError:
            raise Mismatch("is not a time") from None
    if kind is not str:
        return wrong_type("a timestamp", value, show=False)
    for parse in (_from_number, _from_iso, parsedate_to_datetime):
        try:
            when = parse(value)
            if when.tzinfo is None:
                return when.replace(tzinfo=timezone.utc)
            return when.astimezone(timezone.utc)
        except (ValueError, OverflowError, OSError, TypeError, IndexError):
            continue
    raise Mismatch("is not a timestamp")


def _from_number(number: float | str) -> datetime:
    seconds = float(number) if isinstance(number, str) else number
    try:
        return datetime.fromtimestamp(seconds, timezone.utc)
    except (ValueError, OverflowError, OSError):
        if not isfinite(seconds):
            raise ValueError("not a time") from None
    try:
        # Windows does not support times before 1970.
        return EPOCH + timedelta(seconds=seconds)
    except OverflowError:
        return LATEST if seconds > 0 else EARLIEST


def _from_iso(text: str) -> datetime:
    # Python 3.10 reads neither "Z" nor fractions of other than 3 or 6 digits.
    text = text.strip().replace("Z", "+00:00").replace("z", "+00:00")
    text = re.sub(r"\.(\d+)", lambda match: f".{match[1][:6]:0<6}", text)
    return datetime.fromisoformat(text)


def read_bytes(value: Any) -> bytes:
    """Return the bytes of a base64 string."""
    if value.__class__ is not str:
        wrong_type("a base64 string", value, show=False)
    try:
        return base64.b64decode(value, validate=True)
    except (binascii.Error, ValueError):
        raise Mismatch("is not base64") from None


def _meant_for_str(value: object) -> str:
    """Return a suggestion for a value in place of a string, or ``""``."""
    if isinstance(value, (bytes, bytearray)):
        return "its decode()"
    if isinstance(value, Mapping):
        return "json.dumps(...)"
    if isinstance(value, int) and not isinstance(value, bool) and value.bit_length() <= 64:
        return repr(str(value))
    return ""


def check_str(value: Any) -> str:
    """Return a string, which may be an enum member, after checking that UTF-8 can encode it."""
    if not isinstance(value, str):
        wrong_type("a str", value, meant=_meant_for_str(value))
    if not value.isascii():
        try:
            value.encode()
        except UnicodeEncodeError as error:
            problem = f"must be a string without lone surrogates, got one at position {error.start}"
            raise Mismatch(problem) from None
    return value


def check_bool(value: Any) -> bool:
    """Return a boolean."""
    return value if isinstance(value, bool) else wrong_type("a bool", value)


def check_int(value: Any) -> int:
    """Return an integer."""
    if isinstance(value, int) and not isinstance(value, bool):
        if value.bit_length() < 64:
            return value
        raise Mismatch(f"must fit into 64 bits, got an integer of {value.bit_length()} bits")
    return wrong_type("an int", value)


def check_float(value: Any) -> float:
    """Return a finite number; JSON has no others."""
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        if value - value == 0:
            return value
        raise Mismatch(f"must be a finite number, got {value!r}")
    return wrong_type("a number", value)


def check_datetime(value: Any) -> float:
    """Return epoch seconds."""
    if not isinstance(value, datetime):
        wrong_type("a datetime", value)
    if value.tzinfo is None:
        raise Mismatch(
            "must be a datetime with a time zone, for example datetime.now(timezone.utc)"
        )
    return (value - EPOCH) / timedelta(seconds=1)


def _meant_for_bytes(value: object) -> str:
    """Return a suggestion for a value in place of bytes, or ``""``."""
    if isinstance(value, str):
        return "its encode()"
    return "its read()" if hasattr(value, "read") else ""


def check_bytes(value: Any) -> memoryview:
    """Return a view of the bytes of any bytes-like object."""
    if not isinstance(value, (bytes, bytearray, memoryview)):
        wrong_type("bytes", value, show=False, meant=_meant_for_bytes(value))
    try:
        view = memoryview(value)
    except ValueError:
        raise Mismatch("must be bytes, got a memoryview that was released") from None
    if not view.contiguous:
        raise Mismatch("must be contiguous bytes, got a memoryview with gaps")
    return view.cast("B")
