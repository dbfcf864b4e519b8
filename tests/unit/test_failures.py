"""What the errors of the libraries are called, above all where one name stands for two things."""

from __future__ import annotations

import re
import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, LineTooLong, RemoteDisconnected
from typing import Any

import pytest
import urllib3
from requests import exceptions
from urllib3 import exceptions as urllib3_errors

from ecr_client import ClientConfiguration
from ecr_client._engine.http import HTTPRequest
from ecr_client._transport.failures import translate
from ecr_client.exceptions import (
    AmazonClientException,
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    InvalidConfigurationException,
    NameResolutionException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TransportException,
)

CONFIG = ClientConfiguration(connect_timeout=3, read_timeout=7)
REQUEST = HTTPRequest("POST", "http://localhost/?s3cret", {}, b"", "PutImage")
POOL: Any = urllib3.HTTPConnectionPool("localhost")


def by_requests(cause: Exception, kind: type[Exception] = exceptions.ConnectionError) -> Exception:
    """Return an error as ``requests`` raises it for one of urllib3 that has a cause."""
    return kind(urllib3_errors.MaxRetryError(POOL, "/", cause))


def no_connection(cause: Exception) -> Exception:
    """Return an error of connecting as urllib3 and ``requests`` raise it."""
    error = urllib3_errors.NewConnectionError(POOL, "failed")
    error.__cause__ = cause
    return by_requests(error)


def tls(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] (_ssl.c:1)")
    error.reason = reason
    return error


