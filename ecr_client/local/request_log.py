"""The log of the requests that the server has received."""

from __future__ import annotations

import json
import threading
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any, overload

import attrs

if TYPE_CHECKING:
    from collections.abc import Mapping

#: How many requests are kept; the oldest are dropped first.
KEPT_REQUESTS = 1_000
#: The size in bytes of the largest body that is kept.
KEPT_BODY = 65_536
#: The size in bytes of all kept requests: anybody can send some, even without a signature.
KEPT_BYTES = 16 << 20


@attrs.define(eq=False, kw_only=True)
class SeenRequest:
    """A request as it arrived, and the status of its response.

    Args:
        operation: The operation, such as ``PutImage``; ``DownloadLayer`` for a download by
            presigned URL, ``Registry`` for everything below ``/v2/``, empty for anything else.
        method: The method, such as ``POST``.
        path: The path, decoded.
        query: The query string, not decoded.
        headers: The headers by their names in lower case.
        body: The body; None if it was larger than 64 KiB.
        body_size: The size of the body in bytes.
        status: The status of the response; None if there is none, or not yet.
    """

    operation: str
    method: str
    path: str
    query: str = attrs.field(default="", repr=False)
    headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    body: bytes | None = attrs.field(default=b"", repr=False)
    body_size: int = 0
    status: int | None = None

    @property
    def members(self) -> dict[str, Any]:
        """The members of an API request by their wire names; empty if the body was not kept."""
        try:
            members = json.loads(self.body or b"{}")
        except ValueError:
            return {}
        return members if isinstance(members, dict) else {}

    def receive(self, data: bytes) -> None:
        """Add bytes to the body."""
        self.body_size += len(data)
        if self.body is not None:
            self.body = self.body + data if self.body_size <= KEPT_BODY else None


class RequestLog(Sequence[SeenRequest]):
    """The last 1,000 requests in the order of their arrival; safe to read from any thread.

    There are fewer if they are larger than 16 MiB together.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._seen: deque[SeenRequest] = deque()
        # The size of each request, by its identity, and of all.
        self._sizes: dict[int, int] = {}
        self._size = 0

    @overload
    def __getitem__(self, index: int) -> SeenRequest: ...
    @overload
    def __getitem__(self, index: slice) -> list[SeenRequest]: ...
    def __getitem__(self, index: int | slice) -> SeenRequest | list[SeenRequest]:
        return self._snapshot()[index]

    def __len__(self) -> int:
        return len(self._seen)

    def __iter__(self) -> Iterator[SeenRequest]:
        return iter(self._snapshot())

    def __repr__(self) -> str:
        return f"RequestLog({self._snapshot()!r})"

    def of(self, operation: str) -> list[SeenRequest]:
        """Return the requests of an operation."""
        return [request for request in self._snapshot() if request.operation == operation]

    def operations(self) -> list[str]:
        """Return the name of the operation of each request."""
        return [request.operation for request in self._snapshot()]

    def add(self, request: SeenRequest) -> None:
        """Add a request."""
        with self._lock:
            self._seen.append(request)
            self._sizes[id(request)] = 0
            self._measure(request)

    def receive(self, request: SeenRequest, data: bytes) -> None:
        """Add bytes to the body of a request."""
        with self._lock:
            request.receive(data)
            if id(request) in self._sizes:
                self._measure(request)

    def clear(self) -> None:
        """Drop all requests."""
        with self._lock:
            self._seen.clear()
            self._sizes.clear()
            self._size = 0

    def _measure(self, request: SeenRequest) -> None:
        """Update the size of a request, and drop the oldest requests if all are too large."""
        head = len(request.path) + len(request.query)
        head += sum(len(name) + len(value) for name, value in request.headers.items())
        size = head + len(request.body or b"")
        self._size += size - self._sizes[id(request)]
        self._sizes[id(request)] = size
        while len(self._seen) > KEPT_REQUESTS or (self._size > KEPT_BYTES and len(self._seen) > 1):
            self._size -= self._sizes.pop(id(self._seen.popleft()))

    def _snapshot(self) -> list[SeenRequest]:
        with self._lock:
            return list(self._seen)
