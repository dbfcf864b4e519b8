"""Conversion of models to plain data that JSON can represent, and back."""

from __future__ import annotations

import base64
import collections.abc
import typing
from collections.abc import Callable, Mapping
from datetime import datetime
from functools import cache, partial
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import attrs

from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._engine import suggestions, values
from ecr_client._engine.values import Mismatch
from ecr_client._exceptions import ParamValidationException
from ecr_client._shapes import (
    AmazonWebServiceResult,
    OpenEnum,
    Structure,
    to_tuple,
    type_parts,
    wire_name,
)
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    import cattrs

__all__ = ["converter", "from_dict", "to_dict"]

Names = Literal["python", "wire"]
Convert = Callable[[Any], Any]
Model = TypeVar("Model", bound=Structure)


def to_dict(
    value: Structure,
    names: Names = "python",
    *,
    include_metadata: bool = False,
    include_secrets: bool = False,
) -> dict[str, Any]:
    """Return a model as a dict that ``json.dumps`` accepts.

    Times become ISO 8601 strings with their time zone, bytes become base64, enum values strings.
    Absent members are left out, and so are empty lists and maps, which may have been absent, except
    those of a result itself: ``to_dict(result)["repositories"]`` always exists, and may be ``[]``.

    Args:
        value: A request, a result, or a model in one.
        names: ``"python"`` for the member names of this package, ``"wire"`` for those of the
            service, boto3 and the AWS CLI.
        include_metadata: Whether to include the metadata of a result as ``response_metadata``, or
            as boto3's ``ResponseMetadata``.
        include_secrets: Whether to include authorization tokens, presigned URLs and the bytes of
            layers.

    Raises:
        ParamValidationException: A member has a value of the wrong type.

    Example:
        >>> from ecr_client.models import ImageIdentifier
        >>> to_dict(ImageIdentifier(image_tag="1.0"))
        {'image_tag': '1.0'}
        >>> to_dict(ImageIdentifier(image_tag="1.0"), "wire")
        {'imageTag': '1.0'}
    """
    if not _is_model(type(value)):
        raise TypeError(f"value must be a model, got {type(value).__name__}")
    cls: Any = type(value)
    write = _writer(cls, names, metadata=include_metadata, secrets=include_secrets)
    plain: dict[str, Any] = _checked(cls, write, value)
    return plain


# The data may contain secrets.
@keeps_arguments_secret
def from_dict(cls: type[Model], data: Mapping[str, Any]) -> Model:
    """Return the model for a dict from `to_dict`, from boto3 or from a file.

    Members may have either of their names. Besides the output of `to_dict`, times may be epoch
    seconds or ``datetime`` objects, bytes may be bytes, and models may be models. ``None`` counts
    as absent. Only the types are checked; the bounds of requests are checked when they are sent.

    Args:
        cls: A class of ``ecr_client.models``.
        data: The members.

    Raises:
        ParamValidationException: A member is missing, unknown or of the wrong type; the message
            has its path, as in ``repositories[3].created_at``.

    Example:
        >>> from ecr_client.models import ImageIdentifier
        >>> from_dict(ImageIdentifier, {"imageTag": "1.0"}).image_tag
        '1.0'
    """
    if not _is_model(cls):
        raise TypeError(f"cls must be a class of ecr_client.models, got {cls!r}")
    kind: Any = cls
    model: Model = _checked(cls, _reader(kind), data)
    return model


def converter(
    names: Names = "python", *, include_metadata: bool = False, include_secrets: bool = False
) -> cattrs.Converter:
    """Return a new cattrs converter that converts models like `to_dict` and `from_dict`.

    Use it for your own classes that contain models.

    Args:
        names: As in `to_dict`.
        include_metadata: As in `to_dict`.
        include_secrets: As in `to_dict`.
    """
    import cattrs

    write = partial(_writer, names=names, metadata=include_metadata, secrets=include_secrets)
    made = cattrs.Converter()
    made.register_structure_hook_factory(
        _is_model, lambda cls: lambda data, _: _checked(cls, _reader(cls), data)
    )
    made.register_unstructure_hook_factory(
        _is_model, lambda cls: lambda value: _checked(cls, write(cls), value)
    )
    return made


