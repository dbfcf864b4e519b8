"""Uploads in progress: which request may send bytes, and where the first chunk of each ended."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from contextlib import asynccontextmanager, suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

#: How many seconds a request waits for another one that works on the same upload, and after how
#: many seconds without a byte that one loses its lease.
PATIENCE = 5.0
#: How many uploads the end of the first chunk is known of.
_REMEMBERED = 10_000


class UploadLease:
    """The right of one request to send bytes for an upload, as long as it goes on sending."""

    def __init__(self) -> None:
        self.ended: asyncio.Event = asyncio.Event()
        self.renew()

    def renew(self) -> None:
        """Note that bytes have arrived."""
        self.renewed_at: float = asyncio.get_running_loop().time()


class UploadSessions:
    """The uploads that requests are working on; for the thread of the event loop.

    Args:
        patience: How many seconds a request waits, and how many of silence end a lease.
    """

    def __init__(self, patience: float = PATIENCE) -> None:
        self._patience = patience
        self._leases: dict[str, UploadLease] = {}
        self._first_chunks: OrderedDict[str, int] = OrderedDict()

    @asynccontextmanager
    async def lease(self, upload_id: str) -> AsyncIterator[UploadLease | None]:
        """Yield the lease of an upload, or None if another request keeps sending.

        A request that comes while another one sends waits for it, holding nothing: the other one
        may be that of a connection that has just ended. It takes over from one that is silent.
        """
        now = asyncio.get_running_loop().time
        deadline = now() + self._patience
        while (other := self._leases.get(upload_id)) is not None:
            expires_at = other.renewed_at + self._patience
            if now() >= expires_at:
                break
            if now() >= deadline:
                yield None
                return
            with suppress(asyncio.TimeoutError):
                await asyncio.wait_for(other.ended.wait(), min(deadline, expires_at) - now())
        lease = self._leases[upload_id] = UploadLease()
        try:
            yield lease
        finally:
            lease.ended.set()
            if self._leases.get(upload_id) is lease:
                del self._leases[upload_id]

    def first_chunk(self, upload_id: str, size: int) -> int:
        """Return the size of an upload after its first chunk, which is the first size given."""
        if size:
            size = self._first_chunks.setdefault(upload_id, size)
        if len(self._first_chunks) > _REMEMBERED:
            self._first_chunks.popitem(last=False)
        return size
