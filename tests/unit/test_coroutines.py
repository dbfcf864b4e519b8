"""The coroutines of the blocking client run without an event loop."""

from __future__ import annotations

import asyncio

import pytest

from ecr_client._coroutines import resolve, run


async def added(*steps: object) -> int:
    """Return the sum of steps, each a number or an awaitable of one."""
    return sum([await resolve(step) for step in steps])  # type: ignore[misc]


async def one() -> int:
    return 1


def test_run_returns_the_result() -> None:
    """A coroutine whose steps are values, or coroutines that do not suspend, runs to its end."""
    assert run(added(1, one(), 2)) == 4


def test_run_raises_the_error() -> None:
    """An exception of the coroutine is that of the call."""
    with pytest.raises(TypeError, match="unsupported operand"):
        run(added("a"))


def test_run_refuses_to_suspend() -> None:
    """A coroutine that suspends is closed, and the error says what to use instead."""
    closed = []

    async def suspended() -> None:
        try:
            await asyncio.sleep(0)
        finally:
            closed.append(True)

    with pytest.raises(TypeError, match="use AsyncECRClient"):
        run(suspended())
    assert closed == [True]


def test_a_loop_runs_the_same_coroutine() -> None:
    """An event loop runs what `run` runs, and steps may suspend there."""

    async def later() -> int:
        await asyncio.sleep(0)
        return 2

    assert asyncio.run(added(1, later())) == 3