def _is_model(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, Structure) and attrs.has(kind)


def _checked(cls: type, convert: Convert, value: Any) -> Any:
    try:
        return convert(value)
    except Mismatch as mismatch:
        problem = str(mismatch)
    # Raised outside of the handler, whose frames hold the values.
    raise ParamValidationException(f"{cls.__name__}: {problem}")


def _convert(annotation: Any, scalar: Callable[[Any], Convert], model: Convert) -> Convert:
    """Return a function that converts values of a type, given those for scalars and models."""
    parts = type_parts(annotation)
    kind = bytes if bytes in parts else parts[0]
    if _is_model(kind):
        converted: Convert = model(kind)
        return converted
    arguments = typing.get_args(kind)
    if typing.get_origin(kind) is collections.abc.Sequence:
        return partial(_list, _convert(arguments[0], scalar, model), arguments[0])
    if typing.get_origin(kind) is collections.abc.Mapping:
        return partial(_map, *(_convert(each, scalar, model) for each in arguments))
    return scalar(kind)


def _list(convert: Convert, item_type: Any, value: Any) -> list[Any]:
    items = to_tuple(value)
    if not isinstance(items, tuple):
        values.wrong_type("a list or a tuple", value, meant=suggestions.of_list(item_type, value))
    return [values.at(f"[{index}]", convert, item) for index, item in enumerate(items)]


def _map(convert_key: Convert, convert: Convert, value: Any) -> dict[Any, Any]:
    if not isinstance(value, Mapping):
        values.wrong_type("a dict", value)
    return {
        convert_key(key): values.at(f"[{values.shorten(repr(key))}]", convert, item)
        for key, item in value.items()
    }


# --- to plain data --------------------------------------------------------------------------------


def _whole(value: Any) -> int:
    # Unlike a request, a response may have integers of more than 64 bits.
    if isinstance(value, int) and not isinstance(value, bool):
        return value
    return values.wrong_type("an int", value)


def _iso(value: Any) -> str:
    values.check_datetime(value)
    text: str = value.isoformat()
    return text


_TO_PLAIN: tuple[tuple[type, Convert], ...] = (
    # A plain string, also for members of enums.
    (str, lambda value: str.__str__(values.check_str(value))),
    (bool, values.check_bool),
    (int, _whole),
    (float, values.check_float),
    (datetime, _iso),
    (bytes, lambda value: base64.b64encode(values.check_bytes(value)).decode()),
)


@cache
def _writer(cls: Any, names: Names, *, metadata: bool, secrets: bool) -> Convert:
    """Return a function that converts an instance to a dict."""
    if names not in ("python", "wire"):
        raise ValueError(f"names must be 'python' or 'wire', got {names!r}")
    wire = names == "wire"
    model = partial(_writer, names=names, metadata=metadata, secrets=secrets)
    scalar = partial(values.for_type, functions=_TO_PLAIN)
    plan = [
        (field, wire_name(field) if wire else field.name, _convert(field.type, scalar, model))
        for field in attrs.fields(cls)
        # A custom repr hides a secret.
        if field.name != "response_metadata" and (secrets or not callable(field.repr))
    ]
    is_result = issubclass(cls, AmazonWebServiceResult)

    def write(value: Any) -> dict[str, Any]:
        out = {}
        for field, name, convert in plan:
            member = getattr(value, field.name)
            is_empty = isinstance(member, (tuple, Mapping)) and not member
            if member is None and field.default is attrs.NOTHING:
                raise Mismatch("is required", field.name)
            if member is None or (is_empty and member == field.default and not is_result):
                continue
            out[name] = values.at(field.name, convert, member)
        if is_result and metadata:
            name = "ResponseMetadata" if wire else "response_metadata"
            out[name] = _plain_metadata(value.response_metadata, wire=wire)
        return out

    return write


# --- from plain data ------------------------------------------------------------------------------


def _read_whole(value: Any) -> int:
    # Some encoders write integers as floats.
    return int(value) if isinstance(value, float) and value.is_integer() else _whole(value)


