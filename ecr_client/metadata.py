"""What the service says about a response besides its content, and a bounded memory of it."""

from __future__ import annotations

import weakref
from collections import OrderedDict
from collections.abc import Mapping  # noqa: TC003  # type hints have to resolve

import attrs

from ecr_client._common.forks import Lock


@attrs.frozen(kw_only=True)
class ResponseMetadata:
    """Request id, status, headers and attempts of one response.

    Attributes:
        request_id: The id that AWS support asks for; ``None`` if the response carried none.
        http_status_code: The HTTP status; ``None`` on an object that was made by hand.
        http_headers: The headers of the response. Names are looked up without regard to case.
        retry_attempts: How many times the call was retried; 0 if the first attempt was the last.
        retried_errors: What the attempts before this response failed with, in their order.
    """

    request_id: str | None = None
    http_status_code: int | None = None
    http_headers: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    retry_attempts: int = 0
    retried_errors: tuple[Exception, ...] = attrs.field(default=(), repr=False, eq=False)

    # Headers are a mapping, which has no hash; the rest identifies a response well enough.
    def __hash__(self) -> int:
        return hash((self.request_id, self.http_status_code, self.retry_attempts))


#: What an object carries that is no response of a service, such as a result made by a test.
NO_METADATA = ResponseMetadata()


class ResponseMetadataCache:
    """The metadata of the latest successful calls, found by the identity of the request object.

    It does not keep requests alive, and it never answers for an object that merely lives where a
    dead request lived, because each entry remembers its request by a weak reference. A request
    object that dies at once, such as that of a call with keywords, pushes out no living one.

    Args:
        size: How many calls are remembered; the oldest is forgotten first. 0 remembers none.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._entries: OrderedDict[int, tuple[weakref.ref[object], ResponseMetadata]] = (
            OrderedDict()
        )
        self._lock = Lock()

    def put(self, request: object, metadata: ResponseMetadata) -> None:
        """Remember the metadata of a call that was made with this request object."""
        if self._size == 0:
            return
        key = id(request)
        with self._lock.held:
            # Not afterwards: only the next call can tell whether this request object lives on.
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
        """Forget the newest entry of a dead request, or else the oldest, if there is one too many.

        The lock must be held.
        """
        if len(self._entries) <= self._size:
            return
        for key in reversed(self._entries):
            if self._entries[key][0]() is None:
                del self._entries[key]
                return
        self._entries.popitem(last=False)

    def __len__(self) -> int:
        """Return how many entries are held: one more than are remembered until the next call."""
        return len(self._entries)
