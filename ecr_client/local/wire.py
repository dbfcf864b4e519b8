"""AWS JSON 1.1: decoding of requests and encoding of responses."""

from __future__ import annotations

import base64
import json
import mmap
import re
import uuid
from datetime import datetime
from typing import TYPE_CHECKING, Any

import attrs
import orjson
import pybase64

from ecr_client.local.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

CONTENT_TYPE = "application/x-amz-json-1.1"
TARGET_PREFIX = "AmazonEC2ContainerRegistry_V20150921"

#: Bytes in memory, or in a file that is mapped.
Buffer = bytes | mmap.mmap
_PLACEHOLDER = b"<the blob>"
#: How much base64 is decoded at once, a multiple of four. Threads take turns after each piece.
_PIECE = 1 << 21


@attrs.frozen(kw_only=True)
class ApiResponse:
    """An encoded response of the API."""

    status: int
    headers: dict[str, str]
    body: bytes


def operation_of(target: str | None) -> str | None:
    """Return the operation in the header X-Amz-Target, or None if it is not one of ECR."""
    prefix, _, name = (target or "").rpartition(".")
    return name if prefix == TARGET_PREFIX and name else None


def decode(body: Buffer) -> dict[str, Any]:
    """Return the members of a request.

    Raises:
        ServiceError: The body is not a JSON object (``SerializationException``).
    """
    try:
        # The standard library's parser would decode the base64 of a layer part to a string first.
        members = orjson.loads(memoryview(body)) if body else {}
    except ValueError as error:
        raise ServiceError("SerializationException", f"The body is not JSON: {error}") from None
    if not isinstance(members, dict):
        raise ServiceError("SerializationException", "The body is not a JSON object.")
    return members


def extract_blob(body: Buffer, member: str) -> tuple[dict[str, Any], memoryview | None]:
    """Return the members of a request without a long blob, and the base64 of the blob.

    This avoids a string as long as a layer part, whose memory may never be returned to the system.

    Args:
        body: The body.
        member: The member with the blob; its value in the result is an empty string.

    Returns:
        The members and the base64, or all members and None if the blob is absent or has escapes.

    Raises:
        ServiceError: The body is not a JSON object (``SerializationException``).
    """
    found = re.search(rb'"%s"\s*:\s*"' % member.encode(), body)
    if found is None:
        return decode(body), None
    begin = found.end()
    end = body.find(b'"', begin)
    if end < 0 or body.find(b"\\", begin, end) >= 0:
        return decode(body), None
    view = memoryview(body)
    members = decode(b"".join((view[:begin], _PLACEHOLDER, view[end:])))
    if members.get(member) != _PLACEHOLDER.decode():
        return decode(body), None
    return {**members, member: ""}, view[begin:end]


class EncodedBlob:
    """Bytes that are written in base64, and decoded a piece at a time: fresh memory costs more.

    Args:
        encoded: The base64.
        member: The member that they are the value of.
    """

    def __init__(self, encoded: memoryview, member: str) -> None:
        self._encoded = encoded
        self._member = member

    def __len__(self) -> int:
        padding = bytes(self._encoded[-2:]).count(b"=")
        return len(self._encoded) // 4 * 3 - padding

    def __iter__(self) -> Iterator[bytes]:
        """Yield the bytes in pieces.

        Raises:
            ServiceError: The string is not base64 (``SerializationException``).
        """
        left = len(self)
        for begin in range(0, len(self._encoded), _PIECE):
            try:
                data = pybase64.b64decode(self._encoded[begin : begin + _PIECE], validate=True)
            except ValueError:
                data = b""
            left -= len(data)
            if not data or (begin + _PIECE >= len(self._encoded) and left):
                raise ServiceError("SerializationException", f"'{self._member}' is not base64.")
            yield data


def encode(members: Mapping[str, Any]) -> ApiResponse:
    """Return the response with the result of an operation."""
    return _response(200, {}, members)


def encode_error(error: ServiceError) -> ApiResponse:
    """Return the response that reports an error."""
    members = {"__type": error.code, "message": error.message, **error.members}
    return _response(error.status, {"x-amzn-ErrorType": error.code}, members)


def _response(status: int, headers: dict[str, str], members: Mapping[str, Any]) -> ApiResponse:
    headers = {"Content-Type": CONTENT_TYPE, "x-amzn-RequestId": str(uuid.uuid4()), **headers}
    body = json.dumps(members, default=_plain, separators=(",", ":")).encode()
    return ApiResponse(status=status, headers=headers, body=body)


def _plain(value: object) -> object:
    if isinstance(value, datetime):
        return round(value.timestamp(), 3)
    if isinstance(value, bytes):
        return base64.b64encode(value).decode()
    raise TypeError(f"a response must consist of JSON values, got {type(value).__name__}")
