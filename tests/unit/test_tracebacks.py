"""Tracebacks show where an error was raised, in the user's own code and in ours.

The only frames removed are those below the transport, those of constructors that take secrets, and
those of botocore while it looks up credentials.
"""

from __future__ import annotations

import http.client
import json
import socket
import ssl
import sys
import traceback
import weakref
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import botocore
import pytest
import requests
import urllib3

import ecr_client
from ecr_client import ClientConfiguration, Credentials, ECRClient, Hooks
from ecr_client._common.redact import chain, forget_frames, redact_text
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
#: The functions of the package that each call goes through.
WAY = ["upload_layer_part", "invoke", "run", "_call", "call", "_attempt"]
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
    """Return the names of the functions of one file in a traceback."""
    return [each.name for each in frames(error) if Path(each.filename).name == file]


def lines(error: BaseException) -> list[str]:
    """Return the lines of this file in a traceback."""
    return [each.line or "" for each in frames(error) if Path(each.filename).name == HERE]


def check(error: BaseException) -> None:
    """Check that no frame is a library's, and that ours show nothing secret."""
    for each in frames(error):
        assert not each.filename.startswith(LIBRARIES), each
        assert each.filename not in MODULES, each
    for each in of_package(error):
        for secret in SECRETS:
            assert secret not in str(each.locals), each


def upload(client: ECRClient) -> None:
    """Make a call that carries every kind of secret."""
    client.with_options(headers={"x-amz-meta": "h34der"}).upload_layer_part(
        repository_name="app",
        upload_id="u",
        part_first_byte=0,
        part_last_byte=17,
        layer_part_blob=LAYER,
    )


def vault() -> Credentials:
    """Fail as a user's own function may."""
    return read_vault("path/of/the/key")


def read_vault(path: str) -> Credentials:
    raise LookupError(f"no key at {path}")


def test_a_credentials_function(calling: Calling) -> None:
    """The exception of a credentials function is the cause, with its frames and message."""
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


def interrupt(*_: object) -> Any:
    raise KeyboardInterrupt("in a function of the user")


@pytest.mark.parametrize("kind", ["request", "response", "retry", "error", "credentials", "sleep"])
def test_an_interrupt(server: Any, calling: Calling, kind: str) -> None:
    """An interrupt in a user's function propagates with all frames, the user's and ours."""
    server.responses = [(503, {}, b""), MISSING]
    if kind == "credentials":
        client = calling(given=interrupt)
    elif kind == "sleep":
        client = calling(given=KEYS, sleep=interrupt)
    else:
        client = calling(given=KEYS, config={"hooks": Hooks(**{kind: interrupt})})
    with pytest.raises(KeyboardInterrupt, match="in a function of the user") as caught:
        upload(client)
    ours = {each.name for each in of_package(caught.value)}

    assert names(caught.value, HERE)[-1] == "interrupt"
    assert {"upload_layer_part", "invoke", "call"} <= ours
    check(caught.value)


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


@pytest.mark.parametrize("kind", [LookupError, TypeError, AttributeError])
def test_a_mapping_of_headers(client: ECRClient, kind: type[Exception]) -> None:
    """An exception of a user's mapping propagates unchanged, with the user's frames."""
    error = kind("not in the mapping")
    with pytest.raises(kind, match=r"^not in the mapping$") as caught:
        client.with_options(headers=Headers(error), credentials=KEYS)

    assert caught.value is error
    assert names(error, HERE)[-2:] == ["__getitem__", "_look_up"]
    assert "return self._look_up(name)" in lines(error)
    check(error)


