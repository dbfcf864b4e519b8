"""Renewal of locks and connections in forked processes."""

from __future__ import annotations

import os
import threading
import weakref
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from typing import Protocol

    class Renewable(Protocol):
        """An object with a resource that a forked process must not use."""

        def renew(self) -> None:
            """Replace the resource without touching the old one, which may be in use."""


_objects: weakref.WeakSet[Renewable] = weakref.WeakSet()


def renew_after_fork(owner: Renewable) -> None:
    """Register an object whose ``renew`` is called in every forked process."""
    _objects.add(owner)


class Lock:
    """A lock that is free in a forked process, even if a thread of the parent held it.

    Use it as ``with lock.held:``, which enters the interpreter's own lock. In an ``__enter__``
    written in Python, a ``KeyboardInterrupt`` could be raised after the lock was acquired and
    before the block was entered, and every later call would wait forever.

    Attributes:
        held: The lock of this process.
    """

    def __init__(self) -> None:
        self.renew()
        renew_after_fork(self)

    def renew(self) -> None:
        """Replace the lock with a free one."""
        self.held = threading.Lock()


def _renew_all() -> None:
    for owner in list(_objects):
        owner.renew()


if hasattr(os, "register_at_fork"):
    os.register_at_fork(after_in_child=_renew_all)
