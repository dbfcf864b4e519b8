"""What differs from plain ``requests``: no redirects, no cookies, remembered pools."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

from ecr_client._runtime.connections import POOLS
from ecr_client._runtime.forks import Lock

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest, Response


class PlainSession(requests.Session):
    """Takes every answer as it is: what a service says is never followed, and never sent back."""

    def __init__(self) -> None:
        super().__init__()
        self.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))

    def get_redirect_target(self, resp: Response) -> None:
        # Even with ``allow_redirects=False``, requests prepares the request that would be next.
        return None


class PoolAdapter(HTTPAdapter):
    """Remembers the pool and the target of each URL, which ``requests`` works out every time.

    That is right as long as proxies and certificates of a URL never change, which is so in one
    transport. ``send`` stays as it is: tracing tools, ``responses`` and moto replace it.

    Args:
        size: How many connections a pool keeps.
    """

    def __init__(self, size: int) -> None:
        self._size = size
        self._lock = Lock()
        self._pools: dict[str, Any] = {}
        self._targets: dict[str, str] = {}
        super().__init__(pool_maxsize=size, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        manager = super().proxy_manager_for(proxy, **kwargs)
        # Connections through SOCKS are of a kind of their own; without it, they would be direct.
        if not proxy.lower().startswith("socks"):
            manager.pool_classes_by_scheme = POOLS
        return manager

    def get_connection_with_tls_context(
        self,
        request: PreparedRequest,
        verify: bool | str | None,
        proxies: Mapping[str, str] | None = None,
        cert: str | tuple[str, str] | None = None,
    ) -> Any:
        url = str(request.url)
        pool = self._pools.get(url)
        if pool is None:
            with self._lock:  # or `reconnect` would miss a pool that is made in the same moment
                pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
                self._pools[url] = pool
        return pool

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        url = str(request.url)
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = super().request_url(request, proxies)
        return target

    def reconnect(self) -> None:
        """Let what is sent from now on use new connections, with names resolved anew.

        The idle ones are closed. Calls that are under way keep theirs, and close them at the end.
        """
        with self._lock:
            self.proxy_manager: dict[str, Any] = {}
            self.init_poolmanager(self._size, self._size)
            self._close_pools()

    def abandon(self) -> None:
        """Close the idle connections of a process that was forked, without taking their locks.

        The parent goes on using them: closing says nothing to the other side.
        """
        for pool in self._pools.values():
            queue = getattr(pool.pool, "queue", ())
            for connection in [each for each in queue if each is not None]:
                connection.close()

    def close(self) -> None:
        with self._lock:
            super().close()
            self._close_pools()

    def _close_pools(self) -> None:
        pools, self._pools = self._pools, {}
        for pool in pools.values():
            # The managers leave it to garbage collection, and exceptions may refer to a pool.
            pool.close()
