"""Whether a client was shut down, for all who have to know."""

from __future__ import annotations

import threading

from ecr_client._common.forks import renew_after_fork


class Lifetime:
    """Ends once; what waits is told at once."""

    def __init__(self) -> None:
        self._over = threading.Event()
        renew_after_fork(self)

    def renew(self) -> None:
        """Use another event in a forked process: a thread may have held the lock of this one."""
        before, self._over = self._over, threading.Event()
        if before.is_set():
            self._over.set()

    @property
    def over(self) -> bool:
        """Whether it has ended."""
        return self._over.is_set()

    def end(self) -> None:
        """End it."""
        self._over.set()

    def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until it ends."""
        self._over.wait(seconds)
