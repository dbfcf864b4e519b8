"""From an error response to the exception that stands for it."""

from __future__ import annotations

from http import HTTPStatus
from typing import TYPE_CHECKING, Any

import orjson

from ecr_client._exceptions import AmazonECRException
from ecr_client._generated.exceptions import MODELED
from ecr_client._unmodeled import UNMODELED

if TYPE_CHECKING:
    from ecr_client.metadata import ResponseMetadata

MAX_CODE = 128


def service_exception(
    operation: str, metadata: ResponseMetadata, body: bytes
) -> AmazonECRException:
    """Return the exception for an answer that is not a success.

    The code comes from the header ``x-amzn-ErrorType``, else from ``__type``, else from ``code``:
    the forms that AWS's JSON protocols and their SDKs know. A body that is not the service's,
    such as a proxy's page, gives an exception whose code is the HTTP status.
    """
    content = _object(body)
    status = metadata.http_status_code or 0
    code = (
        _clean_code(metadata.http_headers.get("x-amzn-ErrorType"))
        or _clean_code(content.get("__type"))
        or _clean_code(content.get("code"))
        or str(status)
    )
    error_class = MODELED.get(code) or UNMODELED.get(code) or AmazonECRException
    members = {
        attribute: value
        for attribute, (wire_name, kind) in error_class.MEMBERS.items()
        if type(value := content.get(wire_name)) is kind
    }
    return error_class(
        _message(content) or _phrase(status),
        error_code=code,
        operation_name=operation,
        response_metadata=metadata,
        **members,
    )


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = orjson.loads(body)
    except orjson.JSONDecodeError:
        return {}
    return content if isinstance(content, dict) else {}


def _clean_code(raw: object) -> str:
    """``aws.protocoltests#FooError:http://...`` -> ``FooError``."""
    if not isinstance(raw, str):
        return ""
    return raw.partition(":")[0].rpartition("#")[2].strip()[:MAX_CODE]


def _message(content: dict[str, Any]) -> str:
    for name in ("message", "Message", "errorMessage"):
        value = content.get(name)
        if isinstance(value, str) and value:
            return value
    return ""


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "The service answered with an error"
