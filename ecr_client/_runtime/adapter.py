"""What differs from plain ``requests``: no redirects, no cookies, pools that are found once."""

from __future__ import annotations

from http.cookiejar import DefaultCookiePolicy
from typing import TYPE_CHECKING, Any

import requests
from requests.adapters import HTTPAdapter

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
