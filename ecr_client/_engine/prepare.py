"""Prepares the signed HTTP request of one attempt."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client._engine import codec
from ecr_client._engine.http import HTTPRequest
from ecr_client._engine.signing import sign
from ecr_client._engine.values import Mismatch
from ecr_client._exceptions import ParamValidationException

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_client._operation import Operation, Request, Result
    from ecr_client.credentials import Credentials
    from ecr_client.endpoints import Endpoint

CONTENT_TYPE = "application/x-amz-json-1.1"


def encode(operation: Operation[Request, Result], request: Request) -> bytes:
    """Return the body of a request, after checking it.

    Raises:
        ParamValidationException: The request does not fit the operation.
    """
    return encoder(operation, request)()


def encoder(operation: Operation[Request, Result], request: Request) -> Callable[[], bytes]:
    """Return a function that encodes a request, after checking the request.

    Only the returned function takes long, if there is a blob. It may be called once, in any thread.

    Raises:
        ParamValidationException: The request does not fit the operation.
    """
    operation.check(request)
    try:
        return codec.encoder(request)
    except Mismatch as mismatch:
        problem = str(mismatch)
    # Raised outside of the handler, whose frames hold the content of the request.
    raise ParamValidationException(problem, operation.name)


def content_size(request: object) -> int:
    """Return how many bytes of content a request carries; encoding them takes the longest."""
    # The only member of all requests that holds bytes. The class is checked, since an instance
    # would search for a hint for a name that it does not have.
    if not hasattr(type(request), "layer_part_blob"):
        return 0
    content: object = getattr(request, "layer_part_blob")  # noqa: B009
    return len(content) if isinstance(content, (bytes, bytearray, memoryview)) else 0


def prepare(
    operation: Operation[Request, Result],
    body: bytes,
    endpoint: Endpoint,
    credentials: Credentials | None,
    now: datetime,
    *,
    user_agent: str,
    headers: Mapping[str, str] | None = None,
) -> HTTPRequest:
    """Return the request of one attempt, signed if there are credentials.

    Args:
        operation: The operation.
        body: The body that `encode` returned.
        endpoint: The endpoint and the signing region.
        credentials: The credentials to sign with; ``None`` sends the request unsigned.
        now: The time of the signature in UTC.
        user_agent: The ``User-Agent`` header.
        headers: Additional headers; those that begin with ``x-amz-`` are signed.
    """
    covered = {"content-type": CONTENT_TYPE, "x-amz-target": operation.target}
    for name, text in (headers or {}).items():
        if name.lower().startswith("x-amz-"):
            # The canonical form has single spaces.
            covered[name.lower()] = " ".join(text.split())
    signature = {} if credentials is None else sign(endpoint, covered, body, credentials, now)
    return HTTPRequest(
        "POST",
        endpoint.request_url,
        {
            "Content-Type": CONTENT_TYPE,
            "X-Amz-Target": operation.target,
            "User-Agent": user_agent,
            **(headers or {}),
            **signature,
        },
        body,
        operation.name,
    )
