"""The host names of the server, and the web pages that may call it.

A browser lets any page send requests to a server on the loopback, and by DNS rebinding a page can
even read the responses. Signatures and passwords keep pages out; a server that checks none has to
look at the headers Host and Origin, which pages cannot choose.
"""

from __future__ import annotations

import ipaddress
import re
from typing import TYPE_CHECKING

from starlette.requests import Request

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from starlette.responses import Response
    from starlette.types import ASGIApp, Receive, Scope, Send

_HOST = re.compile(r"([A-Za-z0-9._-]+|\[[0-9A-Fa-f:.]+\])(?::[0-9]{1,5})?")
_ANY = "*"


class Hosts:
    """The host names of a server besides those of the loopback.

    Args:
        names: Host names and addresses without a port; ``*`` for any.
        check_host: Whether requests to other names are refused.
        trust_forwarded: Whether to trust X-Forwarded-Proto and X-Forwarded-Host.

    Raises:
        ValueError: A name cannot be a host name.
    """

    def __init__(
        self,
        names: Iterable[str] = (),
        *,
        check_host: bool = True,
        trust_forwarded: bool = False,
    ) -> None:
        self._names = {_checked(name) for name in names}
        self._check_host = check_host
        self._trust_forwarded = trust_forwarded

    def base_url(self, request: Request) -> str:
        """Return scheme and host as the client reached them, such as ``http://127.0.0.1:5001``."""
        scheme, host = request.scope["scheme"], request.headers.get("host", "")
        if self._trust_forwarded:
            # The last entry is that of the nearest proxy.
            if _forwarded(request, "proto") in ("http", "https"):
                scheme = _forwarded(request, "proto")
            host = _forwarded(request, "host") or host
        if not _HOST.fullmatch(host):
            address, port = request.scope["server"]
            host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
        return f"{scheme}://{host}"

    def refusal(self, request: Request) -> str | None:
        """Return why a request is refused, or None if it is not.

        A request without these headers does not come from a browser.
        """
        server = str((request.scope.get("server") or ("",))[0])
        hosts = request.headers.getlist("host")
        if self._check_host:
            for host in hosts:
                if not self._is_ours(host, server):
                    return _message("Host", host)
        if self._trust_forwarded and (host := _forwarded(request, "host")):
            hosts.append(host)
        for origin in request.headers.getlist("origin"):
            if not self._is_same(origin, hosts):
                return _message("Origin", origin)
        return None

    def _is_ours(self, host: str, server: str) -> bool:
        """Return whether a host is this machine, the called address, or an allowed name."""
        found = _HOST.fullmatch(host)
        if found is None:
            return False
        name = _normalized(found[1])
        return _ANY in self._names or name in self._names or name == server or _is_loopback(name)

    def _is_same(self, origin: str, hosts: list[str]) -> bool:
        """Return whether a page comes from this server, or from an allowed host."""
        if _ANY in self._names:
            return True
        found = _HOST.fullmatch(origin.partition("://")[2])
        if found is None:
            return False
        if _normalized(found[1]) in self._names:
            return True
        return found[0].lower() in (host.lower() for host in hosts)


class HostCheck:
    """ASGI middleware that refuses requests to other hosts before their bodies are read.

    Args:
        app: The application.
        hosts: The host names of the server.
        refused: Returns the response for a path and a message.
    """

    def __init__(self, app: ASGIApp, hosts: Hosts, refused: Callable[[str, str], Response]) -> None:
        self._app = app
        self._hosts = hosts
        self._refused = refused

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            message = self._hosts.refusal(Request(scope))
            if message is not None:
                await self._refused(scope["path"], message)(scope, receive, send)
                return
        await self._app(scope, receive, send)


def _checked(name: str) -> str:
    bare = f"[{name}]" if ":" in name and not name.startswith("[") else name
    found = _HOST.fullmatch(bare)
    if name != _ANY and (found is None or found[1] != bare):
        raise ValueError(f"host must be a name without a port, or '*', got {name!r}")
    return _normalized(bare)


def _normalized(name: str) -> str:
    return name.strip("[]").rstrip(".").lower()


def _is_loopback(name: str) -> bool:
    if name == "localhost" or name.endswith(".localhost"):
        return True
    try:
        return ipaddress.ip_address(name).is_loopback
    except ValueError:
        return False


def _forwarded(request: Request, what: str) -> str:
    return request.headers.get(f"x-forwarded-{what}", "").rpartition(",")[2].strip().lower()


def _message(header: str, value: str) -> str:
    shown = value if value.isprintable() and len(value) <= 300 else f"{value[:300]!a}"
    return (
        f"The {header} '{shown}' is not one of this server. If it should be, start the server with"
        " --allow-host NAME, or LocalECR(allow_hosts=[...])."
    )
