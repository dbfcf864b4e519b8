"""Renders the waiters."""

from __future__ import annotations

from collections.abc import Callable

from codegen.ir import Acceptors, Service, Waiter
from codegen.render.signature import HEADER, body, imports, overloads, reach
from codegen.render.text import banner, docstring, member_entries, paragraphs, section

CLASS = '''

class Waiters(Invoker):
    """One method for each waiter."""

'''


def render(service: Service) -> str:
    """Return ``_methods/waiters.py``."""
    return (
        banner(service, "The waiters: polling an operation until a condition holds.")
        + HEADER
        + imports(
            service,
            [each.operation for each in service.waiters],
            bases="from ecr_client._invoker import Invoker\n"
            "from ecr_client._operation import Acceptors\n",
            types="    from collections.abc import Callable\n",
        )
        + "\n"
        + "".join(_acceptors(waiter) for waiter in service.waiters)
        + CLASS
        + "\n".join(_method(waiter) for waiter in service.waiters)
    )


def constant(waiter: Waiter) -> str:
    """Return the name of the acceptors of a waiter."""
    return f"{waiter.method.removeprefix('wait_until_').upper()}"


def _acceptors(waiter: Waiter) -> str:
    """Return the acceptors of a waiter; type checkers see what its functions read."""
    found = waiter.acceptors
    arguments = []
    if found.path:
        arguments += [f"states={found.states!r}", f"path={'.'.join(found.path)!r}"]
        arguments += [f"value=lambda result: {reach('result', found.path, 'None')}"]
    if found.description:
        arguments += [f"description=lambda result: {reach('result', found.description, 'None')}"]
    if found.errors:
        arguments += [f"errors={found.errors!r}"]
    if found.statuses:
        arguments += [f"statuses={found.statuses!r}"]
    return (
        f"{constant(waiter)}: Acceptors[{waiter.operation.result}] = "
        f"Acceptors({', '.join(arguments)})\n"
    )


def _meanings(acceptors: Acceptors) -> str:
    """Return the meaning of each state, for the docstring."""
    if not acceptors.states:
        return ""
    sentences = [f"``{'.'.join(acceptors.path)}`` decides."]
    for outcome, title in (("success", "Success"), ("failure", "Failure"), ("retry", "Not yet")):
        states = [f"``{state}``" for state, each in acceptors.states.items() if each == outcome]
        states += ["any state that this release does not know"] if outcome == "retry" else []
        if states:
            sentences.append(f"{title}: {', '.join(states)}.")
    return " ".join(sentences)


def _method(waiter: Waiter) -> str:
    op = waiter.operation
    lines = [f"Wait until {waiter.summary}, and return the last result."]
    lines += paragraphs(
        f"Calls ``{op.method}`` repeatedly. Errors that the waiter does not expect are raised "
        "unchanged.",
        8,
    )
    lines += paragraphs(_meanings(waiter.acceptors), 8)
    entries = [
        *member_entries(op.request.members),
        ("delay", "Seconds between two calls, above 0 and at most 3,600."),
        (
            "max_wait",
            "Seconds to wait in total, from 0 to 86,400, without the time of the calls themselves; "
            "0 makes one call.",
        ),
        (
            "sleep",
            "Function that waits for a number of seconds. ``None``, the default, waits until then "
            "or until the client is shut down.",
        ),
    ]
    lines += section("Args", entries, 8)
    raises = [
        ("WaiterTimeoutException", "The condition did not hold within ``max_wait``."),
        ("WaiterFailureException", "The condition can no longer hold."),
        *((error.name, error.description.summary) for error in op.errors),
    ]
    lines += section("Raises", raises, 8)
    return (
        overloads(waiter.method, op, op.result, extra(waiter, "object"))
        + docstring(lines, 8)
        + body(op, call(waiter))
    )


def extra(waiter: Waiter, slept: str) -> str:
    """Return the keywords that a waiter takes besides the members of the request.

    Args:
        waiter: The waiter.
        slept: The type of what its ``sleep`` returns.
    """
    return (
        f"delay: float = {float(waiter.delay)}, max_wait: float = {float(waiter.max_wait)}, "
        f"sleep: Callable[[float], {slept}] | None = None"
    )


def call(waiter: Waiter) -> Callable[[str], str]:
    """Return a function that returns the expression of a waiter, given that of the request."""
    start = f"self._wait({waiter.name!r}, {waiter.operation.constant}"
    return lambda request: f"{start}, {request}, {constant(waiter)}, delay, max_wait, sleep)"