def _read_datetime(value: Any) -> datetime:
    if isinstance(value, datetime):
        values.check_datetime(value)
        return value
    try:
        return values.read_datetime(value)
    except Mismatch:
        return values.wrong_type("a time in ISO 8601", value)


def _read_bytes(value: Any) -> Any:
    if not isinstance(value, str):
        values.check_bytes(value)
        return value
    try:
        return values.read_bytes(value)
    except Mismatch:
        raise Mismatch("must be base64, got another string") from None


_FROM_PLAIN: tuple[tuple[type, Convert], ...] = (
    (str, lambda value: str.__str__(values.check_str(value))),
    (bool, values.check_bool),
    (int, _read_whole),
    (float, lambda value: float(values.check_float(value))),
    (datetime, _read_datetime),
    (bytes, _read_bytes),
)


def _from_plain(kind: type) -> Convert:
    read = values.for_type(kind, _FROM_PLAIN)
    if not issubclass(kind, OpenEnum):
        return read
    known = kind._value2member_map_
    return lambda value: known.get(text := read(value), text)


@cache
def _reader(cls: Any) -> Convert:
    """Return a function that converts a dict to an instance."""
    fields = [field for field in attrs.fields(cls) if field.name != "response_metadata"]
    members = {
        name: (field.name, _convert(field.type, _from_plain, _reader))
        for field in fields
        for name in (field.name, wire_name(field))
    }
    required = [field.name for field in fields if field.default is attrs.NOTHING]
    if issubclass(cls, AmazonWebServiceResult):
        metadata = ("response_metadata", _read_metadata)
        members |= {"response_metadata": metadata, "ResponseMetadata": metadata}

    def read(data: Any) -> Any:
        if isinstance(data, cls):
            return data
        if not isinstance(data, Mapping):
            values.wrong_type(f"a dict or of type {cls.__name__}", data)
        found: dict[str, Any] = {}
        for key, value in data.items():
            if key not in members:
                meant = suggestions.of_key(key, members)
                raise Mismatch(f"is not a member of {cls.__name__}", _shown(key), meant)
            name, convert = members[key]
            if name in found:
                raise Mismatch("is given twice, under both of its names; remove one", _shown(key))
            if value is not None:
                found[name] = values.at(key, convert, value)
        for name in required:
            if name not in found:
                raise Mismatch("is required", name)
        return cls(**found)

    return read


def _shown(key: object) -> str:
    return values.shorten(key if isinstance(key, str) and key.isprintable() else repr(key))


# --- metadata -------------------------------------------------------------------------------------

#: The members of metadata: botocore's names, and the functions that read them.
_METADATA: dict[str, tuple[str, Convert]] = {
    "request_id": ("RequestId", values.check_str),
    "http_status_code": ("HTTPStatusCode", _whole),
    "http_headers": ("HTTPHeaders", partial(_map, values.check_str, values.check_str)),
    "retry_attempts": ("RetryAttempts", _whole),
}


def _plain_metadata(metadata: ResponseMetadata, *, wire: bool) -> dict[str, Any]:
    """Return metadata as a dict, without the errors of earlier attempts."""
    out = {}
    for name, (botocore_name, _) in _METADATA.items():
        value = getattr(metadata, name)
        if isinstance(value, Mapping):
            value = {key.lower() if wire else key: text for key, text in value.items()}
        if value is not None:
            out[botocore_name if wire else name] = value
    return out


def _read_metadata(data: Any) -> ResponseMetadata:
    """Return metadata from a dict; members that only botocore has are ignored."""
    from urllib3 import HTTPHeaderDict

    if isinstance(data, ResponseMetadata):
        return data
    if not isinstance(data, Mapping):
        values.wrong_type("a dict", data)
    found = {}
    for name, (botocore_name, read) in _METADATA.items():
        key = name if name in data else botocore_name
        if data.get(key) is not None:
            found[name] = values.at(key, read, data[key])
    if "http_headers" in found:
        headers = HTTPHeaderDict()
        headers.update(found["http_headers"])  # The constructor keeps both if only case differs.
        found["http_headers"] = headers
    return ResponseMetadata(**found)
