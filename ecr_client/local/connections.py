"""The open connections of a server."""

from __future__ import annotations

import asyncio
import socket
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

if TYPE_CHECKING:
    from collections.abc import Sequence

#: How many seconds a server that ends waits for its clients to close connections with TLS.
_LAST_MOMENT = 0.1


class Connections:
    """Which connection belongs to which client address, to close one without an answer.

    An ASGI application cannot do that by itself.
    """

    def __init__(self) -> None:
        self._transports: dict[tuple[str, int], asyncio.WriteTransport] = {}

    def close(self, client: Sequence[Any], last_words: bytes = b"") -> None:
        """Write some bytes, the answer's or not, and close the connection of a client.

        Args:
            client: The address of the client, as its requests' scope has it.
            last_words: Bytes to write before.
        """
        transport = self._transports.get((client[0], client[1]))
        if transport is not None:
            transport.write(last_words)
            transport.close()

    def protocol(self) -> type[asyncio.Protocol]:
        """Give the server's protocol, extended to register its connections here."""
        transports = self._transports

        class Registered(HttpToolsProtocol):
            """A connection that is known as long as it is open, and ends with the server."""

            _stopping = False

            def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
                # asyncio only does so itself if the socket was made with the protocol's number. The
                # body of an answer would wait for the client to confirm the headers: 40 ms a call.
                opened = transport.get_extra_info("socket")
                opened.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                self._address = transport.get_extra_info("peername")[:2]
                self._is_tls = transport.get_extra_info("sslcontext") is not None
                transports[self._address] = transport
                super().connection_made(transport)

            def shutdown(self) -> None:
                super().shutdown()
                self._stopping = True
                self._hurry()

            def on_response_complete(self) -> None:
                super().on_response_complete()
                self._hurry()

            def _hurry(self) -> None:
                # With TLS, a closed connection waits for the client to close it, too, which clients
                # that keep it for a next call do not before they look at it.
                if self._stopping and self._is_tls and self.transport.is_closing():
                    self.loop.call_later(_LAST_MOMENT, self.transport.abort)

            def connection_lost(self, exc: Exception | None) -> None:
                transports.pop(self._address, None)
                super().connection_lost(exc)

        return Registered
