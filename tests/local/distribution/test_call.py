"""Work in threads on behalf of a request that may be given up."""

from __future__ import annotations

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from ecr_client.local.request_bodies import RequestBodies


def test_cancelled_requests_wait_for_their_work(tmp_path: Path) -> None:
    """A request that is cancelled ends after its work, which nobody may disturb, and not before."""
    began, may_end, ended = threading.Event(), threading.Event(), threading.Event()

    def work() -> None:
        began.set()
        may_end.wait(timeout=60)
        ended.set()

    async def give_up(executor: ThreadPoolExecutor) -> bool:
        task = asyncio.ensure_future(RequestBodies(executor, tmp_path).run(work))
        await asyncio.get_running_loop().run_in_executor(None, began.wait)
        task.cancel()
        _, waiting = await asyncio.wait({task}, timeout=0)
        may_end.set()
        with pytest.raises(asyncio.CancelledError):
            await task
        return bool(waiting)

    with ThreadPoolExecutor(1) as executor:
        waited = asyncio.run(give_up(executor))

        assert waited
        assert ended.is_set()
