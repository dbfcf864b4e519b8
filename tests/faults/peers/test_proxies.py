"""Proxies other than HTTP proxies, and proxies that cannot be used."""

from __future__ import annotations

import ssl
import sys
from typing import Any

import pytest
import trustme

from ecr_client import ECRClient
from ecr_client.exceptions import (
    AmazonClientException,
    InvalidConfigurationException,
    ProxyConnectionException,
)


@pytest.mark.parametrize("kind", ["socks5h", "socks5", "socks4a"])
def test_socks(peer: Any, visitor: Any, kind: str) -> None:
    """A call goes through a SOCKS proxy, and never around it."""
    greetings = []

    def serve(visit: Any) -> None:
        greetings.append(visit.socket.recv(1)[0])

    proxy, server = peer(serve), peer(lambda _: None)
    proxies = {"all": f"{kind}://127.0.0.1:{proxy.port}"}
    client = visitor(server, proxies=proxies)
    is_blocking = isinstance(client, ECRClient)
    expected = "no connection" if is_blocking else "AsyncECRClient supports none"
    with pytest.raises(AmazonClientException, match=expected):
        client.describe_repositories()

    assert greetings == [int(kind[5])] * 3 * is_blocking
    assert server.connections == 0


def test_socks_without_its_package(peer: Any, visitor: Any, waits: Any, monkeypatch: Any) -> None:
    """Without its package, a SOCKS proxy is an InvalidConfigurationException, and not retried."""
    monkeypatch.setattr(
        sys.modules["requests.adapters"], "SOCKSProxyManager", _missing_dependency, raising=True
    )
    client = visitor(peer(lambda _: None), proxies={"all": "socks5://127.0.0.1:1"})

    with pytest.raises(InvalidConfigurationException, match="SOCKS"):
        client.describe_repositories()
    assert waits == []


def test_no_scheme(peer: Any, visitor: Any) -> None:
    """A proxy without a scheme is an HTTP proxy."""
    proxy = peer(lambda visit: (visit.request(), visit.respond(b'{"repositories": []}')))
    client = visitor(peer(lambda _: None), proxies={"http": f"127.0.0.1:{proxy.port}"})

    assert client.describe_repositories().repositories == ()
    assert proxy.connections == 1


def test_a_proxy_that_is_not_trusted(peer: Any, visitor: Any) -> None:
    """The certificate of a proxy is not mistaken for that of the service."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    proxy = peer(lambda _: None, tls=context)
    client = visitor(peer(lambda _: None), proxies={"all": f"https://127.0.0.1:{proxy.port}"})

    with pytest.raises(
        ProxyConnectionException, match=r"through the proxy: .*certificate"
    ) as caught:
        client.describe_repositories()
    assert not caught.value.request_sent


def _missing_dependency(*_: Any, **__: Any) -> None:
    import requests

    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
