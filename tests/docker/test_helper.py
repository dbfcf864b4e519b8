"""The credential helper: Docker's protocol, and the cache of passwords."""

from __future__ import annotations

import base64
import io
import json
import os
import stat
import subprocess
import sys
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any
from unittest.mock import Mock

import pytest

from ecr_client import ECRClient
from ecr_client.docker import DockerCredentials, helper
from ecr_client.docker.token_cache import CachedToken, TokenCache
from ecr_client.images import push_image
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

HOST = "123456789012.dkr.ecr.eu-west-1.amazonaws.com"
HOUR = timedelta(hours=1)


class Service:
    """A fake service that records requests, and fails if `fails` is set."""

    def __init__(self) -> None:
        self.requested: list[str] = []
        self.fails = False

    def __call__(self, host: str) -> DockerCredentials:
        self.requested.append(host)
        if self.fails:
            raise ConnectionError("no network")
        expires_at = datetime.now(timezone.utc) + 12 * HOUR
        return DockerCredentials(
            registry=host,
            username="AWS",
            password=f"password-{len(self.requested)}",
            expires_at=expires_at,
        )


@pytest.fixture
def service() -> Service:
    """Return a fake service."""
    return Service()


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Return an environment with a folder for the cache."""
    return {"XDG_CACHE_HOME": str(tmp_path / "cache"), "AWS_CONFIG_FILE": str(tmp_path / "config")}


def get(environment: dict[str, str], service: Service, host: str = HOST) -> str:
    """Return the password that the helper provides."""
    found = json.loads(helper.run("get", host, TokenCache(environment), service))
    assert (found["ServerURL"], found["Username"]) == (host, "AWS")
    password: str = found["Secret"]
    return password


def age(environment: dict[str, str], time: timedelta) -> None:
    """Make the cached password older."""
    cache = TokenCache(environment)
    token = cache.find(HOST)
    assert token is not None
    token.requested_at -= time
    token.expires_at -= time
    cache.put(token)


@pytest.mark.parametrize(
    ("time", "fails", "password", "requested"),
    [
        (0 * HOUR, False, "password-1", 1),
        (5 * HOUR, True, "password-1", 1),
        (7 * HOUR, False, "password-2", 2),
        (7 * HOUR, True, "password-1", 2),
        (13 * HOUR, False, "password-2", 2),
    ],
)
def test_refreshing(
    environment: dict[str, str],
    service: Service,
    time: timedelta,
    fails: bool,
    password: str,
    requested: int,
) -> None:
    """A password is replaced after half of its lifetime or, if that fails, at its end."""
    get(environment, service)
    age(environment, time)
    service.fails = fails

    assert get(environment, service) == password
    assert len(service.requested) == requested


def test_expired_passwords(environment: dict[str, str], service: Service) -> None:
    """An expired password is never used, even if the service fails."""
    get(environment, service)
    age(environment, 13 * HOUR)
    service.fails = True
    with pytest.raises(ConnectionError):
        get(environment, service)


def test_identities(environment: dict[str, str], service: Service, tmp_path: Path) -> None:
    """Other keys, another profile or changed files get their own passwords."""
    get(environment, service)
    for change in ({"AWS_ACCESS_KEY_ID": "other"}, {"AWS_PROFILE": "other"}):
        get({**environment, **change}, service)
    (tmp_path / "config").write_text("[default]\nregion = eu-west-1\n")
    get(environment, service)
    get(environment, service, HOST.replace("1", "2"))

    assert len(service.requested) == 5


def test_files(environment: dict[str, str], service: Service, tmp_path: Path) -> None:
    """The folder and its files are private, and a malformed file counts as missing."""
    get(environment, service)
    (file,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    modes = [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)]
    whole = json.loads(file.read_text())
    endless = dict.fromkeys(("registry", "username", "password", "requestedAt"), 1e99)
    contents = [
        *("", "{}", "[]", "[" * 100_000, '{"registry": 1, "expiresAt": 1e99}'),
        *(json.dumps({**whole, "password": each}) for each in ("", None, 5)),
        json.dumps({**whole, "registry": "other"}),
        json.dumps(endless),
    ]
    for content in contents:
        file.write_text(content)
        get(environment, service)

    assert modes == [0o700, 0o600]
    assert len(service.requested) == 1 + len(contents)


def test_modes(environment: dict[str, str], service: Service, tmp_path: Path) -> None:
    """A folder or a file that others may read is made private when it is used."""
    get(environment, service)
    (file,) = (path for path in (tmp_path / "cache").rglob("*") if path.is_file())
    file.chmod(0o644)
    file.parent.chmod(0o755)
    get(environment, service)

    assert [stat.S_IMODE(path.stat().st_mode) for path in (file.parent, file)] == [0o700, 0o600]
    assert len(service.requested) == 1


def test_relative_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A relative ``XDG_CACHE_HOME`` is ignored, as its specification requires."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("HOME", str(tmp_path / "home"))
    get({"XDG_CACHE_HOME": "cache"}, Service())

    assert [path.name for path in tmp_path.iterdir()] == ["home"]


def test_no_cache(
    environment: dict[str, str], service: Service, capsys: pytest.CaptureFixture[str]
) -> None:
    """Without a cache the helper still works, and warns."""
    Path(environment["XDG_CACHE_HOME"]).write_text("in the way")

    assert get(environment, service) == "password-1"
    assert "the password was not cached" in capsys.readouterr().err


def test_no_home(
    service: Service,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A user without a home folder gets passwords, which are not cached."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)

    assert get({}, service) == "password-1"
    assert "the password was not cached" in capsys.readouterr().err
    assert helper.run("erase", HOST, TokenCache({}), service) == ""
    assert helper.run("list", "", TokenCache({}), service) == "{}"
    assert not list(tmp_path.iterdir())


def test_the_other_commands(environment: dict[str, str], service: Service) -> None:
    """``list`` shows the cached hosts, ``erase`` removes one, and ``store`` does nothing."""
    cache = TokenCache(environment)
    get(environment, service)
    listed = helper.run("list", "", cache, service)
    stored = helper.run("store", '{"ServerURL": "a"}', cache, service)
    erased = helper.run("erase", f"https://{HOST}/\n", cache, service)

    assert json.loads(listed) == {HOST: "AWS"}
    assert (stored, erased) == ("", "")
    assert cache.find(HOST) is None
    assert json.loads(helper.run("list", "", cache, service)) == {}


@pytest.mark.parametrize("words", [[], ["get", "list"], ["version"]])
def test_usage(words: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    """A command that is not part of Docker's protocol is refused with a usage message."""
    assert helper.main(words) == 2
    assert "get|store|erase|list" in capsys.readouterr().err


