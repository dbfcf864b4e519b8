"""When a call has to end, whatever it is doing then."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable, Iterator


class Deadline:
    """The end of the time that a call as a whole may take.

    Args:
        seconds: How long it may take from now on.
        monotonic: Gives seconds that never go back.
    """

    __slots__ = ("_at", "_monotonic", "seconds")

    def __init__(self, seconds: float, monotonic: Callable[[], float] = time.monotonic) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._at = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left, 0 or less if none are."""
        return self._at - self._monotonic()

    def at_most(self, seconds: float | None) -> float:
        """Return a time-out that ends by then: for what cannot fail before it begins, never 0."""
        left = self.left()
        return max(left if seconds is None else min(seconds, left), 1e-3)


class Limits:
    """How long a connection may take for what it does next, and how far it has come.

    Attributes:
        silence: Seconds without a byte in either direction.
        deadline: Of the call, if it has one.
        sent: Whether any of the request may have been sent; ``None`` if that is not known, because
            the connection is not one of ours.
    """

    __slots__ = ("deadline", "sent", "silence")

    def __init__(self, silence: float, deadline: Deadline | None) -> None:
        self.silence = silence
        self.deadline = deadline
        self.sent: bool | None = None

    def apply(self, sock: socket.socket) -> None:
        """Let the next operation of a socket end in time.

        Raises:
            TimeoutError: There is no time left.
        """
        seconds = self.silence
        if self.deadline is not None:
            seconds = min(seconds, self.deadline.left())
            if seconds <= 0:
                raise TimeoutError("the time for the whole call is over")
        # Setting it is a system call, which lets another thread run.
        if sock.gettimeout() != seconds:
            sock.settimeout(seconds)


#: The limits of the request that this thread is sending. They cannot be handed down, because
#: ``requests`` and ``urllib3`` know no limit for a request as a whole.
current: ContextVar[Limits | None] = ContextVar("current", default=None)


@contextmanager
def within(limits: Limits) -> Iterator[None]:
    """Let connections end what they do within these limits."""
    token = current.set(limits)
    try:
        yield
    finally:
        current.reset(token)
