"""HTTPS: certificates that are made or given, and the clients that trust them."""

from __future__ import annotations

import itertools
import json
import os
import shutil
import stat
import subprocess
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
    """Take the place of the plugin's server, as users do who want another one."""
    return ecr


@pytest.fixture
def given(tmp_path: Path) -> Certificate:
    """Return a certificate that an authority of its own has signed."""
    authority = trustme.CA()
    issued = authority.issue_cert("127.0.0.1")
    for name, pem in (
        ("ca.pem", authority.cert_pem),
        ("key.pem", issued.private_key_pem),
        ("cert.pem", issued.cert_chain_pems[0]),
    ):
        (tmp_path / name).write_bytes(pem.bytes())
    return Certificate(tmp_path / "cert.pem", tmp_path / "key.pem", tmp_path / "ca.pem")


def get(ecr: LocalECR, path: str, **options: Any) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False
        return session.get(f"{ecr.endpoint}{path}", timeout=60, **options)


def run(tool: str, *arguments: str, **environment: str) -> str:
    """Run a command that has to succeed and give what it printed."""
    done = subprocess.run(
        [tool, *arguments],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
        env={"PATH": os.environ["PATH"], **environment},
    )
    assert done.returncode == 0, done.stderr
    return done.stdout


def test_the_client_of_the_server_trusts_it(ecr: LocalECR, tmp_path: Path) -> None:
    """Calls, uploads and downloads work with nothing set up."""
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        repository = client.describe_repositories().repositories[0]
        (data,) = client.get_authorization_token().authorization_data

    assert ecr.endpoint.startswith("https://127.0.0.1:")
    assert repository.repository_uri == f"{urlsplit(ecr.endpoint).netloc}/app"
    assert data.proxy_endpoint == ecr.endpoint


def test_the_fixture_of_the_plugin_trusts_it(ecr_client: ECRClient, ecr: LocalECR) -> None:
    """A test that replaces the server by one with TLS need not replace the client."""
    ecr_client.create_repository(repository_name="app")

    assert ecr_client.endpoint == ecr.endpoint


def test_a_configuration_is_kept(ecr: LocalECR) -> None:
    """The client has the rest of a configuration that was passed, and what that one trusts."""
    config = ClientConfiguration(read_timeout=7)
    with (
        ecr.client(config=config) as client,
        ecr.client(config=ClientConfiguration(verify=True)) as other,
    ):
        client.describe_repositories()
        with pytest.raises(TLSException):
            other.describe_repositories()


def test_other_clients_do_not_trust_it(ecr: LocalECR) -> None:
    """The certificate is not trusted by who was not told to, and HTTP is not spoken."""
    with pytest.raises(requests.exceptions.SSLError):
        get(ecr, "/v2/")
    with pytest.raises(requests.exceptions.ConnectionError):
        requests.get(ecr.endpoint.replace("https", "http"), timeout=60)

    assert get(ecr, "/v2/", verify=str(ecr.ca_file)).status_code == 401


