"""Files that get their final name once complete, and cleanup after killed processes."""

from __future__ import annotations

import errno
import os
import threading
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which does not delete open files
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".incomplete-"
#: How many seconds to wait for the lock of a folder, which is usually held for milliseconds.
_LOCK_TIMEOUT = 60.0
#: Replaces locks of folders where there are none.
_THREADS = threading.Lock()


@contextmanager
def unfinished_file(folder: Path) -> Iterator[tuple[BinaryIO, Callable[[Path], None]]]:
    """Open a new file that is removed again unless it is published under a name.

    Yields:
        The file, and the function that gives it a name in the same file system.
    """
    path, file = _create(folder)
    try:
        with full_disks_named(folder), file:

            def publish(name: Path) -> None:
                file.flush()
                if fcntl is None:
                    file.close()  # Windows does not rename open files
                path.replace(name)

            yield file, publish
    finally:
        path.unlink(missing_ok=True)


def _create(folder: Path) -> tuple[Path, BinaryIO]:
    """Return a new file, locked so that nobody takes it for a leftover."""
    while True:
        path = folder / f"{_PREFIX}{uuid.uuid4()}"
        file = path.open("xb")
        try:
            lock(file)
            if path.exists():
                return path, file
        except BlockingIOError:
            pass
        file.close()  # `remove_leftovers` was faster.


@contextmanager
def locked_folder(folder: Path) -> Iterator[None]:
    """Hold the lock of a folder, so that threads and processes change it one after the other.

    Where folders cannot be locked, as on Windows and NFS, only threads wait for each other.

    Raises:
        TimeoutError: Another process keeps the lock; whoever may read a folder can lock it.
        OSError: The folder cannot be opened.
    """
    with ExitStack() as held:
        if fcntl is None:
            held.enter_context(_THREADS)
        else:
            descriptor = os.open(folder, os.O_RDONLY)
            held.callback(os.close, descriptor)
            if _wait_for_lock(descriptor, folder):
                # Closing is not enough: a process that was forked meanwhile has the folder open.
                held.callback(fcntl.flock, descriptor, fcntl.LOCK_UN)
            else:
                held.enter_context(_THREADS)
        yield


def _wait_for_lock(descriptor: int, folder: Path) -> bool:
    """Lock an open folder; return whether that is possible."""
    deadline = time.monotonic() + _LOCK_TIMEOUT
    while True:
        try:
            return lock(descriptor)
        except BlockingIOError:
            if time.monotonic() > deadline:
                # Not as `filename`, which asyncio does not keep.
                raise TimeoutError(
                    errno.ETIMEDOUT, f"another process keeps the folder {folder} locked"
                ) from None
        time.sleep(0.01)


@contextmanager
def full_disks_named(folder: Path) -> Iterator[None]:
    """Add the folder to errors of a full disk, which name no file when a write fails."""
    try:
        yield
    except OSError as error:
        if error.errno in (errno.ENOSPC, errno.EDQUOT) and error.filename is None:
            error.filename = str(folder)
        raise


def is_leftover(path: Path) -> bool:
    """Return whether the name of a file is that of an unfinished one."""
    return path.name.startswith(_PREFIX)


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files that no running process is writing."""
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is locked, or gone
            with path.open("rb") as file:
                if fcntl is not None and lock(file):
                    path.unlink()
            if fcntl is None:
                path.unlink()  # Not if somebody writes it: Windows does not delete open files.


def lock(file: BinaryIO | int) -> bool:
    """Lock an open file or folder until it is closed; return whether that is known to have worked.

    Raises:
        BlockingIOError: It is locked already.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False  # a file system without locks
    return True
