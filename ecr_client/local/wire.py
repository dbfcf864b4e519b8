"""AWS JSON 1.1 as the service writes and reads it."""

from __future__ import annotations

import base64
import json
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from ecr_client.local.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Mapping

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921"


@attrs.frozen(kw_only=True)
class Answer:
    """A status, headers, and a body."""

    status: int
    headers: dict[str, str]
    body: bytes


def operation_of(target: str | None) -> str | None:
    """Give the operation that the header X-Amz-Target names; None if it is not one of ECR."""
    prefix, _, name = (target or "").rpartition(".")
    return name if prefix == TARGET_PREFIX and name else None


def decode(body: bytes) -> dict[str, Any]:
    """Give the members of a request.

    Raises:
        ServiceError: The body is not a JSON object (``SerializationException``).
    """
    try:
        # Not the standard library's, which would make a text of a layer's part before reading it.
        members = orjson.loads(body) if body else {}
    except ValueError as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    return members


def encode(members: Mapping[str, Any]) -> Answer:
    """Give the answer that carries the result of an operation."""
    return _answer(200, {}, members)


def encode_error(error: ServiceError) -> Answer:
    """Give the answer that says what went wrong."""
    members = {"__type": error.code, "message": error.message, **error.members}
    return _answer(error.status, {"x-amzn-ErrorType": error.code}, members)


def _answer(status: int, headers: dict[str, str], members: Mapping[str, Any]) -> Answer:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4()), **headers}
    body = json.dumps(members, default=_plain, separators=(",", ":")).encode()
    return Answer(status=status, headers=headers, body=body)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"{type(value).__name__} has no form in JSON")