def test_boto3(ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """The variables of the server lead boto3 to it, and make it trust it."""
    for name, value in ecr.environment().items():
        monkeypatch.setenv(name, value)
    client = boto3.session.Session().client("ecr")
    made = client.create_repository(repositoryName="app")["repository"]
    client.close()

    assert made["repositoryUri"] == f"{urlsplit(ecr.endpoint).netloc}/app"


@pytest.mark.parametrize("host", ["localhost", "127.0.0.1"])
def test_the_registry(ecr: LocalECR, host: str, login: Any) -> None:
    """The certificate is valid for the loopback, and a layer is redirected to https."""
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        auth = login(client)
    base = f"https://{host}:{urlsplit(ecr.endpoint).port}"
    digest = "sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a"
    with requests.Session() as session:
        session.trust_env, session.verify = False, str(ecr.ca_file)
        challenge = session.get(f"{base}/v2/", timeout=60).headers["WWW-Authenticate"]
        session.auth, blobs = auth, f"{base}/v2/app/blobs"
        session.post(f"{blobs}/uploads/", params={"digest": digest}, data=b"{}", timeout=60)
        response = session.get(f"{blobs}/{digest}", timeout=60)

    assert challenge.startswith(f'Basic realm="{base}/"')
    assert response.history[0].headers["Location"].startswith(f"{base}/_layers/")
    assert response.content == b"{}"


def test_faults_happen_with_tls(ecr: LocalECR) -> None:
    """A connection is dropped as it is without TLS."""
    ecr.faults.add("DescribeRepositories", drop=True, count=None)
    with ecr.client() as client, pytest.raises(ConnectionClosedException):
        client.describe_repositories()


@pytest.mark.slow
@skopeo_only
@pytest.mark.parametrize("by", ["folder", "variable"])
def test_skopeo(by: str, ecr: LocalECR, tmp_path: Path, login: Any) -> None:
    """Skopeo trusts the folder of the file, or the file itself, and pushes and pulls with TLS."""
    image, back = random_image(tmp_path / "image", size=6_000_000), tmp_path / "back"
    environment = {"HOME": str(tmp_path), "TMPDIR": str(tmp_path)}
    source, target = [], []
    if by == "folder":
        assert ecr.ca_file is not None
        folder = str(ecr.ca_file.parent)
        source, target = ["--src-cert-dir", folder], ["--dest-cert-dir", folder]
    else:
        environment["SSL_CERT_FILE"] = str(ecr.ca_file)
    name = f"docker://{urlsplit(ecr.endpoint).netloc}/app:v1"
    with ecr.client() as client:
        client.create_repository(repository_name="app")
        keys = ":".join(login(client))
        copy = ("--insecure-policy", "copy")
        to = (*copy, *target, "--dest-creds", keys, f"oci:{image.path}", name)
        run("skopeo", *to, **environment)
        fro = (*copy, *source, "--src-creds", keys, name, f"oci:{back}:v1")
        run("skopeo", *fro, **environment)
        assert_image_valid(client, "app:v1")

    assert json.loads((back / "index.json").read_text())["manifests"][0]["digest"] == image.digest


def test_a_certificate_is_kept_with_the_data(tmp_path: Path) -> None:
    """The certificate of a data folder is the same after a restart; without TLS there is none."""
    seen = []
    for _ in range(2):
        with LocalECR(tmp_path, tls=True) as ecr, ecr.client() as client:
            client.describe_repositories()
            assert ecr.ca_file == tmp_path / "tls" / "ca.crt"
            seen.append(ecr.ca_file.read_bytes())
    key = stat.S_IMODE((tmp_path / "tls" / "server.pem").stat().st_mode)
    with LocalECR(tmp_path) as ecr:
        assert (ecr.ca_file, ecr.endpoint.partition("://")[0]) == (None, "http")

    assert seen[0] == seen[1]
    assert sys.platform == "win32" or key == 0o600


def test_another_host_has_another_certificate(tmp_path: Path) -> None:
    """A certificate that was made for other names is made anew, as is one that is cut off."""
    with LocalECR(tmp_path, tls=True):
        pass
    first = (tmp_path / "tls" / "server.pem").read_bytes()
    with LocalECR(tmp_path, tls=True, host="127.0.0.2") as ecr, ecr.client() as client:
        client.describe_repositories()
        second = (tmp_path / "tls" / "server.pem").read_bytes()
    (tmp_path / "tls" / "server.pem").write_bytes(second[:20])
    with LocalECR(tmp_path, tls=True, host="127.0.0.2") as ecr, ecr.client() as client:
        client.describe_repositories()

    assert first != second


def test_a_certificate_that_was_given(given: Certificate) -> None:
    """A server shows the certificate that it was given, and its client trusts its authority."""
    with LocalECR(tls=given) as ecr, ecr.client() as client:
        client.describe_repositories()

        assert ecr.ca_file == given.ca


@pytest.mark.slow
def test_a_certificate_that_signed_itself(tmp_path: Path) -> None:
    """Without an authority, the certificate itself is what is trusted."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    options = ("req", "-x509", "-newkey", "rsa:2048", "-nodes", "-subj", "/CN=ecr", "-days", "2")
    names = ["-addext", "subjectAltName=IP:127.0.0.1"]
    files = ["-keyout", str(tmp_path / "key.pem"), "-out", str(tmp_path / "cert.pem")]
    run("openssl", *options, *names, *files)
    tls = Certificate(str(tmp_path / "cert.pem"), str(tmp_path / "key.pem"))
    with LocalECR(tls=tls) as ecr, ecr.client() as client:
        client.describe_repositories()

        assert ecr.ca_file == tmp_path / "cert.pem"


@pytest.mark.parametrize(
    ("broken", "how"),
    [
        *itertools.product(("cert", "key", "ca"), ("missing", "garbage")),
        ("cert", "other"),
        ("key", "other"),
    ],
)
def test_a_certificate_that_cannot_be_used(
    broken: str, how: str, given: Certificate, tmp_path: Path
) -> None:
    """Files that are missing, no PEM, or do not go together are named in one line."""
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
    """A path alone is no certificate, and does not pass for a wish for one either."""
    with pytest.raises(TypeError, match=r"got 'cert\.pem'"):
        LocalECR(tls=cast("Any", "cert.pem"))


@pytest.mark.slow
def test_a_key_with_a_password(given: Certificate) -> None:
    """A key with a password is refused, and nobody is asked for the password."""
    if shutil.which("openssl") is None:
        pytest.skip("openssl is not installed: apt-get install openssl")
    locked = given.key.with_name("locked.pem")
    options = ("-in", str(given.key), "-aes256", "-passout", "pass:secret", "-out", str(locked))
    run("openssl", "ec", *options)

    with pytest.raises(ServerStartError, match="the key has a password"):
        LocalECR(tls=Certificate(given.cert, locked, given.ca))


def test_trustme_may_be_missing(monkeypatch: pytest.MonkeyPatch, given: Certificate) -> None:
    """Without trustme the error says how to install it; a certificate that was given needs none."""
    monkeypatch.setitem(sys.modules, "trustme", None)
    with pytest.raises(ServerStartError, match=r"pip install 'ecr-client\[local,tls\]'"):
        LocalECR(tls=True)

    with LocalECR(tls=given) as ecr, ecr.client() as client:
        assert client.describe_repositories().repositories == ()


def test_stopping_with_open_connections(capfd: Any) -> None:
    """A connection that is kept does not keep the server: it does not wait for the client."""
    with LocalECR(tls=True) as ecr, ecr.client() as client:
        client.describe_repositories()
        began = time.monotonic()
        ecr.close()
        took = time.monotonic() - began

    assert took < 4  # it would take 5 seconds, and say so
    assert capfd.readouterr().err == ""


@pytest.mark.slow
def test_the_command(start: Start, tmp_path: Path) -> None:
    """It says which file to trust and what to export, and a client by these trusts it."""
    command = start("--tls", "--data", str(tmp_path))
    with command.client() as client:
        client.create_repository(repository_name="app")
    ca = tmp_path / "tls" / "ca.crt"
    printed = "".join(command.printed)

    assert command.endpoint.startswith("https://127.0.0.1:")
    assert command.environment["AWS_CA_BUNDLE"] == str(ca)
    for name in ("SSL_CERT_FILE", "REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        assert f"# export {name}={ca}\n" in printed
    assert command.printed[-1].endswith(f" {urlsplit(command.endpoint).netloc}\n")


@pytest.mark.slow
def test_the_command_with_a_certificate(start: Start, given: Certificate) -> None:
    """It takes a certificate, its key, and the authority that clients are to trust."""
    files = ("--tls-cert", given.cert, "--tls-key", given.key, "--tls-ca", given.ca)
    command = start(*map(str, files))
    with command.client() as client:
        assert client.describe_repositories().repositories == ()

    assert command.environment["AWS_CA_BUNDLE"] == str(given.ca)
