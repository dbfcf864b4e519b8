"""Parses responses into results and exceptions."""

from __future__ import annotations

import json
import re
from http import HTTPStatus
from typing import TYPE_CHECKING, Any

from ecr_client._common.display import one_line
from ecr_client._common.redact import redact_text
from ecr_client._engine import codec, values
from ecr_client._engine.http import request_id
from ecr_client._engine.values import Mismatch, NotJSON
from ecr_client._exceptions import AmazonECRException, ResponseParseException
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._engine.http import HTTPResponse
    from ecr_client._operation import Operation, Request, Result

MAX_CODE = 128
#: A part of the names of members with secrets.
_SECRET = "token|secret|password|credential|authorization|signature|url"
#: The readers of members of errors, by type.
_READ: dict[type, Callable[[Any], Any]] = {str: values.read_str, int: values.read_int}


def parse(
    operation: Operation[Request, Result],
    response: HTTPResponse,
    retried_errors: tuple[Exception, ...] = (),
    url: str = "",
) -> Result:
    """Return the result in a response.

    Args:
        operation: The operation.
        response: The response, whatever its status.
        retried_errors: The errors of the earlier attempts.
        url: The URL that was called.

    Raises:
        ResponseParseException: The response does not fit the operation.
        AmazonECRException: The service responded with an error.
    """
    metadata = ResponseMetadata(
        request_id=request_id(response.headers),
        http_status_code=response.status,
        http_headers=response.headers,
        retry_attempts=len(retried_errors),
        retried_errors=retried_errors,
    )
    if not 200 <= response.status < 300:
        raise _service_exception(operation, metadata, response, url)
    try:
        result = codec.decode(response.body, operation.result_class)
    except Mismatch as mismatch:
        problem = str(mismatch)
        is_json = not isinstance(mismatch, NotJSON)
    else:
        object.__setattr__(result, "response_metadata", metadata)
        return result
    # Raised outside of the handler, whose frames hold the content of the response.
    if not is_json:
        problem = _with_page(problem, operation, response, url)
    raise ResponseParseException(problem, operation.name, metadata)


def _service_exception(
    operation: Operation[Request, Result],
    metadata: ResponseMetadata,
    response: HTTPResponse,
    url: str,
) -> AmazonECRException:
    """Return the exception for a response that is not a success.

    The code comes from the header ``x-amzn-ErrorType``, else from ``__type``, else from ``code``,
    as in AWS's JSON protocols. For a body that is not from the service, such as the page of a
    proxy, the code is the HTTP status. A code or message that is not a string is shown as compact
    JSON.
    """
    # Imported late: successful calls do not need the classes of errors.
    from ecr_client._generated.exceptions import MODELED
    from ecr_client._unmodeled import UNMODELED

    content = _object(response.body)
    status = metadata.http_status_code or 0
    raw = (
        metadata.http_headers.get("x-amzn-ErrorType"),
        content.get("__type"),
        content.get("code"),
    )
    codes = (*map(_clean_code, raw), *(_shown(each)[:MAX_CODE] for each in raw), str(status))
    code = next(filter(None, codes))
    error_class = MODELED.get(code) or UNMODELED.get(code) or AmazonECRException
    members = {
        attribute: value
        for attribute, (wire_name, kind) in error_class.MEMBERS.items()
        if (value := _member(content.get(wire_name), kind)) is not None
    }
    message = _message(content) or _phrase(status)
    if not content:
        message = _with_page(message, operation, response, url)
    return error_class(
        message,
        error_code=code,
        operation_name=operation.name,
        response_metadata=metadata,
        **members,
    )


def _with_page(
    problem: str, operation: Operation[Request, Result], response: HTTPResponse, url: str
) -> str:
    from ecr_client._engine.proxy_pages import describe_page

    return ": ".join(filter(None, [problem, describe_page(operation, response, url)]))


def _object(body: bytes) -> dict[str, Any]:
    try:
        content = codec.loads(body)
    except ValueError:
        return {}
    return content if isinstance(content, dict) else {}


def _clean_code(raw: object) -> str:
    """Return the name in a code: ``aws.protocoltests#FooError:http://...`` -> ``FooError``."""
    if not isinstance(raw, str):
        return ""
    return raw.partition(":")[0].rpartition("#")[2].strip()[:MAX_CODE]


def _message(content: dict[str, Any]) -> str:
    for name in ("message", "Message", "errorMessage"):
        value = content.get(name)
        text = value if isinstance(value, str) else _shown(value)
        if text:
            return text
    return ""


def _shown(value: Any) -> str:
    """Return a value that is not a string as one line of compact JSON, or ``""`` if it is empty."""
    if isinstance(value, str) or value in (None, [], {}):
        return ""
    text = json.dumps(_without_secrets(value), ensure_ascii=False, separators=(",", ":"))
    return one_line(text)


def _without_secrets(value: Any, levels: int = 8) -> Any:
    """Return JSON without queries of URLs, members named like secrets, and deep levels."""
    if isinstance(value, str):
        return redact_text(value)
    if isinstance(value, (list, dict)) and not levels:
        return "..."
    if isinstance(value, list):
        return [_without_secrets(item, levels - 1) for item in value]
    if isinstance(value, dict):
        return {
            name: "***" if re.search(_SECRET, name, re.I) else _without_secrets(item, levels - 1)
            for name, item in value.items()
        }
    return value


def _member(value: Any, kind: type) -> Any:
    """Return a member of an error, or ``None`` if it is absent or has the wrong type."""
    try:
        return None if value is None else _READ[kind](value)
    except Mismatch:
        return None


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return "The service responded with an error"
