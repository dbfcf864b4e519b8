"""What the two sides of a call exchange when no service takes part in it.

Everything that a test gives is taken through the client's own code at once: a request that the
client would not send, or a result that it could not read, is found where the test says it.
"""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import attrs
from requests.structures import CaseInsensitiveDict

from ecr_client import models
from ecr_client._runtime.call import encode, read
from ecr_client._runtime.operation import Operation
from ecr_client._runtime.operation import operation as find
from ecr_client._runtime.transport import Answer
from ecr_client.exceptions import (
    AmazonServiceException,
    ParamValidationException,
    ResponseParseException,
)
from ecr_client.metadata import ResponseMetadata
from ecr_client.testing.encoding import encode_error, encode_result

if TYPE_CHECKING:
    from collections.abc import Mapping

REQUEST_ID = "x-amzn-RequestId"


def named_operation(name: str) -> Operation:
    """Return the operation of this name, such as ``DescribeImages``.

    Raises:
        ValueError: There is none.
    """
    names = _operation_names()
    if name in names:
        return find(name)
    as_method = "".join(f"{word[:1].upper()}{word[1:]}" for word in str(name).split("_"))
    near = difflib.get_close_matches(as_method, names, n=1)
    hint = f"; did you mean {near[0]!r}?" if near else ""
    raise ValueError(f"there is no operation {name!r}{hint}")


def _operation_names() -> list[str]:
    requests = {each.removesuffix("Request") for each in models.__all__ if each.endswith("Request")}
    return sorted(requests - {"AmazonWebService"})  # whose request is the base of all others


def request_body(operation: Operation, request: Any) -> bytes:
    """Return what the client sends for a request.

    Raises:
        ParamValidationException: The client would not send it.
    """
    if not isinstance(request, operation.request_class):
        kind, given = operation.request_class.__name__, type(request).__name__
        raise ParamValidationException(f"request must be a {kind}, not {given}", operation.name)
    return encode(operation, request)


def result_answer(operation: Operation, result: Any) -> Answer:
    """Return the answer that the client reads as this result.

    Raises:
        TypeError: It is not a result of this operation.
        ValueError: The client would read something else; the text names the member.
    """
    if not isinstance(result, operation.result_class):
        kind, given = operation.result_class.__name__, type(result).__name__
        raise TypeError(f"{operation.name}: result must be a {kind}, not {given}")
    metadata = result.response_metadata
    try:
        body = encode_result(result)
        answer = Answer(metadata.http_status_code or 200, _headers(metadata), body)
        read = read_answer(operation, answer)
    except (ValueError, ResponseParseException, AmazonServiceException) as error:
        # The cause of an error in reading is shorter, since it leaves out the operation.
        reason = error.__cause__ or error
        raise ValueError(f"{operation.name}: the result is no answer: {reason}") from error
    for field in attrs.fields(operation.result_class):
        if field.eq and getattr(read, field.name) != getattr(result, field.name):
            raise ValueError(
                f"{operation.name}: {field.name} would not arrive as it is given: "
                f"some of it has a type that the service does not send"
            )
    return answer


def error_answer(operation: Operation, error: AmazonServiceException) -> Answer:
    """Return the answer that the client reads as this error.

    Raises:
        ValueError: The client would raise an error of another type.
    """
    metadata = error.response_metadata
    answer = Answer(_status(error), _headers(metadata), encode_error(error))
    try:
        read_answer(operation, answer)
    except AmazonServiceException as read:
        if isinstance(read, type(error)):
            return answer
        given, raised = type(error).__name__, type(read).__name__
        raise ValueError(
            f"{operation.name}: the client never raises {given} for code {error.error_code!r}, "
            f"but {raised}"
        ) from None
    raise ValueError(f"{operation.name}: status {answer.status} is not that of an error")


def read_answer(operation: Operation, answer: Answer) -> Any:
    """Return what the client reads in an answer.

    Raises:
        AmazonECRException: The answer is an error.
        ResponseParseException: It is not an answer to this operation.
    """
    metadata = ResponseMetadata(
        request_id=answer.headers.get(REQUEST_ID),
        http_status_code=answer.status,
        http_headers=answer.headers,
    )
    return read(operation, answer, metadata)


def with_request_id(answer: Answer, number: int) -> Answer:
    """Return the answer with the request id of the n-th call, unless it has one."""
    if REQUEST_ID in answer.headers:
        return answer
    made = {REQUEST_ID: f"00000000-0000-4000-8000-{number:012d}"}
    return answer._replace(headers=CaseInsensitiveDict({**answer.headers, **made}))


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
