"""When a call has to end, whatever it is doing then."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """The end of the time that a call as a whole may take.

    Args:
        seconds: How long it may take from now on; ``None`` for any time.
        monotonic: Returns seconds that never go back.
    """

    __slots__ = ("_at", "_monotonic", "seconds")

    def __init__(
        self, seconds: float | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds = seconds
        self._monotonic = monotonic
        self._at = None if seconds is None else monotonic() + seconds

    def left(self) -> float | None:
        """Return the seconds that are left, 0 or less if none are; ``None`` if there is no end."""
        return None if self._at is None else self._at - self._monotonic()

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        left = self.left()
        return left is not None and left <= 0

    def allows(self, seconds: float) -> bool:
        """Return whether some time is left after these seconds."""
        left = self.left()
        return left is None or seconds < left

    def limit(self, seconds: float) -> float:
        """Return a timeout that ends by the deadline, and is never 0."""
        left = self.left()
        return seconds if left is None else max(min(seconds, left), 1e-3)
