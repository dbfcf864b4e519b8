"""Encodes results and errors as the service would.

This is independent of the client's codec, which decodes them again, so that neither can hide a
mistake of the other.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client._shapes import Structure

if TYPE_CHECKING:
    from ecr_client.exceptions import AmazonServiceException


def encode_result(result: Structure) -> bytes:
    """Return the body of a response with this result.

    Raises:
        ValueError: A member has a value that no response can have; the message has its path.
    """
    return json.dumps(_members(result, "")).encode()


def encode_error(error: AmazonServiceException) -> bytes:
    """Return the body of a response with this error."""
    content = {"__type": error.error_code, "message": error.error_message}
    for attribute, (wire, _) in error.MEMBERS.items():
        value = getattr(error, attribute)
        if value is not None:
            content[wire] = value
    return json.dumps(content).encode()


def _members(structure: Structure, path: str) -> dict[str, Any]:
    fields: tuple[attrs.Attribute[Any], ...] = attrs.fields(type(structure))  # type: ignore[arg-type]
    content = {}
    for field in fields:
        value = getattr(structure, field.name)
        if value is None or field.name == "response_metadata":
            continue
        place = f"{path}.{field.name}" if path else field.name
        content[_wire_name(field)] = _value(value, place)
    return content


def _wire_name(field: attrs.Attribute[Any]) -> str:
    given: str | None = field.metadata.get("wire_name")
    head, *tail = field.name.split("_")
    return given or head + "".join(word.capitalize() for word in tail)


def _value(value: Any, path: str) -> Any:
    if isinstance(value, Structure):
        return _members(value, path)
    if isinstance(value, (list, tuple)):
        return [_value(item, f"{path}[{index}]") for index, item in enumerate(value)]
    if isinstance(value, Mapping):
        return {str(key): _value(item, f"{path}[{key!r}]") for key, item in value.items()}
    if isinstance(value, datetime):
        if value.tzinfo is None:
            raise ValueError(f"{path} must be a datetime with a time zone, got {value!r}")
        return value.timestamp()
    if isinstance(value, (bytes, bytearray, memoryview)):
        return base64.b64encode(value).decode("ascii")
    # JSON has neither NaN nor infinities.
    if isinstance(value, (str, int)) or (isinstance(value, float) and value - value == 0):
        return value
    raise ValueError(f"{path} must be a JSON value, got {type(value).__name__} {value!r}")
