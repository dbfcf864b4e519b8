"""Translates errors of requests, urllib3 and the system into our own.

No error message contains headers or content.
"""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING

from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from ecr_client._common.display import redact_url
from ecr_client._common.redact import chain, redact_text
from ecr_client._exceptions import TransportException
from ecr_client._transport import problems
from ecr_client._transport.base import named
from ecr_client._transport.tls import tls_broke

if TYPE_CHECKING:
    from ecr_client._engine.http import HTTPRequest
    from ecr_client._exceptions import AmazonClientException
    from ecr_client.config import ClientConfiguration

_CLOSED = (
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionResetError,
    IncompleteRead,
    RemoteDisconnected,
    # The same over TLS, mostly on a connection that the server closed while it was idle.
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    urllib3_errors.ClosedPoolError,
)
_PROXY = (requests_errors.ProxyError, urllib3_errors.ProxyError)
#: An OverflowError is due to a chunk length beyond the range of the system.
_MALFORMED = (HTTPException, ValueError, OverflowError, requests_errors.InvalidHeader)
_LIBRARIES = (requests_errors.RequestException, urllib3_errors.HTTPError, *_MALFORMED)


def translate(
    request: HTTPRequest,
    error: BaseException,
    config: ClientConfiguration,
    outside: BaseException | None = None,
    verify: bool | str = True,
) -> AmazonClientException | None:
    """Return our exception for an error of requests, urllib3, http.client or the system.

    Args:
        request: The request.
        error: The original error.
        config: The configuration, for its timeouts.
        outside: The exception that was being handled before, which is not a cause of this error.
        verify: The CA bundle, or ``True`` for that of ``requests``.

    Returns:
        Our exception, or ``None`` for any other error, such as ``KeyboardInterrupt``.
    """
    if isinstance(error, (requests_errors.InvalidSchema, requests_errors.InvalidURL)):
        return problems.unusable_proxy(request.purpose, "install PySocks for a SOCKS proxy")
    url, causes = redact_url(request.url), list(chain(error, outside))
    if isinstance(error, (*_LIBRARIES, ConnectionError, TimeoutError)):
        found = _connecting(url, causes, config, verify) or _exchanging(url, causes, config)
        return named(found, request)
    if isinstance(error, OSError):
        # requests reports missing certificate files in this way, without a number.
        return problems.unusable_file(request.purpose, error)
    return None


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(each, kinds) for each in causes)


def _connecting(
    url: str, causes: list[BaseException], config: ClientConfiguration, verify: bool | str
) -> TransportException | None:
    """Return the exception if no connection was established, so that nothing was sent."""
    if _connect_timed_out(causes):
        return problems.connect_timed_out(url, config)
    # For urllib3, a connection that breaks later is also a proxy error.
    if _has(causes, *_PROXY) and (
        not _has(causes, *_CLOSED) or _has(causes, urllib3_errors.NewConnectionError)
    ):
        return problems.proxy_failed(url, _reason(causes))
    is_tls = _has(causes, requests_errors.SSLError, urllib3_errors.SSLError)
    if is_tls and not any(map(tls_broke, causes)):
        return problems.tls_failed(url, _reason(causes), verify, config)
    if _has(causes, socket.gaierror):
        return problems.not_resolved(url, _reason(causes))
    if _has(causes, urllib3_errors.NewConnectionError, ConnectionRefusedError):
        return problems.not_connected(url, _reason(causes))
    return None


def _exchanging(
    url: str, causes: list[BaseException], config: ClientConfiguration
) -> TransportException:
    """Return the exception for a failure of an established connection."""
    is_read = _has(causes, requests_errors.ReadTimeout, urllib3_errors.ReadTimeoutError)
    if is_read or _has(causes, TimeoutError):
        if not is_read and _has(causes, urllib3_errors.ProtocolError):
            # urllib3 sends with the connect timeout, and has no error of its own for it.
            return problems.not_accepted_in_time(url, config)
        return problems.not_read_in_time(url, config)
    if any(map(tls_broke, causes)) or (
        _has(causes, *_CLOSED) and not _has(causes, urllib3_errors.InvalidChunkLength)
    ):
        peer = f"{url} or the proxy" if _has(causes, *_PROXY) else url
        return problems.closed(peer, _reason(causes))
    if _has(causes, *_MALFORMED, urllib3_errors.DecodeError):
        return problems.malformed(url, type(causes[-1]).__name__)
    return TransportException(f"no response from {url}: {_reason(causes)}")


def _connect_timed_out(causes: list[BaseException]) -> bool:
    for each in causes:
        # For urllib3, a timeout of the TLS handshake is a read timeout.
        if "handshake operation timed out" in str(each):
            return True
        if isinstance(each, urllib3_errors.ConnectTimeoutError) and not isinstance(
            each, urllib3_errors.NewConnectionError
        ):
            return True
    return _has(causes, requests_errors.ConnectTimeout)


def _reason(causes: list[BaseException]) -> str:
    """Return a description of the error of the system if there is one, or else of the last one."""
    for each in filter(problems.is_of_system, causes):
        return f"{type(each).__name__}: {each.strerror}"  # type: ignore[attr-defined]
    last = causes[-1]
    # Errors about malformed responses may quote secrets.
    quotes = any(
        isinstance(each, _MALFORMED) and not isinstance(each, RemoteDisconnected) for each in causes
    )
    text = "" if quotes else redact_text(str(last))
    return f"{type(last).__name__}: {text}" if text else type(last).__name__
