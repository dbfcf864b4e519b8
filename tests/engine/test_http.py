"""Requests and responses as values: what they hold, and what they do not show."""

from __future__ import annotations

from typing import Any

import pytest
from rich.pretty import pretty_repr

from ecr_client._engine.http import LONGEST_ID, HTTPRequest, HTTPResponse, request_id

SECRETS = {"Authorization": "s3cret", "X-Amz-Security-Token": "t0ken", "x-amz-meta": "h34der"}


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("https://host/", "<HTTPRequest POST https://host/, 6 bytes>"),
        ("https://host/a?X-Amz-Signature=s3cret", "<HTTPRequest POST https://host/a?***, 6 bytes>"),
        ("https://user:s3cret@host/", "<HTTPRequest POST https://***@host/, 6 bytes>"),
    ],
)
def test_a_request_shows_no_secret(url: str, shown: str) -> None:
    """The repr of a request has neither headers nor a query nor the body."""
    request = HTTPRequest("POST", url, SECRETS, b"c0nten", "PutImage")

    assert repr(request) == str(request) == shown


def test_a_response_shows_no_content() -> None:
    """The repr of a response has its status and its size only."""
    response = HTTPResponse(200, {"Set-Cookie": "s3cret"}, b"c0ntent")

    assert repr(response) == "<HTTPResponse 200, 7 bytes>"


@pytest.mark.parametrize(
    "value",
    [
        HTTPRequest("POST", "https://host/?s3cret", SECRETS, b"c0ntent", "PutImage"),
        HTTPResponse(200, SECRETS, b"c0ntent"),
    ],
)
def test_tools_that_look_into_objects_see_nothing(value: Any) -> None:
    """What prints the fields of known kinds of objects finds none here."""
    shown = pretty_repr([value])

    assert not hasattr(value, "__dict__")
    for secret in (*SECRETS.values(), "c0ntent"):
        assert secret not in shown


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, None),
        ({"x-amzn-RequestId": "id-1"}, "id-1"),
        ({"x-amz-request-id": "id-2"}, "id-2"),
        ({"x-amzn-RequestId": "id-1", "x-amz-request-id": "id-2"}, "id-1"),
        ({"x-amzn-RequestId": "", "x-amz-request-id": "id-2"}, "id-2"),
        ({"x-amzn-RequestId": "a\r\nb\x1b[31m"}, "ab[31m"),
        ({"x-amzn-RequestId": "\r\n"}, None),
        ({"x-amzn-RequestId": "x" * (LONGEST_ID + 1)}, "x" * LONGEST_ID),
        ({"x-amzn-RequestId": "x" * LONGEST_ID}, "x" * LONGEST_ID),
    ],
)
def test_request_ids(headers: dict[str, str], expected: str | None) -> None:
    """A request id is what a log may show: printable and not too long."""
    assert request_id(headers) == expected
