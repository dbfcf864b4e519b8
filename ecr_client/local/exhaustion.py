"""What the server says, and logs, when this machine has run out of something."""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import NamedTuple

logger = logging.getLogger("ecr_client.local")

_DISK = {errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else [])}
_NO_SPACE = "no space left on the device"
_TOO_LARGE = "the file would be larger than this machine allows"
_FILES = {errno.EMFILE, errno.ENFILE}


class Exhaustion(NamedTuple):
    """What ran out: a status of HTTP, and a phrase for a person."""

    status: int
    reason: str


#: By the text of the error: its code is there only since Python 3.11.
_OF_SQLITE = {
    "disk is full": Exhaustion(507, _NO_SPACE),
    # A quota, among others.
    "disk I/O error": Exhaustion(507, "the disk cannot be written"),
    "unable to open database file": Exhaustion(503, "the database cannot be opened"),
}


def exhaustion_of(error: BaseException) -> Exhaustion | None:
    """Return what had run out when an error was raised, or None if the error has another cause."""
    if isinstance(error, OSError) and error.errno in _DISK:
        return Exhaustion(507, _TOO_LARGE if error.errno == errno.EFBIG else _NO_SPACE)
    if isinstance(error, OSError) and error.errno in _FILES:
        return Exhaustion(503, "too many open files")
    if isinstance(error, sqlite3.OperationalError):
        return next((found for text, found in _OF_SQLITE.items() if text in str(error)), None)
    return None


def log_failure(what: str, error: Exception) -> Exhaustion | None:
    """Log that a request failed, and return what had run out, if that is why.

    Nobody needs a traceback to know that a disk is full: that is one line.

    Args:
        what: Names the request.
        error: Why it failed.
    """
    found = exhaustion_of(error)
    what = ascii(what)[1:-1]  # it comes from outside, and may hold line breaks
    if found is None:
        logger.error("%s failed", what, exc_info=error)
    else:
        logger.error("%s failed: %s", what, found.reason)
    return found
