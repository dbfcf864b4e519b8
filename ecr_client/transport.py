"""The interface between a client and HTTP, for transports that replace HTTP.

A transport takes one `HTTPRequest` and returns one `StreamingResponse`. Set it as
``client.transport``; API calls and downloads of layers go through it. Those of an
`AsyncECRClient` are an `AsyncTransport` and an `AsyncStreamingResponse`. To observe calls without
replacing anything, use `ecr_client.Hooks`.
"""

from __future__ import annotations

from ecr_client._engine.deadline import Deadline
from ecr_client._engine.http import HTTPRequest, HTTPResponse
from ecr_client._transport.base import (
    AsyncByteStream,
    AsyncStreamingResponse,
    AsyncTransport,
    ByteStream,
    InMemory,
    StreamingResponse,
    Transport,
)

__all__ = [
    "AsyncByteStream",
    "AsyncStreamingResponse",
    "AsyncTransport",
    "ByteStream",
    "Deadline",
    "HTTPRequest",
    "HTTPResponse",
    "InMemory",
    "StreamingResponse",
    "Transport",
]

for _name in __all__:
    globals()[_name].__module__ = __name__
