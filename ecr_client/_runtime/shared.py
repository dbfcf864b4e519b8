"""What a client and all its views have in common."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client._runtime.forks import Lock

if TYPE_CHECKING:
    from ecr_client._runtime.caller import Caller
    from ecr_client._runtime.transport import Transport
    from ecr_client.metadata import ResponseMetadataCache


class Shared:
    """Connections, metadata, and what makes the calls.

    Attributes:
        transport: Sends.
        cache: Remembers the metadata of calls.
        retry: The members of a `RetryPolicy` that environment and profile name.
        caller: Makes the calls; there is none before the first one.
    """

    def __init__(
        self, *, transport: Transport, cache: ResponseMetadataCache, retry: dict[str, Any]
    ) -> None:
        self.transport = transport
        self.cache = cache
        self.retry = retry
        self.caller: Caller | None = None
        self._lock = Lock()

    def use(self, caller: Caller) -> Caller:
        """Make calls with this caller, unless another thread was faster."""
        with self._lock:
            if self.caller is None:
                self.caller = caller
            return self.caller
