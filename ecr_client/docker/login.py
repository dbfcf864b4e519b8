"""Writing passwords where docker and similar tools look for them."""

from __future__ import annotations

import base64
import errno
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeVar

import attrs

from ecr_client.docker.credentials import get_docker_credentials
from ecr_client.docker.files import write_private
from ecr_client.oci.unfinished import full_disks_named, locked_folder

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime

    from ecr_client import ECRClient
    from ecr_client.docker.credentials import DockerCredentials

Result = TypeVar("Result")

_HELPER_TIMEOUT = 60.0


@attrs.frozen(kw_only=True)
class DockerLogin:
    """What `docker_login` has written.

    Attributes:
        registry: The host that the password is for.
        path: The configuration file.
        store: The credential helper that keeps the password, such as ``osxkeychain``; ``None`` if
            the file keeps it.
        expires_at: When the password expires.
    """

    registry: str
    path: Path
    store: str | None
    expires_at: datetime

    def __str__(self) -> str:
        kept = f"the credential store '{self.store}'" if self.store else str(self.path)
        return f"logged in to {self.registry} until {self.expires_at:%Y-%m-%d %H:%M %Z}, in {kept}"


def docker_login(
    client: ECRClient,
    registry: str | None = None,
    *,
    path: str | os.PathLike[str] | None = None,
) -> DockerLogin:
    """Log docker, podman, skopeo and similar tools in to a registry, as ``docker login`` does.

    The entry of the registry is replaced, and everything else in the file is kept. If the file
    names a credential store for the registry, the password is stored there. The file is replaced
    atomically, and only its owner can read it.

    Args:
        client: Calls the service in the registry's region.
        registry: The host of the registry; see ``get_docker_credentials``.
        path: The configuration file. ``None`` uses ``config.json`` in the folder
            ``DOCKER_CONFIG``, the file ``REGISTRY_AUTH_FILE``, or ``~/.docker/config.json``: the
            first that is set.

    Raises:
        ValueError: The registry is not in the client's region, the path is empty, or the file is
            not a configuration; it is left as it is.
        FileExistsError: The path is not that of a file, but of a folder or a device, for example.
        OSError: The file cannot be read or written, or the credential store failed.
        AmazonClientException: The call failed.
    """
    if path is not None and (not isinstance(path, str | os.PathLike) or not os.fspath(path)):
        raise ValueError(f"path must be the path of a file, or None, got {path!r}")
    place = Path(path) if path is not None else config_path(os.environ)
    _without_frames(_read, place)  # A malformed file is refused before the call.
    credentials = get_docker_credentials(client, registry)
    store = _without_frames(_keep, credentials, place)
    return DockerLogin(
        registry=credentials.registry, path=place, store=store, expires_at=credentials.expires_at
    )


def config_path(environment: os._Environ[str] | dict[str, str]) -> Path:
    """Return the configuration file that an environment names.

    Raises:
        FileNotFoundError: It names none, and the home folder is unknown.
    """
    if folder := environment.get("DOCKER_CONFIG"):
        return Path(folder) / "config.json"
    if file := environment.get("REGISTRY_AUTH_FILE"):
        return Path(file)
    try:
        return Path.home() / ".docker" / "config.json"
    except RuntimeError:
        raise FileNotFoundError(
            "the home folder is unknown; set HOME or DOCKER_CONFIG, or pass path"
        ) from None


def _without_frames(work: Callable[..., Result], *arguments: Any) -> Result:
    """Call a function, without its frames in errors: they hold passwords of all registries."""
    outside = sys.exc_info()[1]
    try:
        return work(*arguments)
    except BaseException as error:
        error.__context__, error.__traceback__ = outside, None
        raise error


def _keep(credentials: DockerCredentials, path: Path) -> str | None:
    """Write the entry of a registry; return the credential store of the password, if any."""
    config = _read(path)
    host = credentials.registry
    store = config.get("credHelpers", {}).get(host) or config.get("credsStore") or None
    entry: dict[str, str] = {}
    if store is not None:
        _store(store, credentials)
    else:
        pair = f"{credentials.username}:{credentials.password}"
        entry["auth"] = base64.b64encode(pair.encode()).decode()
    _write(path, host, entry)
    return store


def _read(path: Path) -> dict[str, Any]:
    if path.exists() and not path.is_file():
        # Reading a pipe would wait without end, and a device would be replaced for everybody.
        raise FileExistsError(errno.EEXIST, "the configuration of docker must be a file", str(path))
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        return {}
    try:
        config = json.loads(content) if content.strip() else {}
    except (ValueError, RecursionError):
        config = None
    if isinstance(config, dict):
        for name in ("auths", "credHelpers", "credsStore"):
            if config.get(name, "") is None:
                del config[name]  # as docker reads null
    if not isinstance(config, dict) or not all(
        isinstance(config.get(name, {}), dict) for name in ("auths", "credHelpers")
    ):
        raise ValueError(f"{path} is not a configuration file of docker; correct or remove it")
    stores = [config.get("credsStore", ""), *config.get("credHelpers", {}).values()]
    if not all(isinstance(each, str) for each in stores):
        raise ValueError(f"{path} names a credential store that is not a string; correct it")
    return config


def _write(path: Path, host: str, entry: dict[str, str]) -> None:
    # A link stays a link: the file that it leads to is replaced.
    path = path.resolve()
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    # Others may log in at the same time.
    with full_disks_named(path.parent), locked_folder(path.parent):
        config = _read(path)
        config = {**config, "auths": {**config.get("auths", {}), host: entry}}
        write_private(path, json.dumps(config, indent="\t").encode() + b"\n")


def _store(name: str, credentials: DockerCredentials) -> None:
    command = f"docker-credential-{name}"
    entry = {
        "ServerURL": credentials.registry,
        "Username": credentials.username,
        "Secret": credentials.password,
    }
    try:
        done = subprocess.run(
            [command, "store"],
            input=json.dumps(entry).encode(),
            capture_output=True,
            timeout=_HELPER_TIMEOUT,
            check=False,
        )
    except FileNotFoundError:
        raise FileNotFoundError(
            f"the credential store {command!r} of docker's configuration is not installed"
        ) from None
    except subprocess.TimeoutExpired:
        raise TimeoutError(f"{command} did not finish within {_HELPER_TIMEOUT:g} s") from None
    if done.returncode:
        raise OSError(f"{command} did not store the password: exit status {done.returncode}")
