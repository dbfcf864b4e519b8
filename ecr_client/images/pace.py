"""Client-side rate limits, so that many threads of one process are not throttled."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client import ECRClient

#: The quotas that a transfer could exceed, in calls per second and region.
#: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
RATES = {"PutImage": 10, "InitiateLayerUpload": 100, "CompleteLayerUpload": 100}


class Pace:
    """A limit of calls per second that threads share.

    Args:
        rate: The maximum number of calls per second; half as many may be made at once.
        monotonic: A monotonic clock in seconds.
        sleep: A function that waits for a number of seconds.
    """

    def __init__(
        self,
        rate: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], object] = time.sleep,
    ) -> None:
        self._interval = 1 / rate
        self._monotonic = monotonic
        self._sleep = sleep
        self._lock = threading.Lock()
        self._free_at = float("-inf")

    def wait(self) -> None:
        """Wait until another call may be made."""
        with self._lock:
            now = self._monotonic()
            # After a pause, allow half a second's worth of calls at once: calls arrive unevenly.
            self._free_at = max(self._free_at, now - 0.5) + self._interval
            seconds = self._free_at - now
        if seconds > 0:
            self._sleep(seconds)


_PACES: dict[tuple[str, str], Pace] = {}


def wait_for(client: ECRClient, operation: str) -> None:
    """Wait until a client may call an operation at its endpoint once more."""
    key = client.endpoint, operation
    pace = _PACES.get(key)
    if pace is None:
        pace = _PACES.setdefault(key, Pace(RATES[operation]))
    pace.wait()
