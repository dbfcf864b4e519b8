"""Responses with the content of a blob, or a range of it."""

from __future__ import annotations

import asyncio
import os
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.datastructures import Headers
from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

#: Returns the response that refuses a range, from a status and a message.
Refuse = Callable[[int, str], Response]
_REFUSED = {
    400: "The Range header is malformed.",
    416: "The Range header names no byte that the content has.",
}
#: A range from a first byte, to a last one or to the end.
_RANGE = re.compile(r"bytes=([0-9]{1,18})-([0-9]{1,18})?")
#: How much is read and sent at once.
_PIECE = 1 << 18


class BlobResponse(FileResponse):
    """A file; range errors have the form of the protocol that serves it.

    The whole file, or one range of it, is read in the thread of the event loop: the framework,
    which does the rest, has another thread open, read and close it, and a small layer would take
    several times as long.

    Args:
        path: The file.
        refuse: Returns the response to a range that cannot be satisfied.
        headers: Further headers.
    """

    def __init__(
        self, path: str | os.PathLike[str], *, refuse: Refuse, headers: Mapping[str, str]
    ) -> None:
        found = os.stat(path)
        super().__init__(
            path, headers=headers, media_type="application/octet-stream", stat_result=found
        )
        self._size = found.st_size
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        span = None
        if scope["method"] == "GET" and "if-range" not in headers:
            span = self._span(headers.get("range"))
        if span is None:
            await self._leave_to_framework(scope, receive, send)
            return
        if "range" in headers:
            self.status_code = 206
            self.headers["content-range"] = f"bytes {span[0]}-{span[1] - 1}/{self._size}"
            self.headers["content-length"] = str(span[1] - span[0])
        leaving = asyncio.ensure_future(_disconnected(receive))
        try:
            await self._send_span(*span, leaving, send)
        finally:
            leaving.cancel()

    def _span(self, asked: str | None) -> tuple[int, int] | None:
        """Return the first byte to send and the one after the last, or None for other ranges."""
        if asked is None:
            return 0, self._size
        found = _RANGE.fullmatch(asked)
        if found is None:
            return None
        first, end = int(found[1]), min(int(found[2] or self._size) + 1, self._size)
        return (first, end) if first < end else None

    async def _send_span(
        self, at: int, end: int, leaving: asyncio.Future[None], send: Send
    ) -> None:
        with open(self.path, "rb", buffering=0) as file:
            file.seek(at)
            start = {"type": "http.response.start", "status": self.status_code}
            await send({**start, "headers": self.raw_headers})
            more = True
            while more and not leaving.done():
                piece = file.read(min(_PIECE, end - at))
                at += len(piece)
                more = at < end
                if more and not piece:
                    raise RuntimeError(f"{self.path} is shorter than it was")
                await send({"type": "http.response.body", "body": piece, "more_body": more})
                if more:
                    await asyncio.sleep(0)  # lets other requests run, and notices a disconnect

    async def _leave_to_framework(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal: Response | None = None

        async def checked(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start" and message["status"] in _REFUSED:
                # The framework refuses with plain text.
                refusal = self._refuse(message["status"], _REFUSED[message["status"]])
                sizes = [pair for pair in message["headers"] if pair[0] == b"content-range"]
                refusal.raw_headers.extend(sizes)
            elif refusal is None:
                await send(message)

        await super().__call__(scope, receive, checked)
        if refusal is not None:
            await refusal(scope, receive, send)


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
