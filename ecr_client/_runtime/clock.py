"""The time of signatures, corrected by what the service says the time is."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING

from ecr_client._runtime.retry import http_date

if TYPE_CHECKING:
    from collections.abc import Callable

#: The codes by which AWS refuses a time, or a signature that a wrong time may have spoilt.
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
#: No clock is wrong by more; with such a correction, the time may be one that Python cannot hold.
LARGEST = timedelta(days=36525)


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


class SigningClock:
    """Tells the time that the service expects; the correction is kept for later calls.

    Args:
        local: Gives the time of this machine as an aware UTC datetime.
    """

    def __init__(self, local: Callable[[], datetime] = utc_now) -> None:
        self._local = local
        # Read and replaced as a whole, so no lock is needed.
        self.offset = timedelta(0)

    def now(self) -> datetime:
        """Return the corrected time."""
        return self._local() + self.offset

    def correct(self, date: str | None, used: timedelta) -> bool:
        """Follow the ``Date`` of an answer if it is far from the time that was signed.

        Args:
            date: The header.
            used: The `offset` when it was signed; another thread may have corrected it since then.

        Returns:
            Whether another signature would have another time.
        """
        told = http_date(date)
        if told is None:
            return False
        offset = told - self._local()
        if abs(offset - used) <= TOLERANCE or abs(offset) > LARGEST:
            return False
        self.offset = offset
        return True
