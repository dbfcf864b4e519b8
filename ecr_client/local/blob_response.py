"""Responses with the content of a blob, or a range of it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING

from starlette.responses import FileResponse, Response

if TYPE_CHECKING:
    from starlette.types import Message, Receive, Scope, Send

#: Returns the response that refuses a range, from a status and a message.
Refuse = Callable[[int, str], Response]
_REFUSED = {
    400: "The Range header is malformed.",
    416: "The Range header asks for nothing that the content has.",
}


class BlobResponse(FileResponse):
    """A file, with errors about ranges in the form of the protocol at hand.

    Args:
        path: The file.
        refuse: Returns the response to a range that cannot be satisfied.
        headers: Further headers.
    """

    # The framework's pieces are meant for small files.
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
                # The framework refuses with plain text.
                refusal = self._refuse(message["status"], _REFUSED[message["status"]])
                sizes = [pair for pair in message["headers"] if pair[0] == b"content-range"]
                refusal.raw_headers.extend(sizes)
            elif refusal is None:
                await send(message)

        await super().__call__(scope, receive, checked)
        if refusal is not None:
            await refusal(scope, receive, send)
