"""Renders the waiters."""

from __future__ import annotations

from codegen.kinds import Plan, Waiter
from codegen.render.signature import HEADER, members_dict, overloads, type_imports
from codegen.render.text import banner, docstring, member_entries, paragraphs, section


def render(plan: Plan) -> str:
    """Return ``_generated/waiters.py``."""
    operations = [each.operation for each in plan.waiters]
    return (
        banner(plan, "The waiters: calls that repeat until something has come about.")
        + HEADER.replace("from typing", "import time\nfrom typing")
        + type_imports(
            plan,
            operations,
            "    from collections.abc import Callable\n    from typing import Any\n",
        )
        + "\n#: By waiter: (state, matcher, path, expected) of each acceptor, tried in order.\n"
        + "ACCEPTORS: dict[str, tuple[tuple[str, str, tuple[str, ...], object], ...]] = {\n"
        + "".join(f"    {waiter.name!r}: {waiter.acceptors!r},\n" for waiter in plan.waiters)
        + "}\n"
        + '''

class Waiters:
    """One method per thing that can be waited for."""

    def _wait(
        self,
        waiter: str,
        operation: str,
        request: object,
        members: dict[str, object],
        delay: float,
        max_wait: float,
        sleep: Callable[[float], object],
    ) -> Any:
        raise NotImplementedError(f"{type(self).__name__} does not wait for {waiter}")

'''
        + "\n".join(_method(waiter) for waiter in plan.waiters)
    )


def _method(waiter: Waiter) -> str:
    op = waiter.operation
    lines = [f"Waits until {waiter.summary}, and returns the last answer."]
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
    return (
        overloads(waiter.method, op, op.result, extra)
        + docstring(lines, 8)
        + f"        return self._wait({waiter.name!r}, {op.name!r}, request, "
        f"{members_dict(op.request)}, delay, max_wait, sleep)\n"
    )
