"""The event loop of the server's thread, whose clock tests do not freeze."""

from __future__ import annotations

import asyncio
import sys
import time


class EventLoop(asyncio.SelectorEventLoop):
    """An event loop whose timers fire while freezegun has frozen ``time.monotonic``.

    The server shares its process with tests that freeze the time. With asyncio's clock it would
    sleep until they unfreeze it, and for decades if it fell asleep before: frozen and real seconds
    do not count from the same moment.
    """

    if sys.platform == "win32":
        # freezegun replaces names in modules, so this holds unless the time was frozen when this
        # module was imported.
        _monotonic = staticmethod(time.monotonic)

        def time(self) -> float:
            """Return monotonic seconds."""
            return self._monotonic()

    else:

        def time(self) -> float:
            """Return monotonic seconds."""
            # Tools that freeze the time leave this clock alone.
            return time.clock_gettime(time.CLOCK_MONOTONIC)
