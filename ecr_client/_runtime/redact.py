"""What keeps secrets out of what is shown of an error."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def chain(error: BaseException) -> Iterator[BaseException]:
    """Yield an exception and all that led to it, however they hang together, each once."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        each = waiting.pop()
        if not isinstance(each, BaseException) or id(each) in seen:
            continue
        seen.add(id(each))
        yield each
        reason = getattr(each, "reason", None)  # where urllib3 keeps it
        waiting += [*each.args, reason, each.__context__, each.__cause__]


def forget_frames(error: BaseException) -> None:
    """Drop the stack frames of an exception and of all that led to it, and requests they hold.

    The local variables in these frames, which many tools print, hold headers with the session
    token, and bodies with the bytes of layers.
    """
    for each in chain(error):
        each.__traceback__ = None
        if getattr(each, "request", None) is not None:
            each.request = None  # type: ignore[attr-defined]
