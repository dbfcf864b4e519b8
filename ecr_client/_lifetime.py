"""Whether a client was shut down, for all who have to know."""

from __future__ import annotations

import threading
from contextlib import suppress


class Lifetime:
    """Ends once; what waits is told at once.

    Each wait has a lock of its own. An event shares one, and neither an interrupt nor a fork may
    leave it held: every later wait would never end.

    Attributes:
        over: Whether it has ended.
    """

    def __init__(self) -> None:
        self.over: bool = False
        self._waits: set[threading.Lock] = set()

    def end(self) -> None:
        """End it."""
        self.over = True
        for wait in self._waits.copy():
            with suppress(RuntimeError):  # ended before
                wait.release()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until it ends."""
        wait = threading.Lock()
        wait.acquire()
        self._waits.add(wait)
        try:
            if not self.over:
                wait.acquire(timeout=max(0.0, seconds))
        finally:
            self._waits.discard(wait)
