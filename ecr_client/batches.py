"""Splitting a long list over several calls, and putting the answers together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import attrs

if TYPE_CHECKING:
    from collections.abc import Callable


def call_all(call: Callable[[Any], Any], request: Any, member: str, size: int) -> Any:
    """Return one result for a request whose list may be longer than one call takes.

    Args:
        call: Makes one call.
        request: With the whole list.
        member: Which member is the list.
        size: How many items one call takes.
    """
    items = getattr(request, member)
    if not isinstance(items, tuple) or len(items) <= size:
        return call(request)
    results = [
        call(attrs.evolve(request, **{member: items[start : start + size]}))
        for start in range(0, len(items), size)
    ]
    joined = {
        field.name: tuple(item for result in results for item in getattr(result, field.name))
        for field in attrs.fields(type(results[0]))
        if isinstance(getattr(results[0], field.name), tuple)
    }
    return attrs.evolve(results[-1], **joined)
