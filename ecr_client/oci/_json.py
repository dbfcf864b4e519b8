"""Reading untrusted JSON: each member is checked, and errors name it by its path."""

from __future__ import annotations

import re
from typing import Any

import orjson

# As in RFC 6838, without parameters.
_MEDIA_TYPE = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*/[a-zA-Z0-9][a-zA-Z0-9!#$&^_.+-]*")


def read_object(text: str) -> dict[str, Any]:
    """Return the object that a JSON document holds.

    Raises:
        ValueError: The string is not JSON, or not an object.
    """
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        # Without the content of the document: a message may end up in a log.
        raise ValueError(f"it is not JSON at line {error.lineno}") from None
    if not isinstance(document, dict):
        raise ValueError(f"it must be a JSON object, got {kind(document)}")
    return document


def string_member(document: dict[str, Any], name: str, where: str = "") -> str | None:
    """Return a string, or None if the member is absent or empty."""
    found = document.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise ValueError(f"{path(where, name)} must be a string, got {kind(found)}")
    return found or None


def media_type_member(document: dict[str, Any], name: str, where: str = "") -> str | None:
    """Return a media type, or None if the member is absent or empty."""
    found = string_member(document, name, where)
    if found is not None and (len(found) > 255 or not _MEDIA_TYPE.fullmatch(found)):
        raise ValueError(
            f"{path(where, name)} must be a media type without parameters, got {found[:100]!r}"
        )
    return found


def strings_member(document: dict[str, Any], name: str, where: str = "") -> tuple[str, ...]:
    """Return a list of strings, which is empty if the member is absent."""
    found = document.get(name)
    if found is None:
        return ()
    if not isinstance(found, list) or not all(isinstance(each, str) for each in found):
        raise ValueError(f"{path(where, name)} must be a list of strings")
    return tuple(found)


def map_member(document: dict[str, Any], name: str, where: str = "") -> dict[str, str]:
    """Return a map of strings, which is empty if the member is absent."""
    found = document.get(name)
    if found is None:
        return {}
    if not isinstance(found, dict) or not all(isinstance(each, str) for each in found.values()):
        raise ValueError(f"{path(where, name)} must be a map of strings")
    return found


def path(where: str, name: str) -> str:
    """Return the path of a member below another one."""
    return f"{where}.{name}" if where else name


def kind(value: object) -> str:
    """Return the name of a JSON value's type."""
    names = {bool: "a boolean", dict: "an object", list: "a list", str: "a string"}
    return "null" if value is None else names.get(type(value), "a number")
