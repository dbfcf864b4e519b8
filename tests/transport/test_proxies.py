"""Proxies: which one is used, what it sees, and how its failures are reported."""

from __future__ import annotations

import ssl
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trustme

from ecr_client.exceptions import (
    ConnectionClosedException,
    InvalidConfigurationException,
    ProxyConnectionException,
    TLSException,
    TransportException,
)
from ecr_client.transport import Deadline, HTTPRequest

AUTHORIZATION = f"Basic {b64encode(b'user:password').decode()}"
PATIENCE = 20


def with_user(url: str) -> str:
    return url.replace("://", "://user:password@")


def test_plain_requests(peer: Any, connect: Any) -> None:
    """A proxy receives requests for plain URLs as they are, with the whole URL and its password."""
    proxy, url = peer(), "http://ecr.example/a?b=c"
    transport = connect(proxies={"http": with_user(proxy.url)})
    for _ in range(2):
        transport.read(url)
    received = proxy.requests[0]

    assert (received.method, received.path) == ("GET", url)
    assert received.headers["host"] == "ecr.example"
    assert received.headers["proxy-authorization"] == AUTHORIZATION
    assert len(proxy.visits) == 1


def test_tunnels(peer: Any, connect: Any, proxy: Any) -> None:
    """Of requests for https URLs, a proxy sees only the host; its password goes no further."""
    server = peer(tls=True)
    transport = connect(proxies={"https": with_user(proxy.url)})
    request = HTTPRequest("POST", f"{server.url}secret", {"Authorization": "s"}, b"s", "Test")
    transport.send(request, Deadline(None)).read(100, Deadline(None))
    (tunnel,) = proxy.requests
    (received,) = server.requests

    assert (tunnel.method, tunnel.path) == ("CONNECT", f"127.0.0.1:{server.port}")
    assert tunnel.headers["proxy-authorization"] == AUTHORIZATION
    assert "authorization" not in tunnel.headers
    assert (received.path, received.body) == ("/secret", b"s")
    assert "proxy-authorization" not in received.headers


def test_tls_to_the_proxy(peer: Any, connect: Any, tls_proxy: Any) -> None:
    """A proxy may speak TLS itself, even around the TLS of the server."""
    server, proxy = peer(tls=True), tls_proxy()
    response = connect(proxies={"https": proxy.url}).read(server.url)

    assert response.body == b"{}"
    assert len(proxy.requests) == len(server.requests) == 1


@pytest.fixture
def own(tmp_path: Path) -> tuple[Any, str, str]:
    """Return the context of another authority, its bundle, and a client certificate."""
    authority, context = trustme.CA(), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(context)
    authority.configure_trust(context)
    bundle, client = tmp_path / "proxies.pem", tmp_path / "client.pem"
    authority.cert_pem.write_to_path(bundle)
    authority.issue_cert("a@b.example").private_key_and_cert_chain_pem.write_to_path(client)
    return context, str(bundle), str(client)


@pytest.fixture(params=["tunnel", "forwarding", "plain"])
def use(request: Any, peer: Any, tls_proxy: Any, own: Any) -> Callable[..., Any]:
    """Return a function that starts a proxy and returns it, a URL for it, and the options."""
    tunnels = request.param == "tunnel"

    def start(**config: Any) -> tuple[Any, str, dict[str, Any]]:
        proxy = tls_proxy(own[0]) if tunnels else peer(tls=own[0])
        scheme = "http" if request.param == "plain" else "https"
        url = peer(tls=True).url if tunnels else f"{scheme}://ecr.example/a?b=c"
        config["proxy_use_forwarding_for_https"] = request.param == "forwarding"
        return proxy, url, {"proxies": {scheme: with_user(proxy.url)}, "proxies_config": config}

    return start


def test_a_bundle_for_the_proxy(use: Any, connect: Any, own: Any) -> None:
    """The certificate of a proxy is verified with the bundle for proxies, if there is one."""
    proxy, url, options = use(proxy_ca_bundle=own[1])
    connect(**options).read(url, "POST", b"body")
    (received,) = proxy.requests

    assert received.headers["proxy-authorization"] == AUTHORIZATION
    assert received.method == "CONNECT" or (received.path, received.body) == (url, b"body")

    proxy, url, options = use()
    with pytest.raises((ProxyConnectionException, TLSException)):
        connect(**options).read(url)
    assert proxy.requests == []


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
def test_a_certificate_for_the_proxy(use: Any, connect: Any, own: Any) -> None:
    """A proxy that requires a client certificate receives the one for proxies."""
    own[0].verify_mode = ssl.CERT_REQUIRED
    _, url, options = use(proxy_client_cert=own[2])

    assert connect(**options, verify=False).read(url).status == 200

    proxy, url, options = use(proxy_ca_bundle=own[1])
    with pytest.raises(TransportException):
        connect(**options).read(url)
    assert proxy.requests == []


@pytest.mark.parametrize("member", ["proxy_ca_bundle", "proxy_client_cert"])
def test_malformed_files(connect: Any, tmp_path: Path, member: str) -> None:
    """An unusable file for proxies is an InvalidConfigurationException."""
    path = tmp_path / "nonsense.pem"
    path.write_text("nonsense")

    with pytest.raises(InvalidConfigurationException, match=r"nonsense\.pem.*proxies_config"):
        connect(proxies_config={member: str(path)}).read("https://ecr.example/")


ECR, NOBODY = "http://ecr.example", "http://127.0.0.1:1"


