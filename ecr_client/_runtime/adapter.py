"""The adapter by which ``requests`` sends: a pool of connections for each URL, found once."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter

if TYPE_CHECKING:
    from collections.abc import Mapping

    from requests import PreparedRequest


class PoolAdapter(HTTPAdapter):
    """Remembers the pool and the target of each URL, which ``requests`` works out every time.

    That is right as long as proxies and certificates of a URL never change, which is so in one
    transport. ``send`` stays as it is: tracing tools, ``responses`` and moto replace it.

    Args:
        size: How many connections a pool keeps.
    """

    def __init__(self, size: int) -> None:
        super().__init__(pool_maxsize=size, max_retries=0)
        self._pools: dict[str, Any] = {}
        self._targets: dict[str, str] = {}

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
            pool = super().get_connection_with_tls_context(request, verify, proxies, cert)
            self._pools[url] = pool
        return pool

    def request_url(self, request: PreparedRequest, proxies: Mapping[str, str] | None) -> str:
        url = str(request.url)
        target = self._targets.get(url)
        if target is None:
            target = self._targets[url] = super().request_url(request, proxies)
        return target

    def close(self) -> None:
        self._pools.clear()
        super().close()
