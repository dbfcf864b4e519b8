"""The coroutines of the blocking client run without an event loop."""

from __future__ import annotations

import asyncio

import pytest

from ecr_client._coroutines import maybe_await, run


async def added(*steps: object) -> int:
    """Return the sum of steps, each a number or an awaitable of one."""
    return sum([await maybe_await(step) for step in steps])  # type: ignore[misc]


async def one() -> int:
    return 1


def test_run() -> None:
    """A coroutine that does not suspend runs to its end: a result or an exception."""
    assert run(added(1, one(), 2)) == 4
    with pytest.raises(TypeError, match="unsupported operand"):
        run(added("a"))


def test_suspending() -> None:
    """A coroutine that suspends is closed with an error; an event loop can run it."""
    ended = []

    async def later() -> int:
        try:
            await asyncio.sleep(0)
            return 2
        finally:
            ended.append(True)

    with pytest.raises(TypeError, match="use AsyncECRClient"):
        run(later())
    assert ended == [True]
    assert asyncio.run(added(1, later())) == 3