def test_bad_arguments(client: ECRClient) -> None:
    """When arguments that may be secrets are refused, the frames that hold them are removed."""
    with pytest.raises(InvalidConfigurationException) as caught:
        client.with_options(headers={"x-amz-meta": "h34der\n"}, credentials=KEYS)

    assert {each.name for each in of_package(caught.value)} == {"call"}
    check(caught.value)


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
        KeyboardInterrupt("in the transport"),
        TransportException("in the transport"),
        ResponseParseException("in the transport"),
    ],
    ids=lambda error: type(error).__name__,
)
def test_a_transport(calling: Calling, error: BaseException) -> None:
    """An exception of a user's own transport propagates unchanged, with their frames and ours."""
    client = calling(given=KEYS, max_attempts=1)
    client.transport = Failing(error, OSError("of the network"))
    with pytest.raises(type(error), match="in the transport") as caught:
        upload(client)

    assert caught.value is error
    assert isinstance(error.__cause__, OSError)
    assert names(error, HERE)[:4] == ["test_a_transport", "upload", "send", "connect"]
    assert "return self.connect(request)" in lines(error)
    assert "OSError: of the network" in whole(error)
    assert [each.name for each in of_package(error)][:6] == WAY
    check(error)


@pytest.mark.parametrize(
    ("response", "kind", "last"),
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
    server: Any, calling: Calling, response: Any, kind: Any, last: str
) -> None:
    """A traceback leads down to where the call entered a library, and shows no secret.

    It has no frames of requests, urllib3 or http.client.
    """
    server.responses = [response]
    with pytest.raises(kind) as caught:
        upload(calling(given=KEYS, max_attempts=1))
    ours = [each.name for each in of_package(caught.value)]

    assert ours[:6] == WAY
    assert ours[-1] == last
    check(caught.value)


def test_invalid_requests(client: ECRClient) -> None:
    """The traceback of an invalid request shows where it was made, and nothing of its content."""
    wrong: Any = {"repository_name": "app", "upload_id": 7, "layer_part_blob": LAYER}
    with pytest.raises(ParamValidationException) as caught:
        client.upload_layer_part(**wrong, part_first_byte=0, part_last_byte=17)

    assert of_package(caught.value)[-1].name == "encoder"
    check(caught.value)


def own_error() -> Exception:
    """Return an exception of a user's own, which was raised and holds things."""
    try:
        local = ["of the user"]
        raise LookupError(len(local))
    except LookupError as error:
        error.held = local  # type: ignore[attr-defined]
        return error


def looks(error: BaseException) -> list[tuple[str, Any]]:
    """Return the frames of an exception below the test, with their variables."""
    found = traceback.TracebackException.from_exception(error, capture_locals=True)
    return [(frame.name, frame.locals) for frame in found.stack[1:]]


@pytest.mark.parametrize("failing", ["call", "arguments", "constructor", "interrupt"])
def test_an_exception_being_handled(server: Any, client: ECRClient, failing: str) -> None:
    """An exception that is being handled meanwhile keeps its frames, variables and members."""
    server.responses = [MISSING]
    ours = own_error()

    def interrupt(_: object) -> None:
        raise KeyboardInterrupt

    config = ClientConfiguration(hooks=Hooks(request=interrupt))
    interrupted = ECRClient(endpoint=server.url, credentials=KEYS, config=config)
    fail = {
        "call": client.describe_registry,
        "arguments": lambda: client.with_options(timeout=-1),
        "constructor": lambda: ClientConfiguration(read_timeout=-1),
        "interrupt": interrupted.describe_registry,
    }[failing]
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
    assert "of the user" in str(before)
    assert ours.held == ["of the user"]  # type: ignore[attr-defined]


def test_errors_are_freed(server: Any, client: ECRClient) -> None:
    """An exception and its frames are not a cycle: it is freed with its last reference."""
    server.responses = [MISSING]

    def caught() -> weakref.ref[BaseException]:
        try:
            client.describe_registry()
        except RepositoryNotFoundException as error:
            return weakref.ref(error)
        raise AssertionError

    gone = caught()

    assert gone() is None
    assert sys.exc_info() == (None, None, None)


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
    kept = {"status": 7, "pieces": b"", "more": {"a": None, "b": "text"}}
    assert vars(inner) == {"request": None, "response": None, **kept}
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
    """A UnicodeDecodeError loses the bytes that it was about."""
    error = UnicodeDecodeError("utf-8", b"s3cret\xff", 6, 7, "invalid start byte")
    forget_frames(error)

    assert error.object == b""
