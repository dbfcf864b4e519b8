"""What a forked process must not share with its parent: locks and connections."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Renewable(Protocol):
        """An object that holds what a child process must not use."""

        def renew(self) -> None:
            """Replace it without touching the old one, which another thread may have used."""


_objects: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Let an object renew itself in every child process that is forked."""
    _objects.add(owner)


class Lock:
    """A lock that is free in a forked process, even if a thread of the parent held it.

    It is used as ``with lock.held:``. Only the interpreter's own lock is safe there: Python may
    raise a ``KeyboardInterrupt`` between any two lines of an ``__enter__``, after the lock was
    acquired and before the block was entered, and every later call would wait for it.

    Attributes:
        held: The lock of this process.
    """

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Become a lock that nobody holds."""
        self.held = threading.Lock()


def _renew_all() -> None:
    for owner in list(_objects):
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
