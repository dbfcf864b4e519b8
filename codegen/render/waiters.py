"""Renders the waiters."""

from __future__ import annotations

from codegen.kinds import Plan, Waiter
from codegen.render.signature import HEADER, body, imports, overloads, reach
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Waiters(Invoker):
    """One method per thing that can be waited for."""

'''


def render(plan: Plan) -> str:
    """Return ``_generated/waiters.py``."""
    return (
        banner(plan, "The waiters: calls that are made until something has come about.")
        + HEADER.replace("from typing", "import time\nfrom typing")
        + imports(
            plan,
            [each.operation for each in plan.waiters],
            bases="Acceptor, Invoker",
            types="    from collections.abc import Callable\n",
        )
        + "\n"
        + "".join(_acceptors(waiter) for waiter in plan.waiters)
        + CLASS
        + "\n".join(_method(waiter) for waiter in plan.waiters)
    )


def _constant(waiter: Waiter) -> str:
    return f"_{waiter.method.removeprefix('wait_until_').upper()}"


def _acceptors(waiter: Waiter) -> str:
    """Return what decides a waiter; its functions are checked against the type of the result."""
    lines = []
    for state, matcher, path, expected in waiter.acceptors:
        line = f"Acceptor({state!r}, {matcher!r}, {expected!r}"
        if path:
            value = reach("result", path, "None")
            line += f", {'.'.join(path)!r}, lambda result: {value}"
        lines.append(f"    {line}),\n")
    return (
        f"{_constant(waiter)}: tuple[Acceptor[{waiter.operation.result}], ...] = (\n"
        f"{''.join(lines)})\n"
    )


def _method(waiter: Waiter) -> str:
    op = waiter.operation
    lines = [f"Wait until {waiter.summary}, and return the last result."]
    lines += paragraphs(
        f"It calls ``{op.method}`` again and again. An error that is not part of the waiting is "
        "raised as it is.",
        8,
    )
    entries = [
        *member_entries(op.request.members),
        ("delay", "Seconds between two calls."),
        ("max_wait", "Seconds to wait in total, not counting the time that the calls take."),
        ("sleep", "What waits, given the seconds."),
    ]
    lines += section("Args", entries, 8)
    raises = [
        ("WaiterTimeoutException", "It did not come about within ``max_wait``."),
        ("WaiterFailureException", "It can no longer come about."),
        *((error.name, error.text.summary) for error in op.errors),
    ]
    lines += section("Raises", raises, 8)
    extra = (
        f"delay: float = {float(waiter.delay)}, max_wait: float = {float(waiter.max_wait)}, "
        "sleep: Callable[[float], object] = time.sleep"
    )
    how = f"{_constant(waiter)}, delay, max_wait, sleep"
    return (
        overloads(waiter.method, op, op.result, extra)
        + docstring(lines, 8)
        + body(op, lambda request: f"self._wait({waiter.name!r}, {op.constant}, {request}, {how})")
    )
