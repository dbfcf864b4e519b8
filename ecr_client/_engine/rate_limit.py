"""The rate limiter of the adaptive retry mode, which delays calls that the service throttles."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from ecr_client._common.forks import Lock

if TYPE_CHECKING:
    from collections.abc import Callable

#: The constants of the AWS SDKs, whose adaptive mode is based on TCP CUBIC.
BETA = 0.7
SCALE = 0.4
SMOOTHING = 0.8
LOWEST_RATE = 0.5
#: The window in seconds over which the rate of calls is measured.
WINDOW = 0.5
ROUNDING = 1e-6


class RateLimiter:
    """A token bucket for one operation, whose rate adapts to throttling by the service.

    There is no limit until the service throttles a call for the first time.

    Args:
        monotonic: A monotonic clock in seconds.

    Attributes:
        rate: The calls per second that are allowed; ``None`` for no limit.
    """

    def __init__(self, monotonic: Callable[[], float]) -> None:
        self._monotonic = monotonic
        self.rate: float | None = None
        self._tokens = 0.0
        self._filled_at = 0.0
        self._measured = 0.0
        self._window = self._current_window()
        self._calls = 0
        self._rate_before_throttling = 0.0
        self._throttled_at = 0.0
        self._lock = Lock()

    def acquire(self) -> float:
        """Acquire a token for one call, if there is one.

        Returns:
            0 if the call may be sent, else the seconds after which to try again. Nothing is
            reserved meanwhile, since the rate may change.
        """
        with self._lock.held:
            if self.rate is None:
                return 0.0
            self._fill()
            missing = 1 - self._tokens
            # Rounding errors are not waited for.
            if missing > ROUNDING:
                return missing / self.rate
            self._tokens -= 1
            return 0.0

    def update(self, *, throttled: bool) -> None:
        """Adapt the rate to a response."""
        with self._lock.held:
            self._measure()
            if throttled:
                used = self._measured if self.rate is None else min(self._measured, self.rate)
                self._rate_before_throttling = used
                self._throttled_at = self._monotonic()
                wanted = used * BETA
            elif self.rate is None:
                return
            else:
                wanted = self._cubic()
            self._fill()
            self.rate = max(LOWEST_RATE, min(wanted, 2 * self._measured))

    def _cubic(self) -> float:
        """Return a rate that rises to the one before throttling, stays near it, and rises again."""
        before = self._rate_before_throttling
        until_same = math.pow(before * (1 - BETA) / SCALE, 1 / 3)
        passed = self._monotonic() - self._throttled_at
        return SCALE * (passed - until_same) ** 3 + before

    def _fill(self) -> None:
        now = self._monotonic()
        if self.rate is not None:
            filled = self._tokens + (now - self._filled_at) * self.rate
            self._tokens = min(self._capacity(), filled)
        self._filled_at = now

    def _capacity(self) -> float:
        return max(1.0, self.rate or 0.0)

    def _measure(self) -> None:
        self._calls += 1
        window = self._current_window()
        if window > self._window:
            rate = self._calls / (window - self._window)
            self._measured = SMOOTHING * rate + (1 - SMOOTHING) * self._measured
            self._calls = 0
            self._window = window

    def _current_window(self) -> float:
        return self._monotonic() // WINDOW * WINDOW