@pytest.mark.parametrize(
    ("environ", "proxies"),
    [
        ({}, {"http": "{}"}),
        ({}, {"all": "{}"}),
        ({}, {"http": NOBODY, ECR: "{}"}),
        ({"HTTP_PROXY": "{}"}, None),
        ({"http_proxy": "{}"}, None),
        ({"ALL_PROXY": "{}", "NO_PROXY": "other.example"}, None),
        ({"HTTP_PROXY": NOBODY, "NO_PROXY": "*"}, {"http": "{}"}),
    ],
)
def test_used(peer: Any, connect: Any, monkeypatch: Any, environ: Any, proxies: Any) -> None:
    """The proxy is that of the configuration, else that of the environment."""
    proxy = peer()
    for name, value in environ.items():
        monkeypatch.setenv(name, value.format(proxy.url))
    if proxies is not None:
        proxies = {name: value.format(proxy.url) for name, value in proxies.items()}
    response = connect(proxies=proxies).read(f"{ECR}/")

    assert response.body == b"{}"
    assert [each.path for each in proxy.requests] == [f"{ECR}/"]


@pytest.mark.parametrize(
    ("variable", "no_proxy", "proxies"),
    [
        ("HTTPS_PROXY", "", None),
        ("HTTP_PROXY", "", {}),
        ("HTTP_PROXY", "ecr.example,127.0.0.1", None),
    ],
    ids=["another scheme", "none by configuration", "not for the host"],
)
def test_not_used(
    peer: Any, connect: Any, monkeypatch: Any, variable: str, no_proxy: str, proxies: Any
) -> None:
    """Without a proxy for a URL, the server is contacted directly."""
    proxy, server = peer(), peer()
    monkeypatch.setenv(variable, proxy.url)
    monkeypatch.setenv("NO_PROXY", no_proxy)
    connect(proxies=proxies).read(server.url)

    assert (len(proxy.visits), len(server.visits)) == (0, 1)


def test_environment_is_read_once(peer: Any, connect: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    """The environment is read once for each origin, at the first request to it."""
    servers, transport = [peer(), peer()], connect()
    transport.read(servers[0].url)
    proxy = peer()
    monkeypatch.setenv("HTTP_PROXY", proxy.url)
    for each in servers:
        transport.read(f"{each.url}again")

    assert [each.path for each in servers[0].requests] == ["/", "/again"]
    assert [each.path for each in proxy.requests] == [f"{servers[1].url}again"]


def test_refused_connections(connect: Any, tls: bool) -> None:
    """An error names the proxy as what refused the connection; nothing was sent."""
    scheme = "https" if tls else "http"
    transport = connect(proxies={scheme: "http://127.0.0.1:1"})
    with pytest.raises(ProxyConnectionException, match="through the proxy") as caught:
        transport.read(f"{scheme}://ecr.example/")

    assert not caught.value.request_sent


@pytest.mark.parametrize("status", [b"403 Forbidden", b"407 Proxy Authentication"])
def test_no_tunnel(peer: Any, connect: Any, status: bytes) -> None:
    """A proxy that refuses a tunnel is reported with its status; nothing was sent."""
    proxy = peer(lambda visit: (visit.request(), visit.respond(status=status)))
    transport = connect(proxies={"https": with_user(proxy.url)})
    with pytest.raises(ProxyConnectionException, match=status[:3].decode()) as caught:
        transport.read("https://ecr.example/")

    assert not caught.value.request_sent
    assert "password" not in f"{caught.value!r} {caught.value.__cause__!r}"


def test_tls_that_fails(peer: Any, connect: Any, proxy: Any) -> None:
    """A proxy without TLS is reported; an untrusted server is not reported as its failure."""
    plain = peer(lambda visit: visit.send(b"HTTP/1.1 400 Bad Request\r\n\r\n"))
    transport = connect(proxies={"https": plain.url.replace("http:", "https:")})
    with pytest.raises((ProxyConnectionException, TLSException)) as caught:
        transport.read("https://ecr.example/")
    assert not caught.value.request_sent

    transport = connect(proxies={"https": proxy.url}, verify=True)
    with pytest.raises(TLSException, match="certificate"):
        transport.read(peer(tls=True).url)


@pytest.mark.parametrize(
    "beginning", [b"", b"HTTP/1.1 200 O", b"HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n"]
)
def test_a_connection_that_breaks(
    peer: Any, connect: Any, proxy: Any, tls: bool, beginning: bytes
) -> None:
    """If a connection breaks after the request was sent, the work may have been done.

    If the proxy may have closed it, the message says so.
    """
    server = peer(lambda visit: (visit.request(), visit.send(beginning)), tls=tls)
    near = proxy if tls else server
    transport = connect(proxies={"https" if tls else "http": near.url})
    with pytest.raises(TransportException) as caught:
        transport.read(server.url if tls else f"{ECR}/")

    assert caught.value.request_sent
    assert caught.value.retryable
    if not beginning:
        assert type(caught.value) is ConnectionClosedException
        assert "or the proxy closed the connection" in str(caught.value)


@pytest.mark.parametrize("url", ["http:///", "http://user:password@", "gopher://127.0.0.1:1"])
def test_malformed_proxies(connect: Any, monkeypatch: pytest.MonkeyPatch, url: str) -> None:
    """A malformed proxy in the environment is an InvalidConfigurationException."""
    monkeypatch.setenv("HTTP_PROXY", url)
    with pytest.raises(InvalidConfigurationException, match="proxy") as caught:
        connect().read("http://ecr.example/")

    assert "password" not in str(caught.value)
