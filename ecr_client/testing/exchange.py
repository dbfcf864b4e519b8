"""Requests and responses of calls without a service.

Expected requests and given results go through the client's own code at once, so that a request that
the client would not send, or a result that it could not read, fails at its line in the test.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import attrs
import orjson
from requests.structures import CaseInsensitiveDict

from ecr_client._engine.codec import structure_reader, structure_writer
from ecr_client._engine.http import HTTPResponse
from ecr_client._engine.parse import parse
from ecr_client._engine.values import Mismatch
from ecr_client.exceptions import (
    AmazonServiceException,
    ParamValidationException,
    ResponseParseException,
)
from ecr_client.operations import OPERATIONS, Operation
from ecr_client.testing.encoding import encode_error, encode_result
from ecr_client.testing.matchers import open_members

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client._shapes import AmazonWebServiceRequest
    from ecr_client.metadata import ResponseMetadata

    AnyOperation = Operation[Any, Any]

REQUEST_ID = "x-amzn-RequestId"


def named_operation(name: str) -> AnyOperation:
    """Return the operation with a name, such as ``DescribeImages``.

    Raises:
        ValueError: There is no such operation.
    """
    found = OPERATIONS.get(name)
    if found is not None:
        return found
    as_method = "".join(f"{word[:1].upper()}{word[1:]}" for word in str(name).split("_"))
    near = difflib.get_close_matches(as_method, OPERATIONS, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"there is no operation {name!r}{hint}")


def check_request(operation: AnyOperation, request: AmazonWebServiceRequest) -> None:
    """Check the members of an expected request, except those that are left open.

    Raises:
        ParamValidationException: The client would not send it.
    """
    operation.check(request)
    kind: Any = type(request)
    try:
        structure_writer(kind, open_members(request))(request)
        return
    except Mismatch as mismatch:
        problem = str(mismatch)
    # Raised outside of the handler, whose frames hold the content of the request.
    raise ParamValidationException(problem, operation.name)


def request_of(operation: AnyOperation, body: bytes) -> AmazonWebServiceRequest:
    """Return the request in a body."""
    request_class: Any = operation.request_class
    request: AmazonWebServiceRequest = structure_reader(request_class)(orjson.loads(body))
    return request


def result_response(operation: AnyOperation, result: Any) -> HTTPResponse:
    """Return the response that the client reads as this result.

    Raises:
        TypeError: The object is not a result of this operation.
        ValueError: The client would read another result; the message names the member.
    """
    if not isinstance(result, operation.result_class):
        kind, given = operation.result_class.__name__, type(result).__name__
        raise TypeError(f"{operation.name}: result must be a {kind}, got {given}")
    metadata = result.response_metadata
    try:
        body = encode_result(result)
        response = HTTPResponse(metadata.http_status_code or 200, _headers(metadata), body)
        read = parse(operation, response)
    except (ValueError, ResponseParseException, AmazonServiceException) as error:
        raise ValueError(f"{operation.name}: the result cannot be a response: {error}") from error
    for field in attrs.fields(operation.result_class):
        if field.eq and getattr(read, field.name) != getattr(result, field.name):
            raise ValueError(
                f"{operation.name}: the client would read another {field.name}: "
                f"it contains a type that the service does not send"
            )
    return response


def error_response(operation: AnyOperation, error: AmazonServiceException) -> HTTPResponse:
    """Return the response that the client reads as this error.

    Raises:
        ValueError: The client would raise an error of another type.
    """
    response = HTTPResponse(_status(error), _headers(error.response_metadata), encode_error(error))
    try:
        parse(operation, response)
    except AmazonServiceException as read:
        if isinstance(read, type(error)):
            return response
        given, raised = type(error).__name__, type(read).__name__
        raise ValueError(
            f"{operation.name}: the client never raises {given} for code {error.error_code!r}, "
            f"but {raised}"
        ) from None
    raise ValueError(
        f"{operation.name}: the status of an error must not be 2xx, got {response.status}"
    )


def with_request_id(response: HTTPResponse, number: int) -> HTTPResponse:
    """Return the response with the request id of the n-th call, unless it has one."""
    if REQUEST_ID in response.headers:
        return response
    made = {REQUEST_ID: f"00000000-0000-4000-8000-{number:012d}"}
    headers = CaseInsensitiveDict({**response.headers, **made})
    return HTTPResponse(response.status, headers, response.body)


def _headers(metadata: ResponseMetadata) -> Mapping[str, str]:
    headers = CaseInsensitiveDict({"Content-Type": "application/x-amz-json-1.1"})
    headers.update(metadata.http_headers)
    if metadata.request_id is not None:
        headers[REQUEST_ID] = metadata.request_id
    return headers


def _status(error: AmazonServiceException) -> int:
    if error.status_code is not None:
        return error.status_code
    if error.error_code.startswith("ServiceUnavailable"):
        return 503
    return 500 if error.SERVER_FAULT else 400
