"""Resource exhaustion: a full disk, too many open files, and how they are reported."""

from __future__ import annotations

import errno
import logging
import sqlite3
from typing import NamedTuple

logger: logging.Logger = logging.getLogger("ecr_client.local")

_DISK = {errno.ENOSPC, errno.EFBIG, *([errno.EDQUOT] if hasattr(errno, "EDQUOT") else [])}
_NO_SPACE = "no space left on the device"
_TOO_LARGE = "the file would be larger than this machine allows"
_FILES = {errno.EMFILE, errno.ENFILE}


class ResourceExhaustion(NamedTuple):
    """A resource that was exhausted: the HTTP status, and the reason for a person."""

    status: int
    reason: str


#: By the message of the error: its code is available only since Python 3.11.
_OF_SQLITE = {
    "disk is full": ResourceExhaustion(507, _NO_SPACE),
    # A quota, among others.
    "disk I/O error": ResourceExhaustion(507, "the disk cannot be written"),
    "unable to open database file": ResourceExhaustion(503, "the database cannot be opened"),
}


def exhaustion_of(error: BaseException) -> ResourceExhaustion | None:
    """Return the exhausted resource that caused an error, or None for another cause."""
    if isinstance(error, OSError) and error.errno in _DISK:
        return ResourceExhaustion(507, _TOO_LARGE if error.errno == errno.EFBIG else _NO_SPACE)
    if isinstance(error, OSError) and error.errno in _FILES:
        return ResourceExhaustion(503, "too many open files")
    if isinstance(error, sqlite3.OperationalError):
        return next((found for text, found in _OF_SQLITE.items() if text in str(error)), None)
    return None


def log_failure(what: str, error: Exception) -> ResourceExhaustion | None:
    """Log that a request failed, and return the exhausted resource if that is the cause.

    An exhausted resource is logged in one line, without a traceback.

    Args:
        what: The request, such as the name of the operation.
        error: The error.
    """
    found = exhaustion_of(error)
    what = ascii(what)[1:-1]  # it comes from the client, and may contain line breaks
    if found is None:
        logger.error("%s failed", what, exc_info=error)
    else:
        logger.error("%s failed: %s", what, found.reason)
    return found
