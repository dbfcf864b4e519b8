"""Responses of the service for the ``responses`` library.

A call goes all the way through the client: it is signed, and sent by ``requests``. Responses are
matched by operation (``X-Amz-Target``) and, if one is given, by endpoint. As always with
``responses``, several responses to an operation are returned in turn, and the last one
repeatedly.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING, Any, Protocol

from ecr_client.endpoints import parse_endpoint
from ecr_client.exceptions import (
    AmazonServiceException,
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    NameResolutionException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TotalTimeoutException,
    TransportException,
)
from ecr_client.testing.exchange import (
    error_response,
    named_operation,
    result_response,
    with_request_id,
)

if TYPE_CHECKING:
    from collections.abc import Callable

    from responses import BaseResponse

    from ecr_client._engine.http import HTTPResponse
    from ecr_client._shapes import AmazonWebServiceResult
    from ecr_client.testing.exchange import AnyOperation

ANY_URL = re.compile("https?://.*")


class Mock(Protocol):
    """A ``responses.RequestsMock``, or the module ``responses`` itself."""

    @property
    def add(self) -> Any:
        """The function that registers a response."""


def add_result(
    mock: Mock, result: AmazonWebServiceResult, endpoint: str | None = None
) -> BaseResponse:
    """Respond to calls with a result, whose type determines the operation.

    Args:
        mock: A ``responses.RequestsMock``, or the module ``responses``.
        result: The result that the client returns.
        endpoint: The host or URL that is called, for example ``client.endpoint``; ``None`` for
            any.

    Returns:
        The registered response, whose ``call_count`` is the number of its calls.

    Raises:
        TypeError: The object is not a result.
        ValueError: The client could not read the result; the message names the member.
    """
    name = type(result).__name__
    if not name.endswith("Result") or not hasattr(result, "response_metadata"):
        raise TypeError(f"result must be a result of an operation, got {name}")
    operation = named_operation(name.removesuffix("Result"))
    response = with_request_id(result_response(operation, result), 1)
    return _add_response(mock, operation, endpoint, response)


def add_error(
    mock: Mock,
    operation: str,
    exception: BaseException | type[BaseException],
    endpoint: str | None = None,
) -> BaseResponse:
    """Respond to calls with an error.

    Args:
        mock: A ``responses.RequestsMock``, or the module ``responses``.
        operation: The name of the operation, for example ``DescribeImages``.
        exception: The exception that the client raises: an error of the service, or a
            `TransportException`, which gets the client's own message. ``requests`` raises an
            exception of its own as it is.
        endpoint: The host or URL that is called, for example ``client.endpoint``; ``None`` for
            any.

    Returns:
        The registered response, whose ``call_count`` is the number of its calls.

    Raises:
        TypeError: The exception is none of these.
        ValueError: There is no such operation, or the client never raises the exception.
    """
    found = named_operation(operation)
    error = exception() if isinstance(exception, type) else exception
    if not isinstance(error, AmazonServiceException):
        return _add(mock, found, endpoint, body=_failure(error))
    response = with_request_id(error_response(found, error), 1)
    return _add_response(mock, found, endpoint, response)


def _add_response(
    mock: Mock, operation: AnyOperation, endpoint: str | None, response: HTTPResponse
) -> BaseResponse:
    headers = {
        name: text for name, text in response.headers.items() if name.lower() != "content-type"
    }
    return _add(
        mock, operation, endpoint, body=response.body, status=response.status, headers=headers
    )


def _add(
    mock: Mock, operation: AnyOperation, endpoint: str | None, **response: Any
) -> BaseResponse:
    from responses import matchers

    url: Any = ANY_URL
    if endpoint is not None:
        parsed = parse_endpoint(endpoint, protocol="https", signing_region="us-east-1")
        url = parsed.request_url
    added: BaseResponse = mock.add(
        "POST",
        url,
        content_type="application/x-amz-json-1.1",
        match=[matchers.header_matcher({"X-Amz-Target": operation.target})],
        **response,
    )
    return added


def _failure(error: BaseException) -> Exception:
    """Return the exception of ``requests`` that the client translates to this one."""
    from requests import exceptions

    if isinstance(error, exceptions.RequestException):
        return error
    if isinstance(error, TotalTimeoutException):
        raise ValueError(
            "exception must not be a TotalTimeoutException, which is due to total_timeout; pass a "
            "ReadTimeoutException"
        )
    of_requests: dict[type[TransportException], Callable[[str], Exception]] = {
        ConnectTimeoutException: exceptions.ConnectTimeout,
        ReadTimeoutException: exceptions.ReadTimeout,
        ProxyConnectionException: exceptions.ProxyError,
        TLSException: exceptions.SSLError,
        NameResolutionException: lambda text: exceptions.ConnectionError(socket.gaierror(text)),
        EndpointConnectionException: lambda text: exceptions.ConnectionError(
            ConnectionRefusedError(text)
        ),
        ConnectionClosedException: lambda text: exceptions.ConnectionError(
            ConnectionResetError(text)
        ),
        TransportException: exceptions.ConnectionError,
    }
    for ours, theirs in of_requests.items():
        if isinstance(error, ours):
            return theirs(str(error))
    raise TypeError(
        "exception must be one of the service, a TransportException or one of requests, "
        f"got {type(error).__name__}"
    )
