"""The rate quotas of the service, for tests of code that exceeds them.

Source: https://docs.aws.amazon.com/AmazonECR/latest/userguide/service-quotas.html
"""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING

from ecr_client.local.errors import ServiceError

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

#: Calls per second by operation, for each account in each region. Others have no documented quota.
CALLS_PER_SECOND: Mapping[str, int] = {
    "BatchCheckLayerAvailability": 1_000,
    "BatchGetImage": 2_000,
    "CompleteLayerUpload": 100,
    "GetAuthorizationToken": 500,
    "GetDownloadUrlForLayer": 3_000,
    "InitiateLayerUpload": 100,
    "PutImage": 10,
    "UploadLayerPart": 500,
}


class Throttle:
    """A token bucket for each account, region and operation, refilled within a second.

    Args:
        rates: Calls per second by operation; other operations are not limited.
        clock: Returns the time as an aware UTC datetime.
    """

    def __init__(self, rates: Mapping[str, int], clock: Callable[[], datetime]) -> None:
        self._rates = rates
        self._clock = clock
        self._lock = threading.Lock()
        self._left: dict[tuple[str, str, str], tuple[float, float]] = {}

    def acquire(self, account: str, region: str, operation: str) -> None:
        """Acquire a token for one call.

        Raises:
            ServiceError: ThrottlingException, if none is left.
        """
        rate = self._rates.get(operation)
        if rate is None:
            return
        key, now = (account, region, operation), self._clock().timestamp()
        with self._lock:
            left, seen = self._left.get(key, (rate, now))
            left = min(rate, left + max(now - seen, 0) * rate)
            self._left[key] = (left - 1 if left >= 1 else left, now)
        if left < 1:
            raise ServiceError("ThrottlingException", "Rate exceeded")
