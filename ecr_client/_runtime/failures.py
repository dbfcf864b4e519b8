"""Names for all the ways in which no answer comes; their texts hold neither headers nor body."""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead, RemoteDisconnected
from typing import TYPE_CHECKING

from requests import exceptions as requests_errors
from urllib3 import exceptions as urllib3_errors

from ecr_client._exceptions import (
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    NameResolutionException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TransportException,
)
from ecr_client._runtime.redact import chain, redact_text

if TYPE_CHECKING:
    from ecr_client.config import ClientConfiguration

_CLOSED = (
    BrokenPipeError,
    ConnectionAbortedError,
    ConnectionResetError,
    IncompleteRead,
    RemoteDisconnected,
    # How TLS sees the same, above all on a connection that the server has closed while it was idle.
    ssl.SSLEOFError,
    ssl.SSLZeroReturnError,
    urllib3_errors.ClosedPoolError,
)


def named(
    operation: str,
    url: str,
    error: BaseException,
    config: ClientConfiguration,
    *,
    sent: bool | None = None,
    outside: BaseException | None = None,
) -> TransportException:
    """Return our exception for one of requests, urllib3, http.client or the system.

    Args:
        operation: What an exception names.
        url: Where it was sent.
        error: The exception.
        config: What the time-outs are.
        sent: Whether any of the request may have been sent; ``None`` if that is not known.
        outside: What the caller was handling when it called, which is no cause of this error.
    """
    causes = list(chain(error, outside))
    # urllib3 gives some errors of connecting and of requests the same names.
    found = None if sent else _of_connecting(operation, url, causes, config, sent)
    found = found or _of_request(operation, url, causes, config)
    if sent is False:
        found.request_sent = False
    return found


def _has(causes: list[BaseException], *kinds: type[BaseException]) -> bool:
    return any(isinstance(each, kinds) for each in causes)


def _of_connecting(
    operation: str,
    url: str,
    causes: list[BaseException],
    config: ClientConfiguration,
    sent: bool | None,
) -> TransportException | None:
    if _connect_timed_out(causes) or (sent is False and _has(causes, TimeoutError)):
        text = f"could not connect to {url} within {config.connect_timeout:g} s (connect_timeout)"
        return ConnectTimeoutException(text, operation)
    if _has(causes, requests_errors.ProxyError, urllib3_errors.ProxyError):
        reason = _reason(causes)
        text = f"could not reach {url} through the proxy: {reason}; see proxies, HTTPS_PROXY, "
        return ProxyConnectionException(text + "NO_PROXY", operation)
    if _has(causes, requests_errors.SSLError, urllib3_errors.SSLError) and not _has(
        causes, *_CLOSED
    ):
        text = f"no trusted TLS connection to {url}: {_reason(causes)}; see verify, client_cert"
        return TLSException(text, operation)
    if _has(causes, socket.gaierror):
        text = f"the host of {url} has no address: {_reason(causes)}; see endpoint, region, DNS"
        return NameResolutionException(text, operation)
    if _has(causes, urllib3_errors.NewConnectionError, ConnectionRefusedError):
        text = f"no connection to {url}: {_reason(causes)}"
        return EndpointConnectionException(text, operation)
    return None


def _of_request(
    operation: str, url: str, causes: list[BaseException], config: ClientConfiguration
) -> TransportException:
    if _has(causes, TimeoutError, requests_errors.ReadTimeout, urllib3_errors.ReadTimeoutError):
        text = f"{url} did not answer within {config.read_timeout:g} s (read_timeout)"
        return ReadTimeoutException(text, operation)
    # TLS that breaks after it was established is a broken connection, too.
    closed = _has(causes, *_CLOSED, urllib3_errors.SSLError, ssl.SSLError)
    if closed and not _has(causes, urllib3_errors.InvalidChunkLength):
        text = f"{url} closed the connection before the answer was complete: {_reason(causes)}"
        return ConnectionClosedException(text, operation)
    malformed = (HTTPException, ValueError, requests_errors.InvalidHeader)
    if _has(causes, *malformed, urllib3_errors.DecodeError):
        text = f"the answer of {url} is malformed: {type(causes[-1]).__name__}"
        return TransportException(text, operation)
    return TransportException(f"no answer from {url}: {_reason(causes)}", operation)


def _connect_timed_out(causes: list[BaseException]) -> bool:
    for each in causes:
        # A time-out before TLS is ready is a read time-out for urllib3.
        if "handshake operation timed out" in str(each):
            return True
        # Before urllib3 2, that there is no connection was a time-out, too.
        if isinstance(each, urllib3_errors.ConnectTimeoutError) and not isinstance(
            each, urllib3_errors.NewConnectionError
        ):
            return True
    return any(isinstance(each, requests_errors.ConnectTimeout) for each in causes)


def _is_of_system(error: BaseException) -> bool:
    return isinstance(error, OSError) and isinstance(error.errno, int) and bool(error.strerror)


def _reason(causes: list[BaseException]) -> str:
    """Return the error of the system if there is one, else what the innermost cause says."""
    for each in filter(_is_of_system, causes):
        return f"{type(each).__name__}: {each.strerror}"  # type: ignore[attr-defined]
    last = causes[-1]
    # What http.client raises may quote what was sent.
    quotes = isinstance(last, HTTPException) and not isinstance(last, RemoteDisconnected)
    text = "" if quotes else redact_text(str(last))
    return f"{type(last).__name__}: {text}" if text else type(last).__name__
