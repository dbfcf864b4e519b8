"""HTTPS: certificates that are generated or supplied, and the clients that trust them."""

from __future__ import annotations

import itertools
import json
import shutil
import stat
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast
from urllib.parse import urlsplit

import boto3
import pytest
import requests
import trustme

from ecr_client import ClientConfiguration, ECRClient
from ecr_client.exceptions import ConnectionClosedException, TLSException
from ecr_client.local import Certificate, LocalECR, ServerStartError
from ecr_client.testing import assert_image_valid, random_image

skopeo_only = pytest.mark.skipif(
    shutil.which("skopeo") is None, reason="skopeo is not installed: apt-get install skopeo"
)
openssl_only = pytest.mark.skipif(
    shutil.which("openssl") is None, reason="openssl is not installed: apt-get install openssl"
)

Start = Callable[..., Any]


@pytest.fixture(scope="module")
def _running() -> Iterator[LocalECR]:
    with LocalECR(tls=True) as running:
        yield running


@pytest.fixture
def ecr(_running: LocalECR) -> LocalECR:
    _running.reset()
    return _running


@pytest.fixture
def local_ecr(ecr: LocalECR) -> LocalECR:
    """Return the HTTPS server in place of the plugin's, as a user's own fixture would."""
    return ecr


@pytest.fixture
def given(tmp_path: Path) -> Certificate:
    """Return a certificate that a separate authority has signed."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    pems = (authority.cert_pem, issued.private_key_pem, issued.cert_chain_pems[0])
    ca, key, cert = (tmp_path / f"{name}.pem" for name in ("ca", "key", "cert"))
    for path, pem in zip((ca, key, cert), pems, strict=True):
        path.write_bytes(pem.bytes())
    return Certificate(cert, key, ca)


def reached(**options: Any) -> tuple[LocalECR, Any]:
    """Start a server, call it with its client, and return the server and the response."""
    with LocalECR(**options) as ecr, ecr.client() as client:
        return ecr, client.describe_repositories()


def test_own_client(ecr_client: ECRClient, ecr: LocalECR) -> None:
    """Calls work without any setup, also through the plugin's fixture."""
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        (data,) = client.get_authorization_token().authorization_data
    (repository,) = ecr_client.describe_repositories().repositories

    assert ecr.endpoint.startswith("https://127.0.0.1:")
    assert ecr_client.endpoint == data.proxy_endpoint == ecr.endpoint
    assert repository.repository_uri == f"{urlsplit(ecr.endpoint).netloc}/app"


def test_a_client_configuration(ecr: LocalECR) -> None:
    """The client keeps the configuration it is given, including a different `verify`."""
    config, other = ClientConfiguration(read_timeout=7), ClientConfiguration(verify=True)
    with ecr.client(config=config) as client:
        client.describe_repositories()
    with ecr.client(config=other) as client, pytest.raises(TLSException):
        client.describe_repositories()


def test_other_clients_do_not_trust_it(ecr: LocalECR) -> None:
    """Clients without the authority do not trust the certificate, and HTTP is refused."""
    url = f"{ecr.endpoint}/v2/"
    with pytest.raises(requests.exceptions.SSLError):
        requests.get(url, timeout=60)
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(url.replace("https", "http"), timeout=60)

    assert requests.get(url, timeout=60, verify=str(ecr.ca_file)).status_code == 401


