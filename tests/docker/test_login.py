"""Logging in: what is written, where, and what is left alone."""

from __future__ import annotations

import base64
import json
import os
import stat
import subprocess
import traceback
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import Any
from unittest.mock import create_autospec

import pytest

from ecr_client import ECRClient
from ecr_client._common.redact import chain
from ecr_client.docker import docker_login, get_docker_credentials
from ecr_client.docker.login import config_path
from ecr_client.exceptions import ResponseParseException
from ecr_client.images import push_image
from ecr_client.models import AuthorizationData
from ecr_client.testing import ECRStub, example, random_image


def mode(path: Path) -> int:
    """Return the permissions of a file."""
    return stat.S_IMODE(path.stat().st_mode)


def test_a_new_file(ecr_client: ECRClient, tmp_path: Path) -> None:
    """A missing file is created with its folder, readable only by its owner."""
    path = tmp_path / "docker" / "config.json"
    login = docker_login(ecr_client, path=path)
    entry = json.loads(path.read_text())["auths"][login.registry]
    username, _, password = base64.b64decode(entry["auth"]).decode().partition(":")

    assert (mode(path), mode(path.parent)) == (0o600, 0o700)
    assert (username, login.store, login.path) == ("AWS", None, path)
    assert password not in repr(login) + str(login)
    assert os.listdir(path.parent) == ["config.json"]


def test_other_entries(ecr_client: ECRClient, tmp_path: Path) -> None:
    """Other registries and settings are preserved, and a link remains a link."""
    other = {
        "auths": {"docker.io": {"auth": "x"}},
        "credHelpers": {"gcr.io": "gcr"},
        "proxies": {"default": {"noProxy": "a"}},
    }
    real, path = tmp_path / "real.json", tmp_path / "config.json"
    real.write_text(json.dumps(other))
    path.symlink_to(real)
    login = docker_login(ecr_client, path=path)
    written = json.loads(real.read_text())
    auths = written.pop("auths")

    assert path.is_symlink()
    assert auths.pop(login.registry)
    assert {"auths": auths, **written} == other


@pytest.mark.parametrize(
    "content",
    ["[]", "{", '{"auths": []}', '{"credsStore": 1}', '{"credHelpers": {"a": 1}}', "\xff"],
)
def test_other_files(ecr_client: ECRClient, local_ecr: Any, tmp_path: Path, content: str) -> None:
    """A file that is not a Docker configuration is refused before the call, and left alone."""
    path = tmp_path / "config.json"
    path.write_bytes(content.encode("latin-1"))
    with pytest.raises(ValueError, match=r"config.json (is not a configuration|names a cred)"):
        docker_login(ecr_client, path=path)

    assert path.read_bytes() == content.encode("latin-1")
    assert not list(local_ecr.requests)


def test_concurrent_logins(ecr_client: ECRClient, tmp_path: Path) -> None:
    """No entry is lost if several logins run concurrently."""
    hosts = [f"{account:012}.dkr.ecr.us-east-1.amazonaws.com" for account in range(16)]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(partial(docker_login, ecr_client, path=tmp_path / "config.json"), hosts))

    assert sorted(json.loads((tmp_path / "config.json").read_text())["auths"]) == hosts


@pytest.mark.parametrize("name", ["auths", "credHelpers", "credsStore"])
def test_null(ecr_client: ECRClient, tmp_path: Path, name: str) -> None:
    """Like Docker, the login treats null as missing."""
    path = tmp_path / "config.json"
    path.write_text(json.dumps({name: None}))
    login = docker_login(ecr_client, path=path)

    assert list(json.loads(path.read_text())["auths"]) == [login.registry]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["a folder", "a pipe"])
def test_special_files(
    ecr_client: ECRClient, local_ecr: Any, tmp_path: Path, make: Callable[[Path], None]
) -> None:
    """A folder, a pipe or a device is neither read nor replaced."""
    path = tmp_path / "config.json"
    make(path)
    kind = stat.S_IFMT(path.stat().st_mode)
    with pytest.raises(FileExistsError, match="must be a file"):
        docker_login(ecr_client, path=path)

    assert stat.S_IFMT(path.stat().st_mode) == kind
    assert not list(local_ecr.requests)


