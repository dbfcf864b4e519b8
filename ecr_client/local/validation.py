"""Validation of requests against the service's model."""

from __future__ import annotations

import logging
from functools import cache
from typing import Any

import pybase64

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.patterns import Pattern, UnsupportedPatternError, compile_pattern

logger: logging.Logger = logging.getLogger("ecr_client.local")

_JSON_TYPES: dict[str, tuple[type, ...]] = {
    "string": (str,),
    "blob": (str,),
    "boolean": (bool,),
    "integer": (int,),
    "long": (int,),
    "float": (int, float),
    "double": (int, float),
    "timestamp": (int, float, str),
    "list": (list,),
    "map": (dict,),
    "structure": (dict,),
}
_UNITS = {"string": "length ", "list": "size ", "blob": "length "}


@cache
def operations() -> dict[str, Any]:
    """Return every operation of the model by its name."""
    from botocore.model import ServiceModel

    from ecr_client.regions import loader

    # botocore is not typed.
    service: Any = ServiceModel(loader().load_service_model("ecr", "service-2"), "ecr")
    return {name: service.operation_model(name) for name in service.operation_names}


def validate(operation: str, members: dict[str, Any]) -> dict[str, Any]:
    """Return the members of a request without unknown ones and nulls, blobs as bytes.

    Raises:
        ServiceError: InvalidParameterException for an invalid value, and SerializationException
            for a value of another type.
    """
    return _structure(operations()[operation].input_shape, members, "")


def _structure(shape: Any, value: dict[str, Any], path: str) -> dict[str, Any]:
    for name in shape.required_members:
        if value.get(name) is None:
            raise invalid_parameter(_join(path, name), "Member must not be null")
    return {
        name: _checked(shape.members[name], item, _join(path, name))
        for name, item in value.items()
        if name in shape.members and item is not None
    }


def _checked(shape: Any, value: Any, path: str) -> Any:
    kind = shape.type_name
    if type(value) not in _JSON_TYPES[kind]:
        raise ServiceError("SerializationException", f"The member '{path}' is not a {kind}.")
    if kind == "structure":
        return _structure(shape, value, path)
    if kind == "map":
        return {key: _checked(shape.value, item, f"{path}.{key}") for key, item in value.items()}
    if kind == "list":
        _check_range(shape, len(value), path)
        # The service counts members from one.
        return [
            _checked(shape.member, item, f"{path}.{number}.member")
            for number, item in enumerate(value, 1)
        ]
    if kind == "blob":
        return _blob(shape, value, path)
    if kind == "string":
        _check_text(shape, value, path)
    elif kind in ("integer", "long"):
        _check_range(shape, value, path)
    return value


def _blob(shape: Any, value: str, path: str) -> bytes:
    try:
        data = pybase64.b64decode(value, validate=True)
    except ValueError:
        raise ServiceError("SerializationException", f"'{path}' is not base64.") from None
    _check_range(shape, len(data), path)
    return data


def _check_text(shape: Any, value: str, path: str) -> None:
    allowed = getattr(shape, "enum", None)
    if allowed and value not in allowed:
        raise invalid_parameter(path, f"Member must satisfy enum value set: {list(allowed)}")
    _check_range(shape, len(value), path)
    pattern = shape.metadata.get("pattern")
    compiled = _compiled(pattern) if pattern else None
    if compiled is not None and not compiled.matches(value):
        raise invalid_parameter(path, f"must satisfy regular expression '{pattern}'")


@cache
def _compiled(pattern: str) -> Pattern | None:
    """Return a matcher for a pattern, or None for an unsupported one of a later model."""
    try:
        return compile_pattern(pattern)
    except UnsupportedPatternError as error:
        logger.warning("a pattern of the model is not checked: %s", error)
        return None


def _check_range(shape: Any, size: int, path: str) -> None:
    unit = _UNITS.get(shape.type_name, "value ")
    low, high = shape.metadata.get("min"), shape.metadata.get("max")
    if low is not None and size < low:
        raise invalid_parameter(path, f"Member must have {unit}greater than or equal to {low}")
    if high is not None and size > high:
        raise invalid_parameter(path, f"Member must have {unit}less than or equal to {high}")


def _join(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name
