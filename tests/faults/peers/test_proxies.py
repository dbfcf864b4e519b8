"""Proxies of other kinds than those for HTTP, and proxies that cannot be used."""

from __future__ import annotations

import sys
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import AmazonClientException, InvalidConfigurationException


@pytest.mark.parametrize("kind", ["socks5h", "socks5", "socks4a"])
def test_socks(peer: Any, visitor: Any, kind: str) -> None:
    """A call goes through a SOCKS proxy, and past it there is none."""
    greetings = []

    def serve(visit: Any) -> None:
        greetings.append(visit.socket.recv(1)[0])

    proxy, server = peer(serve), peer(lambda _: None)
    proxies = {"all": f"{kind}://127.0.0.1:{proxy.port}"}
    client = visitor(server, proxies=proxies)
    is_blocking = isinstance(client, ECRClient)
    expected = "no connection" if is_blocking else "AsyncECRClient has none"
    with pytest.raises(AmazonClientException, match=expected):
        client.describe_repositories()

    assert greetings == [int(kind[5])] * 3 * is_blocking
    assert server.connections == 0


def test_socks_without_its_package(peer: Any, visitor: Any, waits: Any, monkeypatch: Any) -> None:
    """Without the package for it, a SOCKS proxy is a wrong setting, not a wrong response."""
    monkeypatch.setattr(
        sys.modules["requests.adapters"], "SOCKSProxyManager", _missing_dependency, raising=True
    )
    client = visitor(peer(lambda _: None), proxies={"all": "socks5://127.0.0.1:1"})

    with pytest.raises(InvalidConfigurationException, match="SOCKS"):
        client.describe_repositories()
    assert waits == []


def _missing_dependency(*_: Any, **__: Any) -> None:
    import requests

    raise requests.exceptions.InvalidSchema("Missing dependencies for SOCKS support.")
