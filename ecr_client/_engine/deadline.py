"""The deadline of a call as a whole."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable


class Deadline:
    """The deadline of a call as a whole.

    Args:
        seconds: Seconds from now; ``None`` for no deadline.
        monotonic: A monotonic clock in seconds.
    """

    __slots__ = ("_at", "_monotonic", "seconds")

    def __init__(
        self, seconds: float | None, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self.seconds: float | None = seconds
        self._monotonic = monotonic
        self._at = None if seconds is None else monotonic() + seconds

    def left(self) -> float | None:
        """Return the remaining seconds, 0 or less after the deadline; ``None`` if there is none."""
        return None if self._at is None else self._at - self._monotonic()

    @property
    def passed(self) -> bool:
        """Whether no time is left."""
        left = self.left()
        return left is not None and left <= 0

    def allows(self, seconds: float) -> bool:
        """Return whether time is left after these seconds."""
        left = self.left()
        return left is None or seconds < left

    def limit(self, seconds: float) -> float:
        """Return a timeout that ends at the deadline at the latest, and is never 0."""
        left = self.left()
        return seconds if left is None else max(min(seconds, left), 1e-3)
