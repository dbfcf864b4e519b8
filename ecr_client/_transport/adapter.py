"""The configuration of stock ``requests``: TCP keep-alive, idle connections, cached pools."""

from __future__ import annotations

import threading
import time
import weakref
from collections import deque
from http.cookiejar import DefaultCookiePolicy
from queue import Empty, LifoQueue
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter
from requests.utils import select_proxy
from urllib3.connection import HTTPConnection

from ecr_client._engine.http import origin_of
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._transport.keep_alive import keep_alive_options
from ecr_client._transport.tls import tls_context

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Mapping

    from requests import PreparedRequest, Response


def socket_options() -> list[tuple[int, int, int | bytes]]:
    """Return urllib3's socket options, and those of TCP keep-alive."""
    defaults: Any = HTTPConnection.default_socket_options
    return [*defaults, *keep_alive_options()]


def proxy_context(verify: bool | str, cert: str | tuple[str, str] | None) -> ssl.SSLContext:
    """Return the SSL context of connections to a proxy.

    Args:
        verify: ``True``, ``False``, or the path of a CA bundle or of a directory of certificates.
        cert: The client's certificate, like the ``cert`` of ``requests``.

    Raises:
        InvalidConfigurationException: One of the files cannot be used.
    """
    try:
        return tls_context(verify, cert)
    except OSError as error:
        raise InvalidConfigurationException(
            f"the files for the proxy (CA bundle: {verify}, client certificate: {cert}) cannot be "
            f"loaded: {error}; correct proxies_config"
        ) from error


class IdleConnections(LifoQueue):  # type: ignore[type-arg]
    """The queue of a urllib3 pool, which returns only usable connections.

    The newest comes first. Connections that were idle for too long, that have unread bytes, or
    that exceed the size are closed. It is a queue because tools expect one in a pool, but acquires
    none of a queue's locks, so that a forked process can use it whatever the threads of its parent
    were doing.

    Args:
        size: The maximum number of idle connections.
        longest: How many seconds a connection may have been idle.
        monotonic: A monotonic clock in seconds.
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
            queue.Empty: There is no idle connection; the pool then creates a new one.
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
        """Keep a connection that is not closed, and drop the oldest if there are too many."""
        now = self._monotonic()
        # The oldest come first; without new calls, they would stay open forever.
        while self._idle and now - self._idle[0][1] > self._longest:
            self._drop_oldest()
        if item is None or item.sock is None:
            return
        self._idle.append((item, now))
        if len(self._idle) > self.maxsize:
            self._drop_oldest()

    def empty(self) -> bool:
        """Return whether there are no idle connections."""
        return not self._idle

    def qsize(self) -> int:
        """Return the number of idle connections."""
        return len(self._idle)

    def close(self) -> None:
        """Close all idle connections."""
        while self._idle:
            self._drop_oldest()

    def _drop_oldest(self) -> None:
        try:
            connection, _ = self._idle.popleft()
        except IndexError:  # another thread has removed it
            return
        connection.close()


def _is_clean(connection: Any) -> bool:
    """Return whether no bytes of an earlier response are left.

    urllib3 checks the socket itself before it is used again, but not the buffers of TLS.
    """
    sock = connection.sock
    if sock is None:
        return False
    if hasattr(sock, "pending"):
        return bool(sock.pending() == 0)
    if hasattr(sock, "sslobj"):  # TLS within TLS, through an HTTPS proxy
        return not (sock.sslobj.pending() or sock.incoming.pending or sock.socket.pending())
    return True


class Session(requests.Session):
    """A session that follows no redirects and keeps no cookies."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: Response) -> None:
        # Even with ``allow_redirects=False``, requests would prepare the next request.
        return None


class Adapter(HTTPAdapter):
    """An adapter that caches the pool of each origin and the target of each URL.

    ``requests`` determines them anew for every call. ``send`` and the classes of pools and
    connections stay those of ``requests`` and urllib3, since tools replace them.

    Args:
        size: The maximum number of idle connections for each origin.
        longest: How many seconds a connection may be idle.
        proxy_options: urllib3's options for HTTPS proxies.
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
        # The scheme of the URL would skip the certificate of an HTTPS proxy for http URLs.
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
        # The pool managers of urllib3 close pools that exceed their limit.
        if pool is None or pool.pool is None:
            with self._lock:
                # Any, because the declared type lacks the attribute ``pool``.
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
            if "?" not in url:  # presigned URLs are all different
                self._targets[url] = target
        return target

    def close(self) -> None:
        super().close()
        # The pool managers leave it to garbage collection, which exceptions may delay.
        while self._pools:
            self._pools.popitem()[1].close()
