"""TLS: which servers are trusted, and how the client identifies itself."""

from __future__ import annotations

import ssl
from pathlib import Path
from typing import Any

import pytest
import trustme

from ecr_client.exceptions import (
    InvalidConfigurationException,
    TLSException,
    TransportException,
)


@pytest.mark.filterwarnings("ignore::urllib3.exceptions.InsecureRequestWarning")
@pytest.mark.parametrize(
    ("verify", "variable", "is_trusted"),
    [
        (None, "", False),
        (None, "AWS_CA_BUNDLE", True),
        (None, "REQUESTS_CA_BUNDLE", True),
        ("bundle", "", True),
        (True, "AWS_CA_BUNDLE", False),
        (False, "", True),
    ],
)
def test_who_is_trusted(
    peer: Any, connect: Any, trusted: str, verify: Any, variable: str, is_trusted: bool
) -> None:
    """A server is trusted if its authority is in the bundle of the configuration or environment.

    A server that is not trusted receives no request.
    """
    server = peer(tls=True)
    environ = {variable: trusted} if variable else {}
    transport = connect(environ, verify=trusted if verify == "bundle" else verify)
    if is_trusted:
        assert transport.read(server.url).status == 200
        return
    with pytest.raises(TLSException, match="check verify") as caught:
        transport.read(server.url)

    assert not caught.value.request_sent
    assert server.requests == []


def test_a_bundle_that_is_gone(peer: Any, connect: Any, tmp_path: Path) -> None:
    """A bundle that can no longer be read is an InvalidConfigurationException."""
    path = tmp_path / "bundle.pem"
    path.write_text("")
    transport = connect(verify=str(path))
    path.unlink()

    with pytest.raises(InvalidConfigurationException, match=r"bundle\.pem.*; check verify"):
        transport.read(peer(tls=True).url)


@pytest.fixture
def strict(authority: trustme.CA) -> ssl.SSLContext:
    """Return the context of a server that requires a client certificate."""
    made = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1").configure_cert(made)
    authority.configure_trust(made)
    made.verify_mode = ssl.CERT_REQUIRED
    return made


@pytest.fixture
def files(authority: trustme.CA, tmp_path: Path) -> tuple[str, str, str]:
    """Return the paths of a client's certificate, of its key, and of a file with both."""
    issued = authority.issue_cert("client@example.com")
    certificate, key, both = (tmp_path / name for name in ("cert.pem", "key.pem", "both.pem"))
    issued.cert_chain_pems[0].write_to_path(certificate)
    issued.private_key_pem.write_to_path(key)
    issued.private_key_and_cert_chain_pem.write_to_path(both)
    return str(certificate), str(key), str(both)


@pytest.mark.parametrize("form", ["pair", "one file"])
def test_client_certificates(peer: Any, connect: Any, strict: Any, files: Any, form: str) -> None:
    """A certificate and its key, in two files or in one, identify the client."""
    names = []

    def handle(visit: Any) -> None:
        names.append(visit.socket.getpeercert()["subjectAltName"])
        visit.request()
        visit.respond()

    server = peer(handle, tls=strict)
    given = files[:2] if form == "pair" else files[2]

    assert connect(client_cert=given).read(server.url).status == 200
    assert names == [(("email", "client@example.com"),)]


def test_no_client_certificate(peer: Any, connect: Any, strict: Any, tmp_path: Path) -> None:
    """A server that requires a certificate receives no request without a valid one."""
    path = tmp_path / "cert.pem"
    path.write_text("nonsense")
    server = peer(tls=strict)

    with pytest.raises(TransportException):
        connect().read(server.url)
    with pytest.raises((InvalidConfigurationException, TLSException)):
        connect(client_cert=str(path)).read(server.url)
    assert server.requests == []
