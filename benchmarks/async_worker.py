"""One side of one asynchronous benchmark: ``python -m benchmarks.async_worker '<json>'``.

Prints what it measured as JSON. All the work is one coroutine, in one event loop.
"""

import asyncio
import json
import os
import sys
import time

from benchmarks.worker import rss

TICK = 0.001


async def timed(action, count):
    """Return seconds of CPU and wall per action; all threads of the process count."""
    cpu, wall = time.process_time(), time.perf_counter()
    for _ in range(count):
        await action()
    return {
        "cpu": (time.process_time() - cpu) / count,
        "wall": (time.perf_counter() - wall) / count,
    }


async def first_call(side):
    """Measure nothing here but memory: the parent measures the whole process."""
    assert len(await side.describe_repositories()) == 1
    return {"rss": rss()}


async def repeat(side, *, call, count):
    """Measure a call that has been made before."""
    action = getattr(side, call)
    for _ in range(max(2, count // 10)):
        assert len(await action()) > 0
    return await timed(action, count)


async def upload(side, *, size, count):
    """Measure uploads of a part."""
    part = os.urandom(size)
    await side.upload(b"warm")
    await side.upload(part)
    return await timed(lambda: side.upload(part), count)


async def concurrent(side, *, tasks, calls, count):
    """Measure a number of small calls, from as many tasks at the same time as have a connection."""

    async def some():
        for _ in range(calls // tasks):
            await side.describe_repositories()

    async def everything():
        await asyncio.gather(*(some() for _ in range(tasks)))

    await everything()
    return await timed(everything, count)


async def memory(side, *, size, tasks, calls, count):
    """Measure the memory of the process after the work of the other benchmarks."""
    await concurrent(side, tasks=tasks, calls=calls, count=1)
    await repeat(side, call="describe_images", count=count)
    await upload(side, size=size, count=count)
    return {"rss": rss()}


async def lag_of_page(side, *, call, count):
    """Measure how late the event loop is while pages are read."""
    return await lag(getattr(side, call), count)


async def lag_of_upload(side, *, size, count):
    """Measure how late the event loop is while parts are uploaded."""
    part = os.urandom(size)
    return await lag(lambda: side.upload(part), count)


async def lag(action, count):
    """Return how late a ticker in the same event loop is during an action.

    A tick is due every millisecond. Those that a blocked loop misses are counted as well, each with
    the time that it was late: otherwise the worse the loop is, the fewer late ticks there would be.
    """
    await action()
    late = []
    ticker = asyncio.ensure_future(tick(late))
    await asyncio.sleep(0)
    for _ in range(count):
        await action()
    await asyncio.sleep(2 * TICK)  # for the last one that is late
    ticker.cancel()
    late.sort()
    return {"lag_p99": late[len(late) * 99 // 100], "lag_max": late[-1]}


async def tick(late):
    """Note how late each tick is."""
    due = time.perf_counter() + TICK
    while True:
        await asyncio.sleep(due - time.perf_counter())
        now = time.perf_counter()
        while due <= now:
            late.append(now - due)
            due += TICK


async def main():
    """Do the work that the argument describes."""
    task = json.loads(sys.argv[1])
    from benchmarks.async_sides import SIDES

    async with SIDES[task["side"]](task["url"]) as side:
        measured = await globals()[task["work"]](side, **task["arguments"])
    print(json.dumps(measured))


if __name__ == "__main__":
    asyncio.run(main())