def test_boto3(ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server's environment variables make boto3 use it and trust it."""
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("ecr")
    made = client.create_repository(repositoryName="app")["repository"]
    client.close()

    assert made["repositoryUri"] == f"{urlsplit(ecr.endpoint).netloc}/app"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_registry(ecr: LocalECR, host: str, login: Any, pushers: Any) -> None:
    """The certificate is valid for the loopback names, and layers are redirected to HTTPS."""
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        auth, digest = login(client), pushers(client).layer("app", b"{}")
    base = f"https://{host}:{urlsplit(ecr.endpoint).port}"
    challenge, response = (
        requests.get(f"{base}{path}", auth=by, verify=str(ecr.ca_file), timeout=60)
        for path, by in (("/v2/", None), (f"/v2/app/blobs/{digest}", auth))
    )

    assert challenge.headers["WWW-Authenticate"].startswith(f'Basic realm="{base}/"')
    assert response.history[0].headers["Location"].startswith(f"{base}/_layers/")
    assert response.content == b"{}"


def test_faults_happen_with_tls(ecr: LocalECR) -> None:
    """A connection is dropped with TLS as it is without."""
    ecr.faults.add("DescribeRepositories", drop=True, count=None)
    with ecr.client() as client, pytest.raises(ConnectionClosedException):
        client.describe_repositories()


@pytest.mark.slow
@skopeo_only
def test_skopeo(ecr: LocalECR, tmp_path: Path, login: Any, execute: Any) -> None:
    """Skopeo trusts the certificate's folder or file, and pushes and pulls with TLS."""
    image, back = random_image(tmp_path / "image", size=1_000_000), tmp_path / "back"
    name = f"docker://{urlsplit(ecr.endpoint).netloc}/app:v1"
    copy = ("skopeo", "--insecure-policy", "copy")
    home = {"HOME": tmp_path, "TMPDIR": tmp_path}
    assert ecr.ca_file is not None
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        keys = ":".join(login(client))
        push = (f"oci:{image.path}", name, "--dest-creds", keys)
        execute(*copy, *push, "--dest-cert-dir", ecr.ca_file.parent, **home)
        pull = (name, f"oci:{back}:v1", "--src-creds", keys)
        execute(*copy, *pull, SSL_CERT_FILE=ecr.ca_file, **home)
        assert_image_valid(client, "app:v1")

    assert json.loads((back / "index.json").read_text())["manifests"][0]["digest"] == image.digest


def test_generated_certificates(tmp_path: Path) -> None:
    """A generated certificate survives a restart; other names or a truncated file replace it."""
    seen, server = [], tmp_path / "tls" / "server.pem"
    for host in ("127.0.0.1", "127.0.0.1", "127.0.0.2", "127.0.0.2"):
        ecr, _ = reached(data=tmp_path, tls=True, host=host)
        assert ecr.ca_file == tmp_path / "tls" / "ca.crt"
        seen.append(server.read_bytes())
        if len(seen) == 3:
            server.write_bytes(seen[-1][:20])
    without, _ = reached(data=tmp_path)

    assert seen[0] == seen[1] != seen[2]
    assert len(seen[3]) > 20
    assert (without.ca_file, without.endpoint.partition("://")[0]) == (None, "http")
    assert sys.platform == "win32" or stat.S_IMODE(server.stat().st_mode) == 0o600


def test_a_supplied_certificate(given: Certificate, monkeypatch: pytest.MonkeyPatch) -> None:
    """The server presents it, the client trusts its authority; only ``tls=True`` needs trustme."""
    monkeypatch.setitem(sys.modules, "trustme", None)

    assert reached(tls=given)[0].ca_file == given.ca
    with pytest.raises(ServerStartError, match=r"pip install 'ecr-client\[local,tls\]'"):
        LocalECR(tls=True)


@pytest.mark.slow
@openssl_only
def test_a_self_signed_certificate(tmp_path: Path, execute: Any) -> None:
    """Without an authority, clients trust the certificate itself."""
    key, cert = tmp_path / "key.pem", tmp_path / "cert.pem"
    options = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ecr", "-days", "2")
    names = ("-addext", "subjectAltName=IP:127.0.0.1")
    execute("openssl", *options, *names, "-keyout", key, "-out", cert)

    assert reached(tls=Certificate(str(cert), str(key)))[0].ca_file == cert


@pytest.mark.slow
@openssl_only
def test_an_encrypted_key(given: Certificate, execute: Any) -> None:
    """A key with a password is refused, without prompting for the password."""
    locked = given.key.with_name("locked.pem")
    options = ("-in", given.key, "-aes256", "-passout", "pass:secret", "-out", locked)
    execute("openssl", "ec", *options)

    with pytest.raises(ServerStartError, match="the key has a password"):
        LocalECR(tls=Certificate(given.cert, locked, given.ca))


@pytest.mark.parametrize(
    ("broken", "how"),
    [
        *itertools.product(("cert", "key", "ca"), ("missing", "garbage")),
        *(("cert", "other"), ("key", "other")),
    ],
)
def test_unusable_certificates(broken: str, how: str, given: Certificate) -> None:
    """Files that are missing, malformed, or do not match each other are named in one line."""
    path = {"cert": given.cert, "key": given.key, "ca": given.trusted}[broken]
    if how == "missing":
        path.unlink()
    elif how == "garbage":
        path.write_text("garbage\n" * 100)
    else:
        other = trustme.CA().issue_cert("127.0.0.1")
        pem = other.private_key_pem if broken == "key" else other.cert_chain_pems[0]
        path.write_bytes(pem.bytes())

    with pytest.raises(ServerStartError) as raised:
        LocalECR(tls=given)
    assert str(given.cert.parent) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_wrong_types() -> None:
    """A bare path is refused, and is not taken for ``True`` either."""
    with pytest.raises(TypeError, match=r"got 'cert\.pem'"):
        LocalECR(tls=cast("Any", "cert.pem"))


def test_stopping_with_open_connections(capfd: Any) -> None:
    """A keep-alive connection does not delay closing the server."""
    with LocalECR(tls=True) as ecr, ecr.client() as client:
        client.describe_repositories()
        began = time.monotonic()
        ecr.close()
        took = time.monotonic() - began

    assert took < 4  # otherwise, it takes 5 seconds and logs a warning
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_the_command(start: Start, tmp_path: Path, given: Certificate) -> None:
    """The command uses a given or a generated certificate, which clients trust by its exports."""
    made = start("--tls", "--data", str(tmp_path / "data"))
    files = ("--tls-cert", given.cert, "--tls-key", given.key, "--tls-ca", given.ca)
    shown = start(*map(str, files))
    for command in (made, shown):
        with command.client() as client:
            assert client.describe_repositories().repositories == ()
    ca, printed = tmp_path / "data" / "tls" / "ca.crt", "".join(made.printed)

    assert made.endpoint.startswith("https://127.0.0.1:")
    assert made.environment["AWS_CA_BUNDLE"] == str(ca)
    assert shown.environment["AWS_CA_BUNDLE"] == str(given.ca)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        assert f"# export {name}={ca}\n" in printed
    assert made.printed[-1].endswith(f" {urlsplit(made.endpoint).netloc}\n")
