"""Faults on demand: what goes wrong with which requests, and how often."""

from __future__ import annotations

import threading
from datetime import timedelta
from typing import TYPE_CHECKING, Any, Literal

import attrs

from ecr_client._common import durations

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping

#: Before the work is done, which then is not done at all, or after it was done.
When = Literal["before", "after"]

#: What arrives of an answer's body: the half of it before the connection ends (``cut``), the half
#: of it as if that were all (``short``), the whole of it under a Content-Length of the half
#: (``overlong``), or as many bytes that mean nothing (``garbage``).
Damage = Literal["cut", "short", "overlong", "garbage"]

#: How requests are called that are not operations of the API.
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
_MESSAGE = "A fault that the local ECR was told to answer with."


def _is_int(value: object) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


@attrs.frozen(kw_only=True)
class Fault:
    """What goes wrong with the requests that it fits; see `Faults.add` for the members."""

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
            raise ValueError("count must be a whole number of at least 1, or None for all")
        if self.error is not None and not isinstance(self.error, str):
            raise ValueError("error must be a code such as 'ThrottlingException'")
        if self.status is not None and not (_is_int(self.status) and 100 <= self.status <= 599):
            raise ValueError("status must be a whole number from 100 to 599")
        problem = durations.problem(self.latency, zero=True)
        if problem is not None:
            raise ValueError(f"latency {problem}")
        if self.body not in (None, "cut", "short", "overlong", "garbage"):
            raise ValueError("body must be 'cut', 'short', 'overlong' or 'garbage'")
        if self.when not in ("before", "after"):
            raise ValueError("when must be 'before' or 'after'")
        if self.answers + self.drop + (self.body is not None) > 1:
            raise ValueError("an error or a status, drop and body exclude each other")
        if self.error is None and (self.message is not None or self.members):
            raise ValueError("message and members belong to an error")

    @property
    def answers(self) -> bool:
        """Whether the fault is an answer in the place of the real one."""
        return self.error is not None or self.status is not None

    @property
    def answer_status(self) -> int:
        """The status of that answer: the one asked for, or the one that goes with the error."""
        return self.status or _STATUS.get(self.error or "", 400)

    @property
    def answer_message(self) -> str:
        """The text of that answer: the one asked for, or one that goes with the error."""
        return self.message or _MESSAGES.get(self.error or "", _MESSAGE)


def _span(given: timedelta | float) -> timedelta:
    return given if isinstance(given, timedelta) else timedelta(seconds=given)


#: Nothing goes wrong.
NONE = Fault()


class Faults:
    """The faults that wait for requests; safe to use from any thread.

    Args:
        known: What operations there are, so that a misspelt one is noticed.
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
        """Let something go wrong with the next requests of an operation.

        Args:
            operation: Such as ``PutImage``, ``DownloadLayer``, ``Registry`` (all below ``/v2/``);
                None for all. The first fault that fits a request has its effect alone.
            count: How many requests; None for all until ``clear``.
            error: Answer with this error code, with the status that goes with it.
            message: The text of that error.
            members: Further members of that error by their wire names.
            status: Answer with this status; without ``error``, not as the service does.
            headers: Add these headers to the answer, such as ``Retry-After``.
            latency: Wait so many seconds before anything else, from 0 to 3,600.
            drop: Close the connection without an answer.
            body: Damage the body of the answer: ``cut`` (the connection ends half-way), ``short``
                (half, as if that were all), ``overlong`` (all, with the length of the half),
                ``garbage`` (as many bytes that mean nothing).
            clock_skew: How far the clock is ahead, as seconds or a timedelta.
            when: Whether ``error``, ``status`` and ``drop`` come ``before`` the work, or ``after``
                it, so that only its answer is lost.

        Raises:
            ValueError: There is no such operation, or arguments contradict each other.
        """
        if operation is not None and operation not in (DOWNLOAD, REGISTRY, *self._known()):
            raise ValueError(f"{operation!r} is not an operation of the service")
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
        """Give the fault of a request, which is one of its count; `NONE` if nothing goes wrong."""
        with self._lock:
            for position, fault in enumerate(self._waiting):
                if fault.operation in (None, operation):
                    self._use(position, fault)
                    return fault
        return NONE

    def pending(self) -> tuple[Fault, ...]:
        """Give the faults that still wait, with the counts that are left: a test may want none."""
        with self._lock:
            return tuple(self._waiting)

    def clear(self) -> None:
        """Let nothing go wrong from now on."""
        with self._lock:
            self._waiting.clear()

    def _use(self, position: int, fault: Fault) -> None:
        if fault.count is None:
            return
        if fault.count == 1:
            del self._waiting[position]
        else:
            self._waiting[position] = attrs.evolve(fault, count=fault.count - 1)
