"""Presigned URLs: no secret is added to the request, and nothing of the query leaks."""

from __future__ import annotations

import logging
import pickle
import threading
import traceback
from collections.abc import Callable
from typing import Any

import pytest
import requests

from ecr_client.exceptions import AmazonClientException
from ecr_client.transport import Deadline, HTTPRequest

SIGNATURE = "5ec7e7516na7u7e"
QUERY = f"X-Amz-Credential=AKID%2F20260101&X-Amz-Signature={SIGNATURE}&x-id=GetObject"
SECRETS = (SIGNATURE, "X-Amz-Credential", "x-id")
OK = b"HTTP/1.1 200 OK\r\n"
NO_END = Deadline(None)


def leaks(text: str) -> list[str]:
    return [secret for secret in SECRETS if secret.lower() in text.lower()]


def test_the_request(peer: Any, connect: Any, tls: bool) -> None:
    """The whole URL is sent, with no headers but those of the request and those of HTTP."""
    server = peer(tls=tls)
    request = HTTPRequest("GET", f"{server.url}layer?{QUERY}", {"User-Agent": "test"}, b"", "Test")
    connect().send(request, Deadline(None)).close()
    (received,) = server.requests

    assert received.path == f"/layer?{QUERY}"
    assert set(received.headers) == {"host", "accept-encoding", "user-agent"}


def sends(data: bytes) -> Callable[[Any], None]:
    def handle(visit: Any) -> None:
        visit.request()
        visit.send(data)

    return handle


def falls_silent(visit: Any) -> None:
    visit.request()
    visit.wait_for_the_end()


def resets(visit: Any) -> None:
    visit.request()
    visit.reset()


def redirects(visit: Any) -> None:
    visit.request()
    visit.respond(b"", b"Location: /elsewhere?" + QUERY.encode(), status=b"302 Found")


HANDLERS = {
    "success": sends(OK + b"Content-Length: 2\r\n\r\n{}"),
    "error": sends(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\n{}"),
    "redirect": redirects,
    "malformed header": sends(OK + b"Content-Length: 2\r\nno colon\r\n\r\n{}"),
    "length and chunks": sends(
        OK + b"Content-Length: 9\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"
    ),
    "two lengths": sends(OK + b"Content-Length: 2\r\nContent-Length: 3\r\n\r\n{}"),
    "malformed status": sends(b"nonsense\r\n\r\n"),
    "interim response": sends(b"HTTP/1.1 103 Early Hints\r\n\r\n"),
    "malformed chunk": sends(OK + b"Transfer-Encoding: chunked\r\n\r\nxyz\r\n{}"),
    "truncated": sends(OK + b"Content-Length: 9\r\n\r\n{}"),
    "no response": sends(b""),
    "reset": resets,
    "read timeout": falls_silent,
}


def outcome(transport: Any, url: str, deadline: Deadline = NO_END) -> AmazonClientException | None:
    """Return the error of a request, or None if it succeeds."""
    request = HTTPRequest("GET", f"{url}layer?{QUERY}", {}, purpose="Test")
    try:
        with transport.send(request, deadline) as response:
            response.read(1000, deadline)
    except AmazonClientException as error:
        return error
    return None


def check(error: AmazonClientException | None, records: list[logging.LogRecord]) -> None:
    """Check that neither an exception nor logs show the query."""
    for record in records:
        assert leaks(record.getMessage()) == []
        assert leaks(repr(vars(record))) == []
    if error is not None:
        chain = traceback.format_exception(error)
        assert leaks("".join([*chain, str(error), repr(error), repr(vars(error))])) == []
        assert leaks(pickle.dumps(error).decode("latin-1")) == []
        cause: BaseException | None = error
        while cause is not None:
            assert leaks(f"{cause} {cause!r} {vars(cause)}") == []
            cause = cause.__cause__ or cause.__context__


#: The handlers with which a request succeeds.
FINE = ("success", "error", "redirect", "malformed header", "length and chunks")


@pytest.mark.parametrize("name", HANDLERS)
def test_leaks(peer: Any, connect: Any, caplog: Any, tls: bool, name: str) -> None:
    """Whatever becomes of a request, its query is in no log record and in no exception."""
    server = peer(HANDLERS[name], tls=tls)
    transport = connect(read_timeout=0.2 if name == "read timeout" else 60)
    with caplog.at_level(logging.DEBUG):
        error = outcome(transport, server.url)

    assert (error is None) == (name in FINE)
    assert caplog.records
    check(error, caplog.records)


@pytest.mark.parametrize(
    ("url", "options"),
    [
        ("http://127.0.0.1:1/", {}),
        ("http://nowhere.invalid/", {}),
        ("http://ecr.example/", {"proxies": {"http": "http://127.0.0.1:1"}}),
        ("https://ecr.example/", {"proxies": {"all": "http://127.0.0.1:1"}}),
        ("http://127.0.0.1:99999/", {}),
        ("gopher://127.0.0.1/", {}),
    ],
)
def test_leaks_without_a_connection(connect: Any, caplog: Any, url: str, options: Any) -> None:
    """Whatever keeps a request from being sent, its query is in no log record or exception."""
    with caplog.at_level(logging.DEBUG):
        error = outcome(connect(**options), url)

    assert error is not None
    check(error, caplog.records)


def test_other_leaks(peer: Any, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Failed TLS, a late request and a proxy that receives the URL do not show the query."""
    plain = peer(lambda visit: visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    transport = connect()
    with caplog.at_level(logging.DEBUG):
        errors = [
            outcome(transport, plain.url.replace("http:", "https:")),
            outcome(connect(verify=True), peer(tls=True).url),
            outcome(transport, plain.url, Deadline(1e-9)),
            outcome(connect(proxies={"http": peer().url}), "http://storage.example/"),
        ]
        transport.close()
        errors.append(outcome(transport, plain.url))

    assert [type(each).__name__ for each in errors] == [
        *("TLSException", "TLSException", "TotalTimeoutException", "NoneType"),
        "ClientShutdownException",
    ]
    for error in errors:
        check(error, caplog.records)


def test_other_urls_are_logged(peer: Any, connect: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Other programs, and other threads of this one, log their URLs as they are."""
    begun, go_on = threading.Event(), threading.Event()

    def handle(visit: Any) -> None:
        visit.request()
        begun.set()
        go_on.wait(20)
        visit.respond()

    slow, other, transport = peer(handle), peer(), connect()
    with caplog.at_level(logging.DEBUG):
        sending = threading.Thread(target=outcome, args=(transport, slow.url))
        sending.start()
        assert begun.wait(20)
        requests.get(f"{other.url}?a=b", timeout=20)
        go_on.set()
        sending.join(20)

    assert '"GET /?a=b HTTP/1.1" 200 2' in caplog.text
    assert '"GET /layer?*** HTTP/1.1" 200 2' in caplog.text
