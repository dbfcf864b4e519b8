"""HTTP requests and responses as values."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client._common.display import redact_url

if TYPE_CHECKING:
    from collections.abc import Mapping

#: No request id of AWS is longer.
MAX_ID_LENGTH = 128


class HTTPRequest:
    """An HTTP request, whose repr shows neither headers nor query nor body.

    Args:
        method: ``GET``, ``POST``, ...
        url: The URL.
        headers: The headers except ``Host`` and ``Content-Length``.
        body: The body.
        purpose: The purpose in error messages, for example ``CreateRepository``.
    """

    # Not an attrs class or a tuple: some tools show their fields whatever the repr shows.
    __slots__ = ("body", "headers", "method", "purpose", "url")

    def __init__(
        self,
        method: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes = b"",
        purpose: str = "",
    ) -> None:
        self.method: str = method
        self.url: str = url
        self.headers: Mapping[str, str] = headers
        self.body: bytes = body
        self.purpose: str = purpose

    def __repr__(self) -> str:
        return f"<HTTPRequest {self.method} {redact_url(self.url)}, {len(self.body)} bytes>"


class HTTPResponse:
    """An HTTP response that has been read to its end, whose repr shows neither headers nor content.

    Args:
        status: The status code.
        headers: The headers; lookups ignore case.
        body: The body, decompressed.
    """

    __slots__ = ("body", "headers", "status")

    def __init__(self, status: int, headers: Mapping[str, str], body: bytes) -> None:
        self.status: int = status
        self.headers: Mapping[str, str] = headers
        self.body: bytes = body

    def __repr__(self) -> str:
        return f"<HTTPResponse {self.status}, {len(self.body)} bytes>"


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the request id of a response, truncated and printable, or ``None``."""
    found = headers.get("x-amzn-RequestId") or headers.get("x-amz-request-id") or ""
    if len(found) > MAX_ID_LENGTH or not found.isprintable():
        found = "".join(filter(str.isprintable, found))[:MAX_ID_LENGTH]
    return found or None


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL."""
    return "/".join(url.split("/", 3)[:3])
