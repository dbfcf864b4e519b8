"""Requests and responses as values: what they hold, and what they do not show."""

from __future__ import annotations

from typing import Any

import pytest
from rich.pretty import pretty_repr

from ecr_client._engine.http import MAX_ID_LENGTH, HTTPRequest, HTTPResponse, request_id

SECRETS = {"Authorization": "s3cret", "X-Amz-Security-Token": "t0ken", "x-amz-meta": "h34der"}


def sent(url: str) -> HTTPRequest:
    return HTTPRequest("POST", url, SECRETS, b"c0ntent", "PutImage")


@pytest.mark.parametrize(
    ("value", "shown"),
    [
        (sent("https://host/a?X-Amz-Signature=s3cret"), "HTTPRequest POST https://host/a?***"),
        (sent("https://user:s3cret@host/"), "HTTPRequest POST https://***@host/"),
        (HTTPResponse(200, SECRETS, b"c0ntent"), "HTTPResponse 200"),
    ],
)
def test_no_secrets_are_shown(value: Any, shown: str) -> None:
    """A repr shows no headers, query or body, and neither do tools that print attributes."""
    assert repr(value) == str(value) == f"<{shown}, 7 bytes>"
    assert not hasattr(value, "__dict__")
    for secret in (*SECRETS.values(), "c0ntent"):
        assert secret not in pretty_repr([value])


def test_request_ids() -> None:
    """A request id is fit for a log: printable and not too long."""
    for ours, expected in (
        *(("id-1", "id-1"), ("", "id-2"), ("a\r\nb\x1b[31m", "ab[31m"), ("\r\n", None)),
        ("x" * (MAX_ID_LENGTH + 1), "x" * MAX_ID_LENGTH),
    ):
        assert request_id({"x-amzn-RequestId": ours, "x-amz-request-id": "id-2"}) == expected
    assert request_id({"x-amz-request-id": "id-2"}) == "id-2"
    assert request_id({}) is None
