"""The time of signatures, corrected by what the service says the time is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

#: The codes by which AWS refuses a time, or a signature that a wrong time may have invalidated.
SKEW_CODES = frozenset(
    {
        "AuthFailure",
        "InvalidSignatureException",
        "RequestExpired",
        "RequestTimeTooSkewed",
        "SignatureDoesNotMatch",
    }
)
#: AWS allows 5 minutes; a smaller difference than this is not why it refused.
TOLERANCE = timedelta(minutes=4)
#: A clock that is wrong by more has to be set; a ``Date`` that says so is more likely wrong itself.
LARGEST = timedelta(days=1)


_NONE = timedelta(0)


def utc_now() -> datetime:
    """Return the time of this machine."""
    return datetime.now(timezone.utc)


def skew(date: datetime, now: datetime, offset: timedelta) -> timedelta | None:
    """Return the correction that a response asks for, or ``None`` if the time was not the reason.

    Args:
        date: The ``Date`` of the response.
        now: The time of this machine.
        offset: The correction of the refused signature.
    """
    found = date - now
    return None if abs(found - offset) <= TOLERANCE or abs(found) > LARGEST else found


class SigningClock:
    """The time that the service expects; a correction is kept for later calls of its endpoint.

    Args:
        local: Returns the time of this machine as an aware UTC datetime.

    Attributes:
        offsets: The corrections by endpoint, as one server's wrong time is nobody else's. They are
            read and replaced as a whole, so they need no lock.
    """

    def __init__(self, local: Callable[[], datetime] = utc_now) -> None:
        self.local = local
        self.offsets: dict[str, timedelta] = {}

    def offset(self, endpoint: str) -> timedelta:
        """Return the correction for an endpoint."""
        return self.offsets.get(endpoint, _NONE)
