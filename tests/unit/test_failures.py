"""How errors of the libraries are translated, above all where one class has two meanings."""

from __future__ import annotations

import re
import socket
import ssl
from http.client import BadStatusLine, IncompleteRead, RemoteDisconnected
from typing import Any

import pytest
import urllib3
from requests import exceptions
from urllib3 import exceptions as urllib3_errors

from ecr_client import ClientConfiguration
from ecr_client import exceptions as errors
from ecr_client._engine.http import HTTPRequest
from ecr_client._transport.failures import translate

CONFIG = ClientConfiguration(connect_timeout=3, read_timeout=7)
REQUEST = HTTPRequest("POST", "http://localhost/?s3cret", {}, b"", "PutImage")
POOL: Any = urllib3.HTTPConnectionPool("localhost")
REFUSED = ConnectionRefusedError(111, "Connection refused")
READ_TIMEOUT = r"within 7 s \(read_timeout\)"


def by_requests(cause: Exception, kind: type[Exception] = exceptions.ConnectionError) -> Exception:
    """Return an error as ``requests`` raises it for one of urllib3 that has a cause."""
    return kind(urllib3_errors.MaxRetryError(POOL, "/", cause))


def no_connection(cause: Exception) -> Exception:
    """Return a connection error as urllib3 and ``requests`` raise it."""
    error = urllib3_errors.NewConnectionError(POOL, "failed")
    error.__cause__ = cause
    return by_requests(error)


def tls(kind: type[ssl.SSLError], reason: str) -> ssl.SSLError:
    error = kind(1, f"[SSL: {reason}] (_ssl.c:1)")
    error.reason = reason
    return error


def protocol(cause: Exception) -> Exception:
    return exceptions.ConnectionError(urllib3_errors.ProtocolError("x", cause))


#: Error, class without "Exception", pattern in the message.
ERRORS: dict[str, tuple[Exception, str, str]] = {
    "connect timeout": (
        by_requests(urllib3_errors.ConnectTimeoutError("slow"), exceptions.ConnectTimeout),
        "ConnectTimeout",
        r"within 3 s \(connect_timeout\)",
    ),
    "handshake timeout": (
        exceptions.ReadTimeout(TimeoutError("_ssl.c:989: The handshake operation timed out")),
        "ConnectTimeout",
        r"within 3 s \(connect_timeout\)",
    ),
    "read timeout": (exceptions.ReadTimeout("late"), "ReadTimeout", READ_TIMEOUT),
    "read timeout of a body": (
        urllib3_errors.ReadTimeoutError(POOL, "/", "Read timed out."),
        "ReadTimeout",
        READ_TIMEOUT,
    ),
    "timeout of a socket": (TimeoutError("timed out"), "ReadTimeout", "_timeout"),
    "no proxy": (
        by_requests(urllib3_errors.ProxyError("no", REFUSED), exceptions.ProxyError),
        "ProxyConnection",
        "through the proxy: ConnectionRefusedError: Connection refused",
    ),
    "untrusted": (
        exceptions.SSLError(tls(ssl.SSLCertVerificationError, "CERTIFICATE_VERIFY_FAILED")),
        "TLS",
        "no trusted TLS connection .*CERTIFICATE_VERIFY_FAILED",
    ),
    "damaged record": (
        exceptions.SSLError(tls(ssl.SSLError, "DECRYPTION_FAILED_OR_BAD_RECORD_MAC")),
        "ConnectionClosed",
        "closed the connection",
    ),
    "TLS that ends": (
        exceptions.SSLError(tls(ssl.SSLEOFError, "UNEXPECTED_EOF_WHILE_READING")),
        "ConnectionClosed",
        "closed the connection",
    ),
    "no address": (
        no_connection(socket.gaierror(-2, "Name or service not known")),
        "NameResolution",
        "has no address: gaierror: Name or service not known",
    ),
    "refused": (no_connection(REFUSED), "EndpointConnection", "Connection refused"),
    "unreachable": (
        no_connection(OSError(101, "Network is unreachable")),
        "EndpointConnection",
        "OSError: Network is unreachable",
    ),
    "reset": (
        protocol(ConnectionResetError(104, "reset by peer")),
        "ConnectionClosed",
        "closed the connection .*ConnectionResetError: reset by peer",
    ),
    "no response": (
        protocol(RemoteDisconnected("Remote end closed")),
        "ConnectionClosed",
        "closed the connection .*RemoteDisconnected",
    ),
    "truncated": (
        urllib3_errors.ProtocolError("broken", IncompleteRead(b"c0ntent", 9)),
        "ConnectionClosed",
        "closed the connection before the response was complete: IncompleteRead$",
    ),
    "bad chunk": (
        urllib3_errors.InvalidChunkLength(urllib3.HTTPResponse(b"", headers={}), b"c0ntent"),
        "Transport",
        "is malformed: ",
    ),
    "bad status line": (
        protocol(BadStatusLine("c0ntent")),
        "Transport",
        "is malformed: BadStatusLine$",
    ),
    "no number": (ValueError("c0ntent"), "Transport", "is malformed: ValueError$"),
    "long chunk": (OverflowError("c0ntent"), "Transport", "is malformed: OverflowError$"),
    "anything else": (
        exceptions.RequestException("unheard of"),
        "Transport",
        "no response from http://localhost/.*unheard of",
    ),
    "bad proxy": (exceptions.InvalidSchema("c0ntent"), "InvalidConfiguration", "PySocks"),
    "bad URL of a proxy": (
        exceptions.InvalidProxyURL("c0ntent"),
        "InvalidConfiguration",
        "the proxy cannot be used",
    ),
    "bad certificate file": (
        OSError("Could not find a suitable TLS CA certificate bundle"),
        "InvalidConfiguration",
        "CA certificate bundle",
    ),
}
#: Nothing was sent, so the service cannot have done anything.
UNSENT = ("ConnectTimeout", "EndpointConnection", "NameResolution", "ProxyConnection", "TLS")


@pytest.mark.parametrize("name", ERRORS)
def test_translate(name: str) -> None:
    """Each error becomes a class and a message that say what failed and what to check."""
    error, expected, text = ERRORS[name]
    found = translate(REQUEST, error, CONFIG)

    assert type(found).__name__ == f"{expected}Exception"
    assert re.search(text, str(found))
    assert "PutImage" in str(found)
    assert "s3cret" not in str(found)
    assert "c0ntent" not in str(found)
    if isinstance(found, errors.TransportException):
        assert found.operation_name == "PutImage"
        assert found.request_sent is (expected not in UNSENT)
        assert found.retryable is (expected != "TLS")


def test_other_causes() -> None:
    """Other errors are not translated, and an exception that was being handled is no cause."""
    outside, error = exceptions.ConnectTimeout("earlier"), exceptions.ReadTimeout("late")
    error.__context__ = outside
    without = translate(HTTPRequest("GET", "http://localhost/", {}), ValueError(), CONFIG)

    for other in (KeyboardInterrupt(), RuntimeError("of a tool"), SystemExit(1)):
        assert translate(REQUEST, other, CONFIG) is None
    assert type(translate(REQUEST, error, CONFIG, outside)) is errors.ReadTimeoutException
    assert type(translate(REQUEST, error, CONFIG)) is errors.ConnectTimeoutException
    assert isinstance(without, errors.TransportException)
    assert without.operation_name is None
