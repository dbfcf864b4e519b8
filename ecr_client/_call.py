"""The state of one call, which the pipeline drives and the observer reports."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecr_client._engine.deadline import Deadline
from ecr_client._engine.retry import Attempts

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._engine.rate_limit import RateLimiter
    from ecr_client._options import CallOptions
    from ecr_client._transport.base import AsyncTransport, Transport
    from ecr_client.credentials import Credentials
    from ecr_client.endpoints import Endpoint


class Call:
    """The state of one call. Its repr shows nothing, because it holds secrets."""

    def __init__(
        self,
        name: str,
        endpoint: Endpoint,
        options: CallOptions,
        transport: Transport | AsyncTransport,
        body: bytes,
        monotonic: Callable[[], float],
    ) -> None:
        self.name = name
        self.endpoint = endpoint
        self.options = options
        self.transport = transport
        self.body = body
        self.attempts: Attempts = Attempts()
        #: What the attempt was signed with, and the correction of the clock at that time.
        self.credentials: Credentials | None = None
        self.offset: timedelta = timedelta(0)
        self.limiter: RateLimiter | None = None
        self.deadline: Deadline = Deadline(options.total_timeout, monotonic)
        #: What a success releases to the quota.
        self.cost = 1
        #: For the hooks to use.
        self.context: dict[str, Any] = {}
        self._monotonic = monotonic
        self._started = self._sent = monotonic()

    def start_attempt(self) -> None:
        """Note when an attempt starts."""
        self._sent = self._monotonic()

    def seconds(self) -> float:
        """Return how long the call has taken so far."""
        return self._monotonic() - self._started

    def seconds_of_attempt(self) -> float:
        """Return how long this attempt has taken so far."""
        return self._monotonic() - self._sent
