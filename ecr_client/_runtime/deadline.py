"""When a call has to end, whatever it is doing then."""

from __future__ import annotations

import time
from contextlib import contextmanager
from contextvars import ContextVar
from typing import TYPE_CHECKING

if TYPE_CHECKING:
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


#: The deadline of the request that this thread is sending. It cannot be handed down, because
#: ``requests`` and ``urllib3`` know no limit for a request as a whole.
current: ContextVar[Deadline | None] = ContextVar("current", default=None)


@contextmanager
def until(deadline: Deadline | None) -> Iterator[None]:
    """Let connections end what they do within by the deadline."""
    token = current.set(deadline)
    try:
        yield
    finally:
        current.reset(token)
