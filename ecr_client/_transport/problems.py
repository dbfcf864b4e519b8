"""The exceptions of failed exchanges, with the same error messages for all HTTP libraries.

No error message contains headers or content.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client._exceptions import (
    ConnectionClosedException,
    ConnectTimeoutException,
    EndpointConnectionException,
    InvalidConfigurationException,
    NameResolutionException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TransportException,
)

if TYPE_CHECKING:
    from ecr_client.config import ClientConfiguration

#: The remedy for certificate files that do not exist.
_FILES = (
    "; check verify, client_cert, AWS_CA_BUNDLE; under a fake file system or in a chroot, make the "
    "real file readable"
)


def is_of_system(error: BaseException) -> bool:
    """Return whether an error is one of the operating system, with a number and a message."""
    return isinstance(error, OSError) and isinstance(error.errno, int) and bool(error.strerror)


def connect_timed_out(url: str, config: ClientConfiguration) -> ConnectTimeoutException:
    """Return the exception for a connection that was not established in time."""
    return ConnectTimeoutException(
        f"could not connect to {url} within {config.connect_timeout:g} s (connect_timeout)"
    )


def proxy_failed(url: str, reason: str) -> ProxyConnectionException:
    """Return the exception for a proxy that cannot be reached, or refuses to connect."""
    return ProxyConnectionException(
        f"could not reach {url} through the proxy: {reason}; check proxies, HTTPS_PROXY, NO_PROXY"
    )


def tls_failed(
    url: str, reason: str, verify: bool | str, config: ClientConfiguration
) -> TLSException:
    """Return the exception for a TLS handshake that failed."""
    import certifi

    bundle = certifi.where() if isinstance(verify, bool) else verify
    return TLSException(
        f"no trusted TLS connection to {url}: {reason}; check verify ({bundle}), "
        f"client_cert ({config.client_cert})"
    )


def not_resolved(url: str, reason: str) -> NameResolutionException:
    """Return the exception for a host name without an address."""
    return NameResolutionException(
        f"the host of {url} has no address: {reason}; check endpoint, region, DNS"
    )


def not_connected(url: str, reason: str) -> EndpointConnectionException:
    """Return the exception for a connection that was refused."""
    return EndpointConnectionException(f"no connection to {url}: {reason}")


def not_read_in_time(url: str, config: ClientConfiguration) -> ReadTimeoutException:
    """Return the exception for a response whose next bytes did not arrive in time."""
    return ReadTimeoutException(
        f"{url} did not respond within {config.read_timeout:g} s (read_timeout)"
    )


def not_accepted_in_time(url: str, config: ClientConfiguration) -> ReadTimeoutException:
    """Return the exception for a request that the peer did not accept in time."""
    return ReadTimeoutException(
        f"{url} did not accept the request within {config.connect_timeout:g} s (connect_timeout)"
    )


def closed(peer: str, reason: str) -> ConnectionClosedException:
    """Return the exception for an established connection that broke."""
    return ConnectionClosedException(
        f"{peer} closed the connection before the response was complete{reason and ': '}{reason}"
    )


def malformed(url: str, problem: str) -> TransportException:
    """Return the exception for a response that is not HTTP."""
    return TransportException(f"the response of {url} is malformed: {problem}")


def unusable_proxy(purpose: str, remedy: str) -> InvalidConfigurationException:
    """Return the exception for a proxy of a kind that is not supported."""
    return InvalidConfigurationException(
        f"{purpose}: the proxy cannot be used; check proxies, HTTPS_PROXY, ALL_PROXY, and {remedy}"
    )


def unusable_file(purpose: str, error: OSError) -> InvalidConfigurationException:
    """Return the exception for a file of certificates that cannot be read."""
    return InvalidConfigurationException(f"{purpose}: {error}{'' if error.errno else _FILES}")


def unusable_files(
    purpose: str, verify: bool | str, cert: str | tuple[str, str] | None, error: OSError
) -> InvalidConfigurationException:
    """Return the exception for files of certificates that cannot be loaded."""
    return InvalidConfigurationException(
        f"{purpose}: the certificate files (verify: {verify}, client_cert: {cert}) cannot be "
        f"loaded: {error}{_FILES}"
    )
