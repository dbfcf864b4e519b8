"""The metadata of responses, and a bounded cache of it."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Mapping  # noqa: TC003  # type hints have to resolve

import attrs

from ecr_client._common.forks import Lock


@attrs.frozen(kw_only=True)
class ResponseMetadata:
    """The request id, status, headers and retries of one response.

    Attributes:
        request_id: The id that AWS support asks for; ``None`` if the response carried none.
        http_status_code: The HTTP status; ``None`` if the object was created by hand.
        http_headers: The headers of the response; lookups ignore case.
        retry_attempts: How many times the call was retried; 0 if the first attempt was the last.
        retried_errors: The errors of the earlier attempts, in order.
    """

    request_id: str | None = None
    http_status_code: int | None = None
    http_headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    retry_attempts: int = 0
    retried_errors: tuple[Exception, ...] = attrs.field(default=(), repr=False, eq=False)

    # Without the headers, which are not hashable; the rest identifies a response well enough.
    def __hash__(self) -> int:
        return hash((self.request_id, self.http_status_code, self.retry_attempts))


#: The metadata of objects that are not responses, such as results created by tests.
NO_METADATA = ResponseMetadata()


class ResponseMetadataCache:
    """The metadata of the latest successful calls, by the identity of the request object.

    Each entry has a weak reference to its request, so that the cache keeps no request alive and
    never mistakes another object at the same address for it. Entries of dead requests, such as
    those of calls with keywords, are evicted before those of live requests.

    Args:
        size: The maximum number of calls to remember; 0 turns the cache off.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[int, tuple[weakref.ref[object], ResponseMetadata]] = (
            OrderedDict()
        )
        self._lock = Lock()

    def put(self, request: object, metadata: ResponseMetadata) -> None:
        """Remember the metadata of a call with this request object."""
        if self._size == 0:
            return
        key = id(request)
        with self._lock.held:
            # Before the new entry is added: only the next call can see whether its request lives.
            self._trim()
            self._entries.pop(key, None)
            self._entries[key] = (weakref.ref(request), metadata)

    def get(self, request: object) -> ResponseMetadata | None:
        """Return the metadata of the latest call with this very object, or ``None``."""
        with self._lock.held:
            self._trim()
            entry = self._entries.get(id(request))
        if entry is None or entry[0]() is not request:
            return None
        return entry[1]

    def _trim(self) -> None:
        """Evict the newest entry of a dead request, or else the oldest, if there are too many.

        Between two calls, the cache may hold one entry more than its size. The lock must be held.
        """
        if len(self._entries) <= self._size:
            return
        for key in reversed(self._entries):
            if self._entries[key][0]() is None:
                del self._entries[key]
                return
        self._entries.popitem(last=False)
