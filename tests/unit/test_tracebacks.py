"""Tracebacks belong to people: who raises what in our calls sees where, in their own code and ours.

Only frames below the transport, in constructors that take secrets, and of botocore while it looks
up credentials are removed.
"""

from __future__ import annotations

import http.client
import json
import logging
import socket
import ssl
import traceback
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
import pytest
import requests
import urllib3

import ecr_client
from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks, RetryPolicy
from ecr_client.exceptions import (
    AmazonClientException,
    CredentialRetrievalException,
    InvalidConfigurationException,
    ParamValidationException,
    RepositoryNotFoundException,
    ResponseParseException,
    TransportException,
)
from ecr_client.transport import Deadline, HTTPRequest, StreamingResponse, Transport

HERE = Path(__file__).name
PACKAGE = str(Path(ecr_client.__file__).parent)
LIBRARIES = tuple(
    str(Path(str(each.__file__)).parent)
    for each in (requests, urllib3, http.client, json, botocore)
)
MODULES = (socket.__file__, ssl.__file__)
KEYS = Credentials("AKIDEXAMPLE", "s3cret/key", "t0ken")
LAYER = b"c0ntent of a layer"
SECRETS = ("s3cret", "t0ken", "h34der", "c0ntent", "Signature=", "p4ssword")
MISSING = (400, {}, b'{"__type": "RepositoryNotFoundException"}')
Calling = Callable[..., ECRClient]


def whole(error: BaseException) -> str:
    """Return what Python prints of an exception."""
    return "".join(traceback.format_exception(error))


