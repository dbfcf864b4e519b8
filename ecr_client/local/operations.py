"""Which function answers which operation."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from ecr_client.local.context import Context

#: Takes the checked members of a request (see `validation`) and gives the members of the answer,
#: both under their wire names. Blobs are bytes; datetimes in answers are aware.
Handler = Callable[[Context, dict[str, Any]], dict[str, Any]]

#: Every operation that is implemented; filled by importing `ecr_client.local.api`.
HANDLERS: dict[str, Handler] = {}


def operation(name: str) -> Callable[[Handler], Handler]:
    """Give a decorator that makes a function the handler of the operation `name`."""

    def register(handler: Handler) -> Handler:
        if name in HANDLERS:
            raise ValueError(f"{name} has two handlers")
        HANDLERS[name] = handler
        return handler

    return register
