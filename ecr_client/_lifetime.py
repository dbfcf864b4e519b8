"""Whether a client was shut down, for all who have to know."""

from __future__ import annotations

import threading

from ecr_client._common.forks import renew_after_fork


class Lifetime:
    """Ends once; what waits is told at once.

    Attributes:
        over: Whether it has ended.
    """

    def __init__(self) -> None:
        self.over = False
        self._ended = threading.Event()
        renew_after_fork(self)

    def renew(self) -> None:
        """Use another event in a forked process: a thread may have held the lock of this one."""
        self._ended = threading.Event()
        if self.over:
            self._ended.set()

    def end(self) -> None:
        """End it."""
        self.over = True
        self._ended.set()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until it ends."""
        self._ended.wait(seconds)
