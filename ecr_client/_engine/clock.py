"""The time of signatures, corrected by the ``Date`` of the service."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: Error codes for a wrong time, or for a signature that a wrong time may have invalidated.
SKEW_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
#: AWS allows 5 minutes; a difference below this bound does not explain an error.
TOLERANCE = timedelta(minutes=4)
#: A ``Date`` that differs by more than this is more likely to be wrong itself.
LARGEST = timedelta(days=1)


def utc_now() -> datetime:
    """Return the local time in UTC."""
    return datetime.now(timezone.utc)


def skew(date: datetime, now: datetime, offset: timedelta) -> timedelta | None:
    """Return the correction that a response asks for, or ``None`` if the time was not the problem.

    Args:
        date: The ``Date`` of the response.
        now: The local time in UTC.
        offset: The correction of the refused signature.
    """
    found = date - now
    return None if abs(found - offset) <= TOLERANCE or abs(found) > LARGEST else found


class SigningClock:
    """The time that the service expects; corrections are kept for later calls of an endpoint.

    Args:
        local: A function that returns the local time as an aware datetime in UTC.

    Attributes:
        offsets: The corrections by endpoint, since servers may differ. Each is read and replaced
            atomically, so no lock is needed.
    """

    def __init__(self, local: Callable[[], datetime] = utc_now) -> None:
        self.local = local
        self.offsets: dict[str, timedelta] = {}

    def offset(self, endpoint: str) -> timedelta:
        """Return the correction for an endpoint."""
        return self.offsets.get(endpoint, timedelta(0))