@pytest.mark.parametrize(
    ("arguments", "problem"),
    [
        ({"path": ""}, "path must be the path of a file, or None, got ''"),
        ({"path": 3}, "path must be the path of a file, or None, got 3"),
        ({"registry": 3}, "registry must be a host such as .*, got 3"),
        ({"registry": b"x"}, "registry must be a host such as .*, got b'x'"),
    ],
)
def test_wrong_arguments(
    ecr_client: ECRClient, tmp_path: Path, arguments: dict[str, Any], problem: str
) -> None:
    """An invalid argument is refused by name."""
    with pytest.raises(ValueError, match=problem):
        docker_login(ecr_client, **{"path": tmp_path / "config.json", **arguments})
    with pytest.raises(TypeError, match="client must be an ECRClient, got NoneType"):
        get_docker_credentials(None)  # type: ignore[arg-type]


@pytest.fixture
def store(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Install a credential store ``test`` that writes its input to a file, and return the file."""
    kept = tmp_path / "kept"
    command = tmp_path / "bin" / "docker-credential-test"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\n[ "$1" = store ] && cat > {kept}\n')
    command.chmod(0o755)
    monkeypatch.setenv("PATH", f"{command.parent}:{os.environ['PATH']}")
    return kept


@pytest.mark.parametrize("setting", ["credsStore", "credHelpers"])
def test_credential_stores(
    ecr_client: ECRClient, tmp_path: Path, store: Path, setting: str
) -> None:
    """A configured credential store gets the password, and the file does not."""
    credentials = get_docker_credentials(ecr_client)
    path = tmp_path / "config.json"
    value: Any = "test" if setting == "credsStore" else {credentials.registry: "test"}
    path.write_text(json.dumps({setting: value}))
    login = docker_login(ecr_client, path=path)
    kept = json.loads(store.read_text())

    assert (login.store, kept["ServerURL"], kept["Username"]) == ("test", login.registry, "AWS")
    assert json.loads(path.read_text())["auths"] == {login.registry: {}}
    assert kept["Secret"] not in path.read_text()


def variables(error: BaseException) -> str:
    """Return the local variables in all frames below the test, as tools like Sentry show them."""
    frames = [frame for each in chain(error) for frame, _ in traceback.walk_tb(each.__traceback__)]
    shown = [frame.f_locals for frame in frames if frame.f_code.co_filename != __file__]
    return "\n".join(f"{name}={value!r}" for each in shown for name, value in each.items())


AUTHS = '"auths": {"docker.io": {"auth": "0ther"}}'


NAMES_A_STORE = f'{{"credsStore": "test", {AUTHS}}}'


@pytest.mark.parametrize(
    ("token", "name", "content", "script", "problem"),
    [
        # A name so long that no temporary file can be created next to it.
        (b"AWS:p4ssword", "long" * 60, f"{{{AUTHS}}}", "", "long"),
        (b"AWS:p4ssword", "config.json", f"[{{{AUTHS}}}]", "", "is not a configuration"),
        (b"AWS:p4ssword", "config.json", f"{{{AUTHS}", "", "is not a configuration"),
        (b"AWS:p4ssword", "config.json", NAMES_A_STORE, None, "'.*-test' .* is not installed"),
        (b"AWS:p4ssword", "config.json", NAMES_A_STORE, "", "format"),
        (b"AWS:p4ssword", "config.json", NAMES_A_STORE, "#!/bin/sh\nexit 3", "exit status 3"),
        (b"p4ssword", "config.json", "{}", "", "must be base64 of a user name"),
    ],
    ids=["unwritable", "list", "truncated", "no store", "not a program", "refused", "token"],
)
def test_failures(
    ecr_client: ECRClient,
    tmp_path: Path,
    store: Path,
    token: bytes,
    name: str,
    content: str,
    script: str | None,
    problem: str,
) -> None:
    """A failed login leaves the file alone, and shows no password in a traceback's variables.

    That holds for the new password and for those in the file.
    """
    command = tmp_path / "bin" / "docker-credential-test"
    command.unlink() if script is None else command.write_text(script)
    path = tmp_path / name
    path.write_text(content)
    encoded = base64.b64encode(token).decode()
    data = example(AuthorizationData, authorization_token=encoded)
    with ECRStub(ecr_client) as stub:
        if content[0] == "{" and content.count("{") == content.count("}"):  # refused otherwise
            stub.expect("GetAuthorizationToken", authorization_data=[data])
        with pytest.raises((OSError, ValueError, ResponseParseException), match=problem) as caught:
            docker_login(ecr_client, path=path)
    shown = variables(caught.value)

    assert path.read_text() == content
    assert f"place={path!r}" in shown
    assert not [each for each in ("p4ssword", encoded, "0ther") if each in shown]


@pytest.mark.parametrize(
    ("environment", "path"),
    [
        ({}, "home/.docker/config.json"),
        ({"REGISTRY_AUTH_FILE": "auth.json"}, "auth.json"),
        ({"DOCKER_CONFIG": "d", "REGISTRY_AUTH_FILE": "auth.json"}, "d/config.json"),
    ],
)
def test_config_path(
    environment: dict[str, str], path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The variables of docker and podman select the file."""
    monkeypatch.setattr(Path, "home", lambda: Path("home"))

    assert config_path(environment) == Path(path)


def test_no_home(monkeypatch: pytest.MonkeyPatch) -> None:
    """A user without a home folder learns how to name the file."""
    monkeypatch.setattr(os.path, "expanduser", lambda path: path)
    with pytest.raises(FileNotFoundError, match="set HOME or DOCKER_CONFIG, or pass path"):
        config_path({})


def test_autospec() -> None:
    """A client that `create_autospec` makes is not taken for an asynchronous one."""
    client = create_autospec(ECRClient, instance=True)
    client.get_authorization_token.return_value.authorization_data = [
        AuthorizationData(
            authorization_token=base64.b64encode(b"AWS:password").decode(),
            expires_at=datetime.now(timezone.utc),
            proxy_endpoint="https://registry.example",
        )
    ]

    assert get_docker_credentials(client).registry == "registry.example"


@pytest.mark.parametrize(
    "registry",
    [
        "123456789012.dkr.ecr.us-east-1.amazonaws.com",
        "999999999999.dkr.ecr-fips.us-east-1.amazonaws.com",
        "123456789012.dkr-ecr.us-east-1.on.aws",
    ],
)
def test_other_hosts_of_a_registry(ecr_client: ECRClient, registry: str) -> None:
    """A token is valid for each host of its registry."""
    assert get_docker_credentials(ecr_client, registry).registry == registry


@pytest.mark.parametrize(
    ("registry", "problem"),
    [
        ("docker.io", "registry must be a host such as"),
        ("public.ecr.aws", "registry must be a host such as"),
        ("123456789012.dkr.ecr.eu-west-1.amazonaws.com", r"ECRClient\(region='eu-west-1'\)"),
        ("123456789012.dkr.ecr.us-east-1.amazonaws.com.evil.org", "must be a host such as"),
    ],
)
def test_other_registries(ecr_client: ECRClient, registry: str, problem: str) -> None:
    """The host of another region or service is refused before anything is sent."""
    with pytest.raises(ValueError, match=problem):
        get_docker_credentials(ecr_client, registry)


@pytest.mark.parametrize("token", ["", "?", "QVdT", base64.b64encode(b"AWS:").decode()])
def test_malformed_tokens(ecr_client: ECRClient, token: str) -> None:
    """A token that is not a user name and a password is refused, without showing it."""
    data = example(AuthorizationData, authorization_token=token)
    with ECRStub(ecr_client) as stub:
        stub.expect("GetAuthorizationToken", authorization_data=[data])
        with pytest.raises(ResponseParseException, match="must be base64 of a user name"):
            get_docker_credentials(ecr_client)


@pytest.mark.slow
def test_skopeo(ecr_client: ECRClient, tmp_path: Path, tool: Any) -> None:
    """Skopeo can read an image with the file that was written, and not without it."""
    push_image(ecr_client, random_image(tmp_path / "i").path, "team/app:1", create=True)
    login = docker_login(ecr_client, path=tmp_path / "config.json")
    (tmp_path / "empty.json").write_text("{}")
    words = ("skopeo", "inspect", "--tls-verify=false", f"docker://{login.registry}/team/app:1")
    tool(*words, "--authfile", login.path)

    with pytest.raises(subprocess.CalledProcessError):
        tool(*words, "--authfile", tmp_path / "empty.json")


@pytest.mark.slow
def test_podman(ecr_client: ECRClient, tmp_path: Path, tool: Any) -> None:
    """Podman accepts the file that was written as its own login."""
    login = docker_login(ecr_client, path=tmp_path / "config.json")
    words = ("podman", "login", "--tls-verify=false", "--get-login", login.registry)

    assert tool(*words, env={**os.environ, "REGISTRY_AUTH_FILE": str(login.path)}) == "AWS"