@pytest.mark.parametrize(
    "host", [b"https://index.docker.io/v1/", f"{HOST}.evil.org".encode(), b"", b"\xff\xfe\x00"]
)
def test_other_hosts(
    host: bytes,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """For hosts of other registries, docker is told that there are no credentials."""
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    for command, status, printed in (
        ("get", 1, "credentials not found in native keychain\n"),
        ("erase", 0, ""),
        ("store", 0, ""),
    ):
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(host), "utf-8"))
        assert helper.main([command]) == status
        assert capsys.readouterr().out == printed


@pytest.mark.parametrize(
    ("name", "value"), [("AWS_PROFILE", "none"), ("AWS_REGION", "x y"), ("AWS_RETRY_MODE", "x")]
)
def test_other_hosts_without_settings(
    name: str, value: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Malformed AWS settings do not affect other registries."""
    monkeypatch.setenv(name, value)
    with pytest.raises(LookupError, match="credentials not found in native keychain"):
        helper.request("index.docker.io")

    assert value in capsys.readouterr().err


@pytest.mark.parametrize(
    ("host", "endpoint"),
    [
        (HOST, "https://api.ecr.eu-west-1.amazonaws.com"),
        (HOST.replace(".ecr.", ".ecr-fips.").replace("eu-west-1", "us-east-1"), "ecr-fips.us-east"),
        ("123456789012.dkr-ecr.eu-west-1.on.aws", "https://ecr.eu-west-1.api.aws"),
    ],
)
def test_endpoints(host: str, endpoint: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """The host selects the region and the FIPS or dual-stack endpoint."""
    requested = []

    def credentials(client: ECRClient, registry: str) -> str:
        requested.append((client.endpoint, registry))
        return "credentials"

    monkeypatch.setattr("ecr_client.docker.credentials.get_docker_credentials", credentials)
    helper.request(host)

    assert endpoint in requested[0][0]
    assert requested[0][1] == host


def test_the_public_registry(environment: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> None:
    """Passwords for ECR Public come from its own API, which exists only in us-east-1."""
    expires_at = datetime.now(timezone.utc) + 12 * HOUR
    token = base64.b64encode(b"AWS:public").decode()
    public = Mock()
    public.return_value.get_authorization_token.return_value = {
        "authorizationData": {"authorizationToken": token, "expiresAt": expires_at}
    }
    monkeypatch.setattr("botocore.session.Session.create_client", public)
    found = helper.run("get", "https://public.ecr.aws", TokenCache(environment), helper.request)

    assert json.loads(found) == {
        "ServerURL": "public.ecr.aws",
        "Username": "AWS",
        "Secret": "public",
    }
    public.assert_called_once_with("ecr-public", region_name="us-east-1")


def test_repr() -> None:
    """No repr shows a password."""
    now = datetime.now(timezone.utc)

    assert "secret" not in repr(CachedToken(HOST, "AWS", "secret", now, now))


@pytest.fixture
def command(local_ecr: LocalECR, tmp_path: Path) -> dict[str, str]:
    """Return the environment of a program that finds the helper and the local ECR."""
    path = tmp_path / "bin" / "docker-credential-ecr-client"
    path.parent.mkdir()
    path.write_text(f'#!/bin/sh\nexec {sys.executable} -m ecr_client.docker.helper "$@"\n')
    path.chmod(0o755)
    return {
        **os.environ,
        **local_ecr.environment(),
        "PATH": f"{path.parent}:{os.environ['PATH']}",
        "XDG_CACHE_HOME": str(tmp_path / "cache"),
        "PYTHONPATH": os.pathsep.join(sys.path),
    }


@pytest.mark.slow
def test_skopeo(
    ecr_client: ECRClient, local_ecr: LocalECR, command: dict[str, str], tmp_path: Path, tool: Any
) -> None:
    """Skopeo reads an image with the helper's password, which is requested only once."""
    push_image(ecr_client, random_image(tmp_path / "i").path, "team/app:1", create=True)
    host = local_ecr.endpoint.partition("://")[2]
    config = tmp_path / "config.json"
    config.write_text(json.dumps({"credHelpers": {host: "ecr-client"}}))
    words = ("skopeo", "inspect", "--tls-verify=false", "--authfile", config)
    local_ecr.requests.clear()
    for _ in range(2):
        tool(*words, f"docker://{host}/team/app:1", env=command)

    assert len(local_ecr.requests.of("GetAuthorizationToken")) == 1


@pytest.mark.slow
def test_start_up(command: dict[str, str], local_ecr: LocalECR) -> None:
    """A cached password is returned without loading botocore, requests or the client."""
    host = local_ecr.endpoint.partition("://")[2]
    code = (
        "import sys; from ecr_client.docker.helper import main; main(['get']);"
        "print(sorted({'botocore', 'requests', 'attrs', 'ecr_client.client'} & set(sys.modules)),"
        " file=sys.stderr)"
    )
    for _ in range(2):
        done = subprocess.run(
            [sys.executable, "-c", code],
            input=host,
            env=command,
            check=True,
            capture_output=True,
            text=True,
        )

    assert json.loads(done.stdout)["Username"] == "AWS"
    assert done.stderr == "[]\n"
