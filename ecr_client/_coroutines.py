"""One implementation for both clients: coroutines that never suspend for the blocking one.

What a call does is written as coroutines, with a `maybe_await` wherever something may wait. The
parts of the blocking client (transport, lifetime, credentials) block and return plain values, so
its coroutines run to their end at once. Those of the asynchronous client return awaitables.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import TYPE_CHECKING, Any, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine
    from typing import TypeAlias

Value = TypeVar("Value")

#: The flag of the code of coroutine functions; ``inspect`` takes long to load.
_COROUTINE = 0x80

#: What a step returns: a value, or an awaitable of one where the client is asynchronous.
MaybeAwaitable: TypeAlias = "Value | Awaitable[Value]"


async def maybe_await(step: MaybeAwaitable[Value]) -> Value:
    """Return the value of a step, awaiting it if necessary."""
    if isinstance(step, Awaitable):
        value: Value = await step
        return value
    return step


def run(coroutine: Coroutine[Any, Any, Value]) -> Value:
    """Return the result of a coroutine that never suspends.

    Raises:
        TypeError: The coroutine suspends: a function of the user returned an awaitable to a
            blocking client.
    """
    try:
        coroutine.send(None)
    except StopIteration as stop:
        result: Value = stop.value
        return result
    coroutine.close()
    raise TypeError("a blocking client cannot await; use AsyncECRClient, or a function that blocks")


def is_coroutine_function(function: object) -> bool:
    """Return whether calling an object returns a coroutine."""
    for each in (function, type(function).__call__ if callable(function) else None):
        code = getattr(getattr(each, "func", each), "__code__", None)
        if getattr(code, "co_flags", 0) & _COROUTINE:
            return True
    return False


def in_thread(function: Callable[[], Value]) -> Awaitable[Value]:
    """Call a function in a worker thread of the running event loop, with the caller's context."""
    import asyncio

    return asyncio.to_thread(function)
