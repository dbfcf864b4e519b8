"""Faults to inject: what goes wrong with which requests, and how often.

`ecr_client.local.fault_middleware` injects them.
"""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ecr_client._common import durations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: When a fault takes effect: instead of handling the request, or after it was handled.
When = Literal["before", "after"]

#: How a body is damaged, by what arrives of it: half of it before the connection is closed
#: (``cut``), half of it as if that were all (``short``), all of it with a Content-Length of half
#: (``overlong``), or as many meaningless bytes (``garbage``).
Damage = Literal["cut", "short", "overlong", "garbage"]

#: The names of requests that are not operations of the API.
DOWNLOAD = "DownloadLayer"
REGISTRY = "Registry"

_STATUS = {
    "InternalError": 500,
    "InternalFailure": 500,
    "InternalFailureException": 500,
    "InternalServerError": 500,
    "ServerException": 500,
    "ServiceUnavailable": 503,
    "ServiceUnavailableException": 503,
    "SlowDown": 503,
    "TooManyRequestsException": 429,
}
_MESSAGES = {"Throttling": "Rate exceeded", "ThrottlingException": "Rate exceeded"}
_MESSAGE = "A fault that was injected into the local ECR."


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@attrs.frozen(kw_only=True)
class Fault:
    """A fault, as described by the arguments of `Faults.add`."""

    operation: str | None = None
    count: int | None = 1
    error: str | None = None
    message: str | None = None
    members: Mapping[str, Any] = attrs.field(factory=dict)
    status: int | None = None
    headers: Mapping[str, str] = attrs.field(factory=dict)
    latency: float = 0.0
    drop: bool = False
    body: Damage | None = None
    clock_skew: timedelta = timedelta(0)
    when: When = "before"

    def __attrs_post_init__(self) -> None:
        if self.count is not None and not (_is_int(self.count) and self.count >= 1):
            raise ValueError(
                f"count must be an integer of at least 1, or None for all, got {self.count!r}"
            )
        if self.error is not None and not isinstance(self.error, str):
            raise ValueError(
                f"error must be a code such as 'ThrottlingException', got {self.error!r}"
            )
        if self.status is not None and not (_is_int(self.status) and 100 <= self.status <= 599):
            raise ValueError(f"status must be an integer from 100 to 599, got {self.status!r}")
        problem = durations.problem(self.latency, zero=True)
        if problem is not None:
            raise ValueError(f"latency {problem}")
        if self.body not in (None, "cut", "short", "overlong", "garbage"):
            raise ValueError(
                f"body must be 'cut', 'short', 'overlong' or 'garbage', got {self.body!r}"
            )
        if self.when not in ("before", "after"):
            raise ValueError(f"when must be 'before' or 'after', got {self.when!r}")
        if self.replaces_response + self.drop + (self.body is not None) > 1:
            raise ValueError(
                "error or status, drop and body are mutually exclusive: choose one of them"
            )
        if self.error is None and (self.message is not None or self.members):
            raise ValueError("message and members belong to error: set error, too")

    @property
    def replaces_response(self) -> bool:
        """Whether the fault has a response that replaces the real one."""
        return self.error is not None or self.status is not None

    @property
    def response_status(self) -> int:
        """The status of that response: the given one, or the usual one of the error."""
        return self.status or _STATUS.get(self.error or "", 400)

    @property
    def response_message(self) -> str:
        """The message of that response: the given one, or the usual one of the error."""
        return self.message or _MESSAGES.get(self.error or "", _MESSAGE)


def _span(given: timedelta | float) -> timedelta:
    return given if isinstance(given, timedelta) else timedelta(seconds=given)


#: No fault.
NONE = Fault()


class Faults:
    """The faults that are waiting for requests; safe to use from any thread.

    Args:
        known: Returns the names of all operations, so that a misspelt one is noticed.
    """

    def __init__(self, known: Callable[[], Collection[str]]) -> None:
        self._known = known
        self._lock = threading.Lock()
        self._waiting: list[Fault] = []

    def add(
        self,
        operation: str | None = None,
        *,
        count: int | None = 1,
        error: str | None = None,
        message: str | None = None,
        members: Mapping[str, Any] | None = None,
        status: int | None = None,
        headers: Mapping[str, str] | None = None,
        latency: float = 0.0,
        drop: bool = False,
        body: Damage | None = None,
        clock_skew: timedelta | float = 0.0,
        when: When = "before",
    ) -> None:
        """Inject a fault into the next requests of an operation.

        Args:
            operation: Such as ``PutImage``, ``DownloadLayer``, ``Registry`` (all below ``/v2/``);
                None for all. Only the first fault that matches a request takes effect.
            count: The number of requests; None for all until ``clear``.
            error: Respond with this error code, and the status that goes with it.
            message: The message of that error.
            members: Further members of that error by their wire names.
            status: Respond with this status; without ``error``, the response has no body.
            headers: Add these headers to the response, such as ``Retry-After``.
            latency: Wait this number of seconds before anything else, from 0 to 3,600.
            drop: Close the connection without a response.
            body: Damage the response's body: ``cut`` (closed half-way), ``short`` (half, as if it
                were all), ``overlong`` (all, with the length of half), ``garbage`` (same length).
                After ``overlong`` the connection is closed, but a client that sends its next
                request at once may still use it, and needs a retry.
            clock_skew: How far the clock is ahead, in seconds or as a timedelta.
            when: Whether ``error``, ``status`` and ``drop`` take effect ``before`` the request is
                handled, so that it is not, or ``after``, so that only its response is lost.

        Raises:
            ValueError: The operation is unknown, or arguments contradict each other.
        """
        if operation is not None and operation not in (DOWNLOAD, REGISTRY, *self._known()):
            names = f"an operation of the service, {DOWNLOAD!r} or {REGISTRY!r}"
            raise ValueError(f"operation must be {names}, got {operation!r}")
        fault = Fault(
            operation=operation,
            count=count,
            error=error,
            message=message,
            members=dict(members or {}),
            status=status,
            headers=dict(headers or {}),
            latency=latency,
            drop=drop,
            body=body,
            clock_skew=_span(clock_skew),
            when=when,
        )
        if fault == attrs.evolve(NONE, operation=operation, count=count, when=when):
            raise ValueError("a fault needs an effect, such as error='ThrottlingException'")
        with self._lock:
            self._waiting.append(fault)

    def take(self, operation: str) -> Fault:
        """Return the fault for a request and count the request, or `NONE`."""
        with self._lock:
            for position, fault in enumerate(self._waiting):
                if fault.operation in (None, operation):
                    self._use(position, fault)
                    return fault
        return NONE

    def pending(self) -> tuple[Fault, ...]:
        """Return the faults that still wait for requests, with the remaining counts."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Remove all faults."""
        with self._lock:
            self._waiting.clear()

    def _use(self, position: int, fault: Fault) -> None:
        if fault.count is None:
            return
        if fault.count == 1:
            del self._waiting[position]
        else:
            self._waiting[position] = attrs.evolve(fault, count=fault.count - 1)
