"""The event loop of the server's thread, with a clock that tests do not stop."""

from __future__ import annotations

import asyncio
import sys
import time


class Loop(asyncio.SelectorEventLoop):
    """An event loop whose timers go off while freezegun has stopped ``time.monotonic``.

    The server shares its process with the tests that freeze the time. With the clock of asyncio, it
    would sleep until they let go of it, and for decades if it fell asleep before: frozen and real
    seconds do not count from the same moment.
    """

    if sys.platform == "win32":
        # Only a name in a module would be replaced, so this is right unless the time was already
        # frozen when this module was imported.
        _monotonic = staticmethod(time.monotonic)

        def time(self) -> float:
            """Return seconds that never go back."""
            return self._monotonic()

    else:

        def time(self) -> float:
            """Return seconds that never go back."""
            # Tools that freeze the time leave this clock alone; it is no time of day.
            return time.clock_gettime(time.CLOCK_MONOTONIC)
