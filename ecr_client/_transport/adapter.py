"""Where stock ``requests`` is configured: TCP keep-alive, idle connections, remembered pools."""

from __future__ import annotations

import os
import socket
import ssl
import threading
import time
import weakref
from collections import deque
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import DEFAULT_CA_BUNDLE_PATH, select_proxy
from urllib3.connection import HTTPConnection
from urllib3.util.ssl_ import create_urllib3_context

from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._transport.requests_transport import origin_of

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest, Response

#: Probes begin after a minute of silence, and ten that fail end the connection: a peer that is gone
#: is noticed, and NAT gateways, which forget a silent connection after 350 s, remember it.
_KEEP_ALIVE = (("TCP_KEEPIDLE", 60), ("TCP_KEEPINTVL", 15), ("TCP_KEEPCNT", 10))


def socket_options() -> list[tuple[int, int, int | bytes]]:
    """Return urllib3's options for sockets, and TCP keep-alive as far as the system has it."""
    defaults: Any = HTTPConnection.default_socket_options
    return [
        *defaults,
        (socket.SOL_SOCKET, socket.SO_KEEPALIVE, 1),
        *(
            (socket.IPPROTO_TCP, getattr(socket, name), value)
            for name, value in _KEEP_ALIVE
            if hasattr(socket, name)
        ),
    ]


def proxy_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """Return the context of TLS connections to a proxy.

    Args:
        verify: ``True``, ``False``, or the path of a CA bundle or of a directory of certificates.
        cert: The client's certificate, as the ``cert`` of ``requests``.

    Raises:
        InvalidConfigurationException: One of the files cannot be used.
    """
    context = create_urllib3_context()
    try:
        if verify is False:
            context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
        else:
            bundle = DEFAULT_CA_BUNDLE_PATH if verify is True else verify
            is_directory = os.path.isdir(bundle)
            context.load_verify_locations(**{"capath" if is_directory else "cafile": bundle})
        if cert is not None:
            certificate, key = (cert, None) if isinstance(cert, str) else cert
            # Without a password of ours, OpenSSL would ask on the terminal for that of a key.
            context.load_cert_chain(certificate, key, password="")
    except OSError as error:
        raise InvalidConfigurationException(
            f"the files for the proxy (CA bundle: {verify}, client certificate: {cert}) cannot be "
            f"used: {error}; see proxies_config"
        ) from error
    return context


class IdleConnections(LifoQueue):  # type: ignore[type-arg]
    """The queue of a urllib3 pool that hands out only connections that are fit for use.

    The newest comes first. One that was idle for too long, that has bytes left which nobody asked
    for, or that is one too many is closed. It is a queue because tools look for one in a pool, but
    takes none of a queue's locks, so a forked process can use it whatever the threads of its
    parent were doing.

    Args:
        size: The most that are kept.
        longest: The most seconds that one may have been idle.
        monotonic: Returns seconds that never go back.
    """

    def __init__(
        self, size: int, longest: float, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        super().__init__(size)
        self._longest = longest
        self._monotonic = monotonic
        self._idle: deque[tuple[Any, float]] = deque()

    def get(self, block: bool = True, timeout: float | None = None) -> Any:
        """Return an idle connection.

        Raises:
            queue.Empty: There is none; the pool then makes one.
        """
        while True:
            try:
                connection, since = self._idle.pop()
            except IndexError:
                raise Empty from None
            if self._monotonic() - since <= self._longest and _is_clean(connection):
                return connection
            connection.close()

    def put(self, item: Any, block: bool = True, timeout: float | None = None) -> None:
        """Keep a connection for the next call, unless it is closed or one too many."""
        now = self._monotonic()
        # The oldest stand at the beginning; they would wait there for calls that never come.
        while self._idle and now - self._idle[0][1] > self._longest:
            self._drop_oldest()
        if item is None or item.sock is None:
            return
        self._idle.append((item, now))
        if len(self._idle) > self.maxsize:
            self._drop_oldest()

    def empty(self) -> bool:
        """Return whether there is none."""
        return not self._idle

    def qsize(self) -> int:
        """Return how many there are."""
        return len(self._idle)

    def close(self) -> None:
        """Close all."""
        while self._idle:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        try:
            connection, _ = self._idle.popleft()
        except IndexError:  # another thread was faster
            return
        connection.close()


def _is_clean(connection: Any) -> bool:
    """Return whether nothing of an earlier response is left.

    urllib3 looks at the socket itself before it uses it again, but not into the buffers of TLS.
    """
    sock = connection.sock
    if sock is None:
        return False
    if hasattr(sock, "pending"):
        return bool(sock.pending() == 0)
    if hasattr(sock, "sslobj"):  # TLS within TLS, through a proxy that speaks it, too
        return not (sock.sslobj.pending() or sock.incoming.pending or sock.socket.pending())
    return True


class Session(requests.Session):
    """Takes every response as it is: follows no redirect, keeps no cookie."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: Response) -> None:
        # Even with ``allow_redirects=False``, requests prepares the request that would be next.
        return None


class Adapter(HTTPAdapter):
    """Remembers the pool of each origin and the target of each URL, as both never change.

    ``requests`` works them out for every call. ``send`` and the classes of pools and connections
    are those of ``requests`` and urllib3, since tools replace them.

    Args:
        size: How many idle connections are kept for each origin.
        longest: The most seconds that a connection may be idle.
        proxy_options: What urllib3 is told about proxies that speak TLS.
    """

    def __init__(
        self, size: int, longest: float, proxy_options: Mapping[str, Any] | None = None
    ) -> None:
        self._proxy_options = proxy_options or {}
        self._size = size
        self._longest = longest
        self._lock = threading.Lock()
        self._pools: dict[str, Any] = {}
        self._targets: dict[str, str] = {}
        super().__init__(pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs, socket_options=socket_options())

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        if proxy.lower().startswith("https:"):
            kwargs |= self._proxy_options
        return super().proxy_manager_for(proxy, **kwargs, socket_options=socket_options())

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # By the scheme of the URL, the certificate of a proxy for plain URLs would not be checked.
        super().cert_verify(conn, f"{conn.scheme}:", verify, cert)  # type: ignore[no-untyped-call]

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> Any:
        origin = origin_of(str(request.url))
        pool = self._pools.get(origin)
        # The managers of urllib3 close the pools of which they have too many.
        if pool is None or pool.pool is None:
            with self._lock:
                # Its declared type, the base of all pools, lacks what all pools have.
                found: Any = super().get_connection_with_tls_context(request, verify, proxies, cert)
                pool = found
                if not isinstance(pool.pool, IdleConnections):
                    pool.pool = idle = IdleConnections(self._size, self._longest)
                    weakref.finalize(pool, idle.close)
                self._pools[origin] = pool
        return pool

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        url = str(request.url)
        target = self._targets.get(url)
        if target is None:
            target = super().request_url(request, proxies)
            if self._proxy_options.get("use_forwarding_for_https"):
                proxy = select_proxy(url, proxies) or ""
                target = url if proxy.lower().startswith("https:") else target
            if "?" not in url:  # of which there may be any number
                self._targets[url] = target
        return target

    def close(self) -> None:
        super().close()
        # The managers leave it to garbage collection, and exceptions may refer to a pool.
        while self._pools:
            self._pools.popitem()[1].close()
