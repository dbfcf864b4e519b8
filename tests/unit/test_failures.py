"""The names of what goes wrong, above all where libraries have one name for two things."""

from __future__ import annotations

import ssl

import pytest
import urllib3
from requests import exceptions

from ecr_client import ClientConfiguration
from ecr_client._runtime.failures import named
from ecr_client.exceptions import (
    ConnectionClosedException,
    ConnectTimeoutException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TransportException,
)

CONFIG = ClientConfiguration()
BY_PROXY = exceptions.ProxyError(urllib3.exceptions.ProxyError("gone", ConnectionResetError("x")))
BY_TLS = exceptions.SSLError(ssl.SSLError(1, "bad record mac"))
TOO_LATE = exceptions.ReadTimeout("late")
BROKEN = exceptions.ConnectionError(ConnectionResetError("x"))


@pytest.mark.parametrize(
    ("error", "sent", "expected"),
    [
        (BY_PROXY, False, ProxyConnectionException),
        (BY_PROXY, None, ProxyConnectionException),
        (BY_PROXY, True, ConnectionClosedException),
        (BY_TLS, False, TLSException),
        (BY_TLS, None, TLSException),
        (BY_TLS, True, ConnectionClosedException),
        (TimeoutError("late"), False, ConnectTimeoutException),
        (TOO_LATE, None, ReadTimeoutException),
        (TOO_LATE, True, ReadTimeoutException),
        (BROKEN, False, ConnectionClosedException),
        (BROKEN, True, ConnectionClosedException),
    ],
)
def test_before_and_after_sending(
    error: Exception, sent: bool | None, expected: type[TransportException]
) -> None:
    """What is an error of connecting before anything was sent is a broken connection after it."""
    found = named("PutImage", "http://localhost/", error, CONFIG, sent=sent)

    assert type(found) is expected
    assert found.request_sent is (sent is not False and expected.request_sent)
    assert found.retryable is (expected is not TLSException)