ERRORS: dict[str, tuple[Exception, type[AmazonClientException], str]] = {
    # Error, class, text.
    "connect timeout": (
        by_requests(urllib3_errors.ConnectTimeoutError("slow"), exceptions.ConnectTimeout),
        ConnectTimeoutException,
        r"within 3 s \(connect_timeout\)",
    ),
    "handshake timeout": (
        exceptions.ReadTimeout(TimeoutError("_ssl.c:989: The handshake operation timed out")),
        ConnectTimeoutException,
        r"within 3 s \(connect_timeout\)",
    ),
    "read timeout": (
        exceptions.ReadTimeout("late"),
        ReadTimeoutException,
        r"within 7 s \(read_timeout\)",
    ),
    "read timeout of a body": (
        urllib3_errors.ReadTimeoutError(POOL, "/", "Read timed out."),
        ReadTimeoutException,
        r"within 7 s \(read_timeout\)",
    ),
    "timeout of a socket": (TimeoutError("timed out"), ReadTimeoutException, "_timeout"),
    "no proxy": (
        by_requests(
            urllib3_errors.ProxyError("no", ConnectionRefusedError(111, "Connection refused")),
            exceptions.ProxyError,
        ),
        ProxyConnectionException,
        "through the proxy: ConnectionRefusedError: Connection refused",
    ),
    "untrusted": (
        exceptions.SSLError(tls(ssl.SSLCertVerificationError, "CERTIFICATE_VERIFY_FAILED")),
        TLSException,
        "no trusted TLS connection .*CERTIFICATE_VERIFY_FAILED",
    ),
    "damaged record": (
        exceptions.SSLError(tls(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC")),
        ConnectionClosedException,
        "closed the connection",
    ),
    "TLS that ends": (
        exceptions.SSLError(tls(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING")),
        ConnectionClosedException,
        "closed the connection",
    ),
    "no address": (
        no_connection(socket.gaierror(-2, "Name or service not known")),
        NameResolutionException,
        "has no address: gaierror: Name or service not known",
    ),
    "refused": (
        no_connection(ConnectionRefusedError(111, "Connection refused")),
        EndpointConnectionException,
        "ConnectionRefusedError: Connection refused",
    ),
    "unreachable": (
        no_connection(OSError(101, "Network is unreachable")),
        EndpointConnectionException,
        "OSError: Network is unreachable",
    ),
    "reset": (
        exceptions.ConnectionError(
            urllib3_errors.ProtocolError("gone", ConnectionResetError(104, "reset by peer"))
        ),
        ConnectionClosedException,
        "closed the connection .*ConnectionResetError: reset by peer",
    ),
    "no response": (
        exceptions.ConnectionError(
            urllib3_errors.ProtocolError("gone", RemoteDisconnected("Remote end closed"))
        ),
        ConnectionClosedException,
        "closed the connection .*RemoteDisconnected",
    ),
    "truncated": (
        urllib3_errors.ProtocolError("broken", IncompleteRead(b"c0ntent", 9)),
        ConnectionClosedException,
        "closed the connection before the response was complete: IncompleteRead$",
    ),
    "bad chunk": (
        urllib3_errors.InvalidChunkLength(urllib3.HTTPResponse(b"", headers={}), b"c0ntent"),
        TransportException,
        "is malformed: ",
    ),
    "bad status line": (
        exceptions.ConnectionError(urllib3_errors.ProtocolError("x", BadStatusLine("c0ntent"))),
        TransportException,
        "is malformed: BadStatusLine$",
    ),
    "long line": (
        exceptions.ConnectionError(urllib3_errors.ProtocolError("x", LineTooLong("header line"))),
        TransportException,
        "is malformed: LineTooLong$",
    ),
    "no number": (ValueError("c0ntent"), TransportException, "is malformed: ValueError$"),
    "long chunk": (OverflowError("c0ntent"), TransportException, "is malformed: OverflowError$"),
    "anything else": (
        exceptions.RequestException("unheard of"),
        TransportException,
        "no response from http://localhost/.*unheard of",
    ),
    "bad proxy": (exceptions.InvalidSchema("c0ntent"), InvalidConfigurationException, "PySocks"),
    "bad URL of a proxy": (
        exceptions.InvalidProxyURL("c0ntent"),
        InvalidConfigurationException,
        "the proxy cannot be used",
    ),
    "bad certificate file": (
        OSError("Could not find a suitable TLS CA certificate bundle"),
        InvalidConfigurationException,
        "CA certificate bundle",
    ),
}
#: Nothing was sent, so the service cannot have done anything.
UNSENT = (
    ConnectTimeoutException,
    EndpointConnectionException,
    ProxyConnectionException,
    TLSException,
)


@pytest.mark.parametrize("name", ERRORS)
def test_names(name: str) -> None:
    """Each error has a class and a text that say what failed and what to look at."""
    error, expected, text = ERRORS[name]
    found = translate(REQUEST, error, CONFIG)

    assert type(found) is expected
    assert re.search(text, str(found))
    assert "PutImage" in str(found)
    assert "s3cret" not in str(found)
    assert "c0ntent" not in str(found)
    if isinstance(found, TransportException):
        assert found.operation_name == "PutImage"
        assert found.request_sent is not isinstance(found, UNSENT)
        assert found.retryable is not isinstance(found, TLSException)


@pytest.mark.parametrize("error", [KeyboardInterrupt(), RuntimeError("of a tool"), SystemExit(1)])
def test_errors_from_elsewhere(error: BaseException) -> None:
    """What comes from none of the libraries is left as it is."""
    assert translate(REQUEST, error, CONFIG) is None


def test_what_the_caller_handles_is_no_cause() -> None:
    """The exception that a caller was handling when it called has nothing to do with the error."""
    outside = exceptions.ConnectTimeout("earlier")
    error = exceptions.ReadTimeout("late")
    error.__context__ = outside

    assert type(translate(REQUEST, error, CONFIG, outside)) is ReadTimeoutException
    assert type(translate(REQUEST, error, CONFIG)) is ConnectTimeoutException


def test_a_request_without_a_purpose() -> None:
    """An error of a request that is for nothing names no operation."""
    found = translate(HTTPRequest("GET", "http://localhost/", {}), ValueError(), CONFIG)

    assert isinstance(found, TransportException)
    assert found.operation_name is None