def frames(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames of an exception and its causes, with their variables."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    summaries: list[traceback.FrameSummary] = []
    while found is not None:
        summaries += found.stack
        found = found.__cause__ or found.__context__  # type: ignore[assignment]
    return summaries


def of_package(error: BaseException) -> list[traceback.FrameSummary]:
    """Return the frames that are ours."""
    return [each for each in frames(error) if each.filename.startswith(PACKAGE)]


def names(error: BaseException, file: str) -> list[str]:
    """Return the names of the functions of one file in which an exception was."""
    return [each.name for each in frames(error) if Path(each.filename).name == file]


def lines(error: BaseException) -> list[str]:
    """Return the lines of this file in which an exception was."""
    return [each.line or "" for each in frames(error) if Path(each.filename).name == HERE]


def check(error: BaseException) -> None:
    """Check that no frame of a library is there, and that ours show nothing secret."""
    for each in frames(error):
        assert not each.filename.startswith(LIBRARIES), each
        assert each.filename not in MODULES, each
    for each in of_package(error):
        for secret in SECRETS:
            assert secret not in str(each.locals), each


def upload(client: ECRClient) -> None:
    """Make a call with everything that is secret in it."""
    client.with_options(headers={"x-amz-meta": "h34der"}).upload_layer_part(
        repository_name="app",
        upload_id="u",
        part_first_byte=0,
        part_last_byte=17,
        layer_part_blob=LAYER,
    )


# --- credentials ----------------------------------------------------------------------------------


def vault() -> Credentials:
    """Fail as a function of a user may."""
    return read_vault("path/of/the/key")


def read_vault(path: str) -> Credentials:
    raise LookupError(f"no key at {path}")


def test_a_credentials_function(calling: Calling) -> None:
    """What a function that returns credentials raises is the cause, with its frames and text."""
    with pytest.raises(CredentialRetrievalException) as caught:
        upload(calling(given=vault))
    error = caught.value
    text = whole(error)

    assert isinstance(error.__cause__, LookupError)
    assert "credentials provider vault failed: LookupError" in str(error)
    assert "LookupError: no key at path/of/the/key" in text
    assert 'raise LookupError(f"no key at {path}")' in text
    assert [each for each in names(error, HERE) if "vault" in each] == ["vault", "read_vault"]
    assert {"invoke", "call", "_attempt"} <= {each.name for each in of_package(error)}
    check(error)


def test_a_credentials_function_that_returns_nonsense(calling: Calling) -> None:
    """What is wrong with what it returns is said."""
    with pytest.raises(CredentialRetrievalException, match="must return credentials, got int"):
        upload(calling(given=lambda: 5))


def test_a_credentials_function_that_is_interrupted(calling: Calling) -> None:
    """What is no error, such as Ctrl-C, comes out as it is, with the frames of the function."""

    def interrupted() -> Credentials:
        raise KeyboardInterrupt("in the vault")

    with pytest.raises(KeyboardInterrupt, match="in the vault") as caught:
        upload(calling(given=interrupted))

    assert 'raise KeyboardInterrupt("in the vault")' in lines(caught.value)
    check(caught.value)


# --- hooks ----------------------------------------------------------------------------------------


def fail(event: Any) -> None:
    """Fail as a hook of a user may."""
    raise ZeroDivisionError(f"in the hook for {event.operation}")


def test_a_hook(server: Any, calling: Calling, caplog: pytest.LogCaptureFixture) -> None:
    """What a hook raises is logged with its frames and text."""
    calling(config={"hooks": Hooks(request=fail)}).describe_registry()
    (record,) = [each for each in caplog.records if each.levelno == logging.ERROR]
    assert record.exc_info is not None
    error = record.exc_info[1]
    assert error is not None

    assert str(error) == "in the hook for DescribeRegistry"
    assert names(error, HERE) == ["fail"]
    assert 'raise ZeroDivisionError(f"in the hook for {event.operation}")' in caplog.text
    check(error)


@pytest.mark.parametrize("kind", ["request", "response", "retry", "error"])
def test_a_hook_that_is_interrupted(server: Any, calling: Calling, kind: str) -> None:
    """An interrupt in a hook comes out with all frames, the user's and ours."""

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    server.answers = [(503, {}, b""), MISSING]
    client = calling(given=KEYS, config={"hooks": Hooks(**{kind: interrupt})})
    with pytest.raises(KeyboardInterrupt) as caught:
        upload(client)

    assert names(caught.value, HERE)[-1] == "interrupt"
    assert {"upload_layer_part", "invoke", "call"} <= {
        each.name for each in of_package(caught.value)
    }
    check(caught.value)


def test_a_sleep(server: Any, credentials: Credentials) -> None:
    """What the sleep of a retry policy raises comes out as it is."""

    def sleep(seconds: float) -> None:
        raise RuntimeError(f"no time for {seconds} s")

    server.answers = [(503, {}, b"")]
    config = ClientConfiguration(retry=RetryPolicy(sleep=sleep, random=lambda: 1.0))
    with (
        ECRClient(endpoint=server.url, credentials=credentials, config=config) as client,
        pytest.raises(RuntimeError, match=r"no time for 1\.0 s") as caught,
    ):
        upload(client)

    assert names(caught.value, HERE)[-1] == "sleep"
    check(caught.value)


# --- arguments ------------------------------------------------------------------------------------


class Headers(Mapping[str, str]):
    """A mapping of a user's own that fails while it is read."""

    def __init__(self, error: Exception) -> None:
        self._error = error

    def __getitem__(self, name: str) -> str:
        return self._look_up(name)

    def _look_up(self, name: str) -> str:
        raise self._error

    def __iter__(self) -> Iterator[str]:
        yield "x-amz-meta"

    def __len__(self) -> int:
        return 1


@pytest.mark.parametrize("kind", [LookupError, RuntimeError, TypeError, AttributeError])
def test_a_mapping_of_headers(client: ECRClient, kind: type[Exception]) -> None:
    """What a mapping raises comes out as it is, of whatever kind, with the frames of the user."""
    error = kind("not in the mapping")
    with pytest.raises(kind, match=r"^not in the mapping$") as caught:
        client.with_options(headers=Headers(error), credentials=KEYS)

    assert caught.value is error
    assert names(error, HERE)[-2:] == ["__getitem__", "_look_up"]
    assert "return self._look_up(name)" in lines(error)
    check(error)


def test_bad_arguments(client: ECRClient) -> None:
    """Where arguments are refused that may be secrets, the frames with them are removed."""
    with pytest.raises(InvalidConfigurationException) as caught:
        client.with_options(headers={"x-amz-meta": "h34der\n"}, credentials=KEYS)

    assert {each.name for each in of_package(caught.value)} == {"call"}
    check(caught.value)


# --- transports -----------------------------------------------------------------------------------


class Failing(Transport):
    """A transport of a user's own that fails."""

    def __init__(self, error: BaseException, cause: BaseException | None = None) -> None:
        self._error, self._cause = error, cause

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        return self.connect(request)

    def connect(self, request: HTTPRequest) -> StreamingResponse:
        try:
            if self._cause is not None:
                raise self._cause
        finally:
            raise self._error from self._cause


@pytest.mark.parametrize(
    "error",
    [
        RuntimeError("in the transport"),
        KeyboardInterrupt("in the transport"),
        TransportException("in the transport"),
        ResponseParseException("in the transport"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_transport(calling: Calling, error: BaseException) -> None:
    """What a transport of a user's own raises comes out as it is, with their frames and ours."""
    client = calling(given=KEYS, max_attempts=1)
    client.transport = Failing(error, OSError("of the network"))
    with pytest.raises(type(error), match="in the transport") as caught:
        upload(client)

    assert caught.value is error
    assert isinstance(error.__cause__, OSError)
    assert names(error, HERE)[:4] == [
        "test_a_transport",
        "upload",
        "send",
        "connect",
    ]
    assert "return self.connect(request)" in lines(error)
    assert "OSError: of the network" in whole(error)
    assert [each.name for each in of_package(error)][:6] == [
        "upload_layer_part",
        "invoke",
        "run",
        "_call",
        "call",
        "_attempt",
    ]
    check(error)


def test_a_transport_that_is_retried(calling: Calling) -> None:
    """A retried error has no frames, and the last one has them all."""
    client = calling(given=KEYS, base_delay=0)
    errors: list[BaseException] = []

    class Changing(Transport):
        def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
            errors.append(TransportException(f"failure {len(errors)}"))
            raise errors[-1]

    client.transport = Changing()
    with pytest.raises(TransportException, match="failure 2") as caught:
        upload(client)

    assert [each.__traceback__ for each in caught.value.retried_errors] == [None, None]
    assert names(caught.value, HERE)[-1] == "send"
    check(caught.value)


# --- our own --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("answer", "kind", "last"),
    [
        (MISSING, RepositoryNotFoundException, "parse"),
        ((200, {}, b"{"), ResponseParseException, "parse"),
        ((200, {"Content-Encoding": "gzip"}, b"c0ntent"), ResponseParseException, "_read"),
        (b"", TransportException, "fail"),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\nc0ntent", TransportException, "fail"),
        (b"c0ntent\r\n\r\n", TransportException, "fail"),
    ],
)
def test_errors_of_calls(
    server: Any, calling: Calling, answer: Any, kind: type[AmazonClientException], last: str
) -> None:
    """An error shows the way that the call went, down to where it met the library, and no secret.

    The frames of requests, urllib3 and http.client are not there.
    """
    server.answers = [answer]
    with pytest.raises(kind) as caught:
        upload(calling(given=KEYS, max_attempts=1))
    ours = [each.name for each in of_package(caught.value)]

    assert ours[:6] == ["upload_layer_part", "invoke", "run", "_call", "call", "_attempt"]
    assert ours[-1] == last
    check(caught.value)


def test_requests_that_are_wrong(calling: Calling) -> None:
    """A request that cannot be sent shows where it was made, and nothing of its content."""
    with pytest.raises(ParamValidationException) as caught:
        calling().upload_layer_part(
            repository_name="app",
            upload_id=7,  # type: ignore[call-overload]
            part_first_byte=0,
            part_last_byte=17,
            layer_part_blob=LAYER,
        )

    assert of_package(caught.value)[-1].name == "encoder"
    check(caught.value)


def test_proxies_with_passwords(credentials: Credentials) -> None:
    """The frames of a call through a proxy do not show its password."""
    config = ClientConfiguration(
        proxies={"http": "http://user:p4ssword@127.0.0.1:1"}, retry=RetryPolicy(max_attempts=1)
    )
    with (
        ECRClient(endpoint="http://ecr.invalid", credentials=KEYS, config=config) as client,
        pytest.raises(TransportException) as caught,
    ):
        upload(client)

    assert "p4ssword" not in whole(caught.value)
    check(caught.value)
