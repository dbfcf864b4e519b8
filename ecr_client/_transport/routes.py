"""Proxies and certificates by origin, from the configuration and the environment."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple
from urllib.request import getproxies

from ecr_client._common.display import redact_url
from ecr_client._common.redact import keeps_arguments_secret
from ecr_client._engine.http import origin_of
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client.config import Proxies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client._settings import Settings
    from ecr_client.config import ClientConfiguration

PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")


class Route(NamedTuple):
    """The proxies and certificates for one origin.

    Attributes:
        proxies: The proxies by scheme.
        verify: How to verify the certificate of the peer, which is the origin or an HTTPS proxy.
        cert: The client's certificate for the peer.
    """

    proxies: Proxies
    verify: bool | str
    cert: str | tuple[str, str] | None


class Routes:
    """The routes of a client, each determined at its first use.

    Args:
        config: Proxies and certificates.
        settings: The settings of the environment and the profile, for the CA bundle.
    """

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._found: dict[str, Route] = {}

    def _verify(self) -> bool | str:
        if self._config.verify is not None:
            return self._config.verify
        return self._settings.ca_bundle or True

    def of(self, url: str) -> Route:
        """Return the route of a URL.

        Raises:
            InvalidConfigurationException: The proxy is invalid.
        """
        origin = origin_of(url)  # not the URL: those of layers are all different
        found = self._found.get(origin)
        if found is None:
            config, settings = self._config, self._config.proxies_config or {}
            given, is_plain = config.proxies, origin.startswith("http:")
            proxies = Proxies(_environment_proxies(origin) if given is None else given)
            has_tls_proxy = check_proxy(origin, proxies) == "https"
            if has_tls_proxy and (is_plain or settings.get("proxy_use_forwarding_for_https")):
                # TLS ends at the proxy.
                found = Route(proxies, self.verify_proxy(), settings.get("proxy_client_cert"))
            else:
                # Without TLS, the CA bundle need not exist.
                found = Route(proxies, is_plain or self._verify(), config.client_cert)
            self._found[origin] = found
        return found

    def verify_proxy(self) -> bool | str:
        """Return how to verify the certificate of an HTTPS proxy."""
        verify = self._config.verify
        given = (self._config.proxies_config or {}).get("proxy_ca_bundle")
        return verify is not False and (given or self._verify())


def _environment_proxies(url: str) -> Mapping[str, str]:
    """Return the proxies of the environment for a URL, as requests does."""
    if not getproxies().keys() - {"no"}:
        return {}  # The asynchronous client need not load requests then.
    from requests.utils import get_environ_proxies

    return get_environ_proxies(url)


@keeps_arguments_secret
def check_proxy(url: str, proxies: Mapping[str, str]) -> str:
    """Return the scheme of the proxy for a URL, or "" if there is none.

    Raises:
        InvalidConfigurationException: The proxy is invalid, for which requests and urllib3 raise
            various errors.
    """
    if not proxies:
        return ""
    from requests.utils import prepend_scheme_if_needed, select_proxy
    from urllib3.util import parse_url

    proxy = select_proxy(url, proxies)
    if not proxy:
        return ""
    try:
        whole = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        parsed = parse_url(whole)
        scheme = parsed.scheme if parsed.host else None
    except (TypeError, ValueError):
        scheme = None
    if scheme not in PROXY_SCHEMES:
        raise InvalidConfigurationException(
            f"the proxy {redact_url(proxy)!r} for {url} must be a URL like 'http://proxy:8080'; "
            "check proxies, HTTPS_PROXY, NO_PROXY"
        )
    return scheme
