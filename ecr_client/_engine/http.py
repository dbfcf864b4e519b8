"""What goes over the wire, as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client._common.shown import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

#: No request id of AWS is longer.
LONGEST_ID = 128


class HTTPRequest:
    """One HTTP request. Its repr shows neither headers, nor a query, nor the body.

    Args:
        method: ``GET``, ``POST``, ...
        url: The whole URL.
        headers: All headers but ``Host`` and ``Content-Length``.
        body: The body.
        purpose: What error messages say the request is for, for example ``CreateRepository``.
    """

    # Not an attrs class or a tuple: some tools show the fields of those whatever the repr shows.
    __slots__ = ("body", "headers", "method", "purpose", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        purpose: str = "",
    ) -> None:
        self.method = method
        self.url = url
        self.headers = headers
        self.body = body
        self.purpose = purpose

    def __repr__(self) -> str:
        return f"<HTTPRequest {self.method} {redact_url(self.url)}, {len(self.body)} bytes>"


class HTTPResponse:
    """One HTTP response that has been read to its end. Its repr shows no header and no content.

    Args:
        status: The status code.
        headers: Looked up without regard to case.
        body: The body, decompressed.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status = status
        self.headers = headers
        self.body = body

    def __repr__(self) -> str:
        return f"<HTTPResponse {self.status}, {len(self.body)} bytes>"


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id in the headers of a response, cut and cleaned so that logs may show it."""
    found = headers.get("x-amzn-RequestId") or headers.get("x-amz-request-id") or ""
    if len(found) > LONGEST_ID or not found.isprintable():
        found = "".join(filter(str.isprintable, found))[:LONGEST_ID]
    return found or None
