"""Lingering close: a connection stays open until a refused request has been read to its end."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: How many seconds the rest of a request may take, and how many it may pause.
LONGEST = 30.0
LONGEST_PAUSE = 5.0


class LingeringClose:
    """ASGI middleware for an application that may respond before it has read the request.

    A connection that is closed while bytes arrive is reset, and the reset may overtake the
    response: the client then sees a connection error and no reason for it. So the response is sent
    at once, and the rest of the request is read and dropped before the response ends, and with it
    the connection.

    Args:
        app: The application.
        longest: How many seconds the rest of a request may take.
        longest_pause: How many seconds it may pause.
    """

    def __init__(
        self, app: ASGIApp, *, longest: float = LONGEST, longest_pause: float = LONGEST_PAUSE
    ) -> None:
        self._app = app
        self._longest = longest
        self._longest_pause = longest_pause

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        more_comes, expects_continue = _body_of(scope)

        async def noted() -> Message:
            nonlocal more_comes, expects_continue
            expects_continue = False
            message = await receive()
            more_comes = message.get("more_body", False)
            return message

        async def lingering(message: Message) -> None:
            if more_comes and message["type"] == "http.response.start":
                headers = [*message.get("headers", ()), (b"connection", b"close")]
                message = {**message, "headers": headers}
            elif more_comes and not expects_continue and not message.get("more_body"):
                await send({**message, "more_body": True})
                await self._drain(noted)
                message = {"type": "http.response.body"}
            await send(message)

        await self._app(scope, noted, lingering)

    async def _drain(self, receive: Receive) -> None:
        with suppress(asyncio.TimeoutError):
            await asyncio.wait_for(self._rest(receive), self._longest)

    async def _rest(self, receive: Receive) -> None:
        while (await asyncio.wait_for(receive(), self._longest_pause)).get("more_body"):
            pass


def _body_of(scope: Scope) -> tuple[bool, bool]:
    """Return whether a request has a body, and whether the client waits for 100 Continue."""
    headers = dict(scope["headers"])
    has_body = b"transfer-encoding" in headers or headers.get(b"content-length", b"0") != b"0"
    return has_body, headers.get(b"expect", b"").lower() == b"100-continue"
