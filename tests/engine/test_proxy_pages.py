"""How errors describe a response that did not come from the service."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import operations
from ecr_client._engine.http import HTTPResponse
from ecr_client._engine.parse import parse
from ecr_client._exceptions import AmazonECRException, ResponseParseException

URL = "https://user:passw0rd@api.ecr.eu-west-1.amazonaws.com/"
HTML = {"Content-Type": "text/html; charset=utf-8"}
WORD = "Y2FuYXJ5LXRva2VuLW9mLWEtcmVz"


def message(
    body: bytes, status: int, headers: Any, operation: Any = operations.DESCRIBE_REPOSITORIES
) -> str:
    """Return the message of the error for a response."""
    with pytest.raises((ResponseParseException, AmazonECRException)) as caught:
        parse(operation, HTTPResponse(status, headers, body), url=URL)
    return str(caught.value)


@pytest.mark.parametrize("status", [200, 502])
@pytest.mark.parametrize(
    ("body", "headers", "fact"),
    [
        (b"<html><title>Sign in</title>", HTML, "sent text/html titled 'Sign in',"),
        (b"\n<!DOCTYPE HTML><HTML><TITLE id=x>\n Sign\n in </TITLE>", HTML, "titled 'Sign in',"),
        (b"\xef\xbb\xbf<html><title>Caf&eacute; \xc3\xa9 \x1b</title>", HTML, "titled 'Café é"),
        (b"<html><title>502 Bad Gateway</title>", {}, "titled '502 Bad Gateway',"),
        (b"<html><title>" + b"a " * 5000 + b"</title>", HTML, "sent text/html,"),
        (b"<Error><title>x</title></Error>", {"Content-Type": "text/xml"}, "sent text/xml,"),
        (b"no healthy upstream", {"Content-Type": "text/plain"}, "sent text/plain,"),
        (b"<html>", {"Content-Type": "\x1b" * 9}, "sent a body of an unknown type,"),
        # Words of a title that may be tokens are hidden, and a long title is truncated.
        (f"<html><title>Token {WORD}</title>".encode(), HTML, "titled 'Token ***'"),
        (b"<html><title>https://u:p@example.com/?q=1 x</title>", HTML, "titled '*** x'"),
        (b'<html><title>{"authorizationToken": "abc"}</title>', HTML, "titled '*** ***'"),
        (b"<html><title>key=abc &#123;x&#125;</title>", HTML, "titled '*** ***'"),
        (b"<html><title>" + b"word " * 100 + b"</title>", HTML, f"titled {'word ' * 20!r}"),
    ],
)
def test_pages(body: bytes, headers: Any, fact: str, status: int) -> None:
    """A page is described with its type, its title and the endpoint, whatever its status."""
    text = message(body, status, headers)

    assert "https://***@api.ecr.eu-west-1.amazonaws.com/ sent " in text
    assert fact in text
    assert text.isprintable()


@pytest.mark.parametrize(
    "operation",
    [
        operations.GET_AUTHORIZATION_TOKEN,
        operations.GET_DOWNLOAD_URL_FOR_LAYER,
        operations.UPLOAD_LAYER_PART,
    ],
)
def test_operations_with_secrets(operation: Any) -> None:
    """If a request or a result holds a secret, not even the title is shown."""
    for status in (200, 502):
        text = message(b"<html><title>canary</title>", status, HTML, operation)

        assert "sent text/html," in text
        assert "canary" not in text


def test_truncated_responses() -> None:
    """A response that begins like JSON is not described as a page."""
    for headers in ({}, {"Content-Type": "application/x-amz-json-1.1"}, HTML):
        for body in (b'{"repositories": [', b"[", b" "):
            assert " sent " not in message(body, 400, headers)
