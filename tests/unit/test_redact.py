"""What is removed from exceptions, and what stays: the caller's own, and where something failed."""

from __future__ import annotations

import sys
import traceback
import weakref
from typing import Any

import pytest
import requests

from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks
from ecr_client._common.redact import chain, forget_frames, redact_text
from ecr_client.exceptions import (
    AmazonClientException,
    ConnectTimeoutException,
    EndpointConnectionException,
    InvalidConfigurationException,
    RepositoryNotFoundException,
)

KEYS = Credentials("AKIDEXAMPLE", "secret")
MISSING = (400, {}, b'{"__type": "RepositoryNotFoundException"}')


def own_error() -> Exception:
    """Return an exception of a caller's own, which was raised and holds things."""
    try:
        local = ["of the caller"]
        raise LookupError(len(local))
    except LookupError as error:
        error.held = local  # type: ignore[attr-defined]
        return error


def looks(error: BaseException) -> list[tuple[str, Any]]:
    """Return the frames of an exception below the test, with their variables."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [(frame.name, frame.locals) for frame in found.stack[1:]]


@pytest.mark.parametrize("failing", ["call", "arguments", "constructor", "interrupt"])
def test_what_the_caller_handles(server: Any, client: ECRClient, failing: str) -> None:
    """The exception that a caller handles meanwhile keeps its frames, variables and members."""
    server.answers = [MISSING]
    ours = own_error()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    def fail() -> None:
        if failing == "call":
            client.describe_registry()
        elif failing == "arguments":
            client.with_options(timeout=-1)
        elif failing == "constructor":
            ClientConfiguration(read_timeout=-1)
        else:
            config = ClientConfiguration(hooks=Hooks(request=interrupt))
            ECRClient(endpoint=server.url, credentials=KEYS, config=config).describe_registry()

    try:
        raise ours.with_traceback(ours.__traceback__)
    except LookupError:
        before = looks(ours)
        try:
            fail()
        except (AmazonClientException, KeyboardInterrupt) as error:
            found = error

    assert ours in list(chain(found))
    assert looks(ours) == before
    assert "of the caller" in str(before)
    assert ours.held == ["of the caller"]  # type: ignore[attr-defined]


def test_what_the_caller_handles_is_no_cause(credentials: Credentials) -> None:
    """An error is not taken for the one that the caller was handling when it called."""
    earlier = ConnectTimeoutException("too slow")
    earlier.__cause__ = requests.ConnectTimeout(TimeoutError("handshake operation timed out"))
    client = ECRClient(endpoint="http://127.0.0.1:1", credentials=credentials)
    try:
        raise earlier
    except ConnectTimeoutException:
        with pytest.raises(EndpointConnectionException) as raised:
            client.describe_registry()

    assert "Connection refused" in str(raised.value)


def test_where_an_interrupt_came(server: Any) -> None:
    """The traceback of an exception that is not ours still names every line, without variables."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    config = ClientConfiguration(hooks=Hooks(request=interrupt))
    client = ECRClient(endpoint=server.url, credentials=KEYS, config=config)
    with pytest.raises(KeyboardInterrupt) as raised:
        client.describe_registry()
    frames = traceback.extract_tb(raised.value.__traceback__)

    assert frames[-1].name == "interrupt"
    assert {"call", "_attempt", "request"} <= {each.name for each in frames}


def test_errors_hold_nothing_of_calls(server: Any, client: ECRClient) -> None:
    """An exception and its frames do not hold each other: it goes with its last reference."""
    server.answers = [MISSING]

    def caught() -> weakref.ref[BaseException]:
        try:
            client.describe_registry()
        except RepositoryNotFoundException as error:
            return weakref.ref(error)
        raise AssertionError

    gone = caught()

    assert gone() is None
    assert sys.exc_info() == (None, None, None)


def test_arguments_are_checked_as_before(client: ECRClient) -> None:
    """What keeps arguments secret changes neither signatures nor errors of Python's own."""
    import inspect

    assert "read_timeout" in inspect.signature(ClientConfiguration).parameters
    assert list(inspect.signature(Credentials).parameters) == ["access_key", "secret_key", "token"]
    assert "endpoint" in inspect.signature(ECRClient).parameters
    with pytest.raises(TypeError, match=r"__init__\(\) got an unexpected keyword argument 'wrong'"):
        ECRClient(wrong=1)  # type: ignore[call-arg]
    with pytest.raises(InvalidConfigurationException):
        client.with_options(timeout=-1)


def test_foreign_members() -> None:
    """Exceptions of libraries keep numbers and strings, and lose objects, bytes and passwords."""
    inner = requests.ConnectionError(
        "to http://user:password@proxy:1 and http://plain:1", request=requests.Request()
    )
    inner.status, inner.pieces, inner.more = 7, b"bytes", {"a": object(), "b": "text"}  # type: ignore[attr-defined]
    error = AmazonClientException("ours")
    error.__cause__ = inner
    error.held = b"ours"  # type: ignore[attr-defined]
    forget_frames(error)

    assert str(inner) == "to http://***@proxy:1 and http://plain:1"
    assert (inner.request, inner.response) == (None, None)
    assert vars(inner) == {
        "request": None,
        "response": None,
        "status": 7,
        "pieces": b"",
        "more": {"a": None, "b": "text"},
    }
    assert error.held == b"ours"  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("no URL", "no URL"),
        ("http://host/path", "http://host/path"),
        ("in http://user:pass@host/path now", "in http://***@host/path now"),
        ("'socks5h://u:p@ss/@host:1'", "'socks5h://***@host:1'"),
        ("a@b.example", "a@b.example"),
        ("at http://host/path?X-Amz-Signature=s3cret now", "at http://host/path?*** now"),
        ("is it? no", "is it? no"),
    ],
)
def test_strings(text: str, shown: str) -> None:
    """User, password and query of a URL within a string are hidden, and nothing else is."""
    assert redact_text(text) == shown


def test_undecodable_bytes() -> None:
    """An error of decoding forgets the bytes that it was about."""
    error = UnicodeDecodeError("utf-8", b"s3cret\xff", 6, 7, "invalid start byte")
    forget_frames(error)

    assert error.object == b""
