"""Responses that are files, or ranges of them."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

#: Makes the response that refuses a range, of a status and a message.
Refuse = Callable[[int, str], Response]
_REFUSED = {
    400: "The Range header is malformed.",
    416: "The Range header asks for nothing that the content has.",
}


class BlobResponse(FileResponse):
    """A file that may be large, and errors of ranges in the form of the protocol in question.

    Args:
        path: The file.
        refuse: Makes the response to a range that cannot be had.
        headers: Further headers.
    """

    # Larger pieces than the framework would read, whose size is meant for small files.
    chunk_size = 1 << 20

    def __init__(
        self, path: str | os.PathLike[str], *, refuse: Refuse, headers: Mapping[str, str]
    ) -> None:
        super().__init__(
            path,
            headers=headers,
            media_type="application/octet-stream",
            stat_result=os.stat(path),
        )
        self._refuse = refuse

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refusal: Response | None = None

        async def checked(message: Message) -> None:
            nonlocal refusal
            if message["type"] == "http.response.start" and message["status"] in _REFUSED:
                # The framework refuses with a plain text.
                refusal = self._refuse(message["status"], _REFUSED[message["status"]])
                sizes = [pair for pair in message["headers"] if pair[0] == b"content-range"]
                refusal.raw_headers.extend(sizes)
            elif refusal is None:
                await send(message)

        await super().__call__(scope, receive, checked)
        if refusal is not None:
            await refusal(scope, receive, send)
