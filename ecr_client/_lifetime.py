"""Whether a client was shut down, and waits that end when it is."""

from __future__ import annotations

import threading
from contextlib import suppress
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import asyncio


class Lifetime:
    """The lifetime of a client, whose end wakes every wait at once.

    Each wait has a lock of its own. An interrupt or a fork could leave the lock inside a shared
    `threading.Event` held, and then no later wait would end.

    Attributes:
        over: Whether the lifetime has ended.
    """

    def __init__(self) -> None:
        self.over: bool = False
        self._waits: set[threading.Lock] = set()

    def end(self) -> None:
        """End the lifetime, and wake every wait."""
        self.over = True
        for wait in self._waits.copy():
            with suppress(RuntimeError):  # already released
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


class AsyncLifetime:
    """A `Lifetime` for an event loop.

    Attributes:
        over: Whether the lifetime has ended.
    """

    def __init__(self) -> None:
        self.over: bool = False
        self._waits: set[asyncio.Future[None]] = set()
        self._owned: set[asyncio.Future[Any]] = set()

    def own(self, future: asyncio.Future[Any]) -> None:
        """Cancel a future or a task at the end of this lifetime."""
        self._owned.add(future)
        future.add_done_callback(self._owned.discard)

    async def end(self) -> None:
        """End the lifetime, and wait for the futures and tasks that it owns."""
        import asyncio

        self.over = True
        for wait in self._waits:
            _wake(wait)
        # A credentials function that closes the client must not wait for itself.
        owned = [each for each in self._owned if each is not asyncio.current_task()]
        for future in owned:
            future.cancel()
        await asyncio.gather(*owned, return_exceptions=True)

    async def wait(self, seconds: float) -> None:
        """Wait for some seconds, or until it ends."""
        import asyncio

        loop = asyncio.get_running_loop()
        wait = loop.create_future()
        self._waits.add(wait)
        timer = loop.call_later(max(0.0, seconds), _wake, wait)
        try:
            if not self.over:
                await wait
        finally:
            timer.cancel()
            self._waits.discard(wait)


def _wake(wait: asyncio.Future[None]) -> None:
    if not wait.done():
        wait.set_result(None)
