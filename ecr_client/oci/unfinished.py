"""Files that get their final name once complete, and cleanup after killed processes."""

from __future__ import annotations

import uuid
from contextlib import contextmanager, suppress
from typing import TYPE_CHECKING, BinaryIO

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

try:
    import fcntl
except ImportError:  # Windows, which does not delete open files
    fcntl = None  # type: ignore[assignment]

_PREFIX = ".incomplete-"


@contextmanager
def unfinished_file(folder: Path) -> Iterator[tuple[BinaryIO, Callable[[Path], None]]]:
    """Open a new file that is removed again unless it is published under a name.

    Yields:
        The file, and the function that gives it a name in the same file system.
    """
    path = folder / f"{_PREFIX}{uuid.uuid4()}"
    try:
        with path.open("xb") as file:
            with suppress(BlockingIOError):  # `remove_leftovers` is looking at it
                lock(file)

            def publish(name: Path) -> None:
                file.flush()
                if fcntl is None:
                    file.close()  # Windows does not rename open files
                path.replace(name)

            yield file, publish
    finally:
        path.unlink(missing_ok=True)


def remove_leftovers(folder: Path) -> None:
    """Remove the unfinished files that no running process is writing."""
    for path in folder.glob(f"{_PREFIX}*"):
        with suppress(OSError):  # it is locked, or gone
            with path.open("rb") as file:
                is_left = lock(file)
            if is_left:
                path.unlink()


def lock(file: BinaryIO) -> bool:
    """Lock a file as long as it is open; return whether that is known to have worked.

    Raises:
        BlockingIOError: The file is locked already.
    """
    if fcntl is None:
        return True
    try:
        fcntl.flock(file.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise
    except OSError:
        return False  # a file system without locks
    return True
