"""TCP keep-alive: the options of the sockets of all connections."""

from __future__ import annotations

import socket

#: Probes start after a minute of silence, and ten failures close the connection, so that dead peers
#: are noticed and NAT gateways, which drop silent connections after 350 s, keep them.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 10))


def keep_alive_options() -> list[tuple[int, int, int]]:
    """Return the options that the system supports, as the arguments of ``socket.setsockopt``."""
    return [
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *(
            (socket.IPPROTO_TCP, getattr(socket, name), value)
            for name, value in _KEEP_ALIVE
            if hasattr(socket, name)
        ),
    ]
