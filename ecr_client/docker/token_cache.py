"""Passwords of registries on disk, so that not every docker command calls the service."""

from __future__ import annotations

import hashlib
import json
import os
from contextlib import suppress
from datetime import datetime, timezone
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: The variables that decide which credentials are found. Their values are only hashed.
_VARIABLES = (
    "AWS_ACCESS_KEY_ID",
    "AWS_SECRET_ACCESS_KEY",
    "AWS_SESSION_TOKEN",
    "AWS_SECURITY_TOKEN",
    "AWS_PROFILE",
    "AWS_DEFAULT_PROFILE",
    "AWS_ROLE_ARN",
    "AWS_ROLE_SESSION_NAME",
    "AWS_WEB_IDENTITY_TOKEN_FILE",
    "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI",
    "AWS_CONTAINER_CREDENTIALS_FULL_URI",
    "AWS_ENDPOINT_URL",
    "AWS_ENDPOINT_URL_ECR",
)
_FILES = {
    "AWS_CONFIG_FILE": "~/.aws/config",
    "AWS_SHARED_CREDENTIALS_FILE": "~/.aws/credentials",
}


class CachedToken:
    """A password that was requested earlier.

    Attributes:
        registry: The host that it is for.
        username: The user name.
        password: The password.
        requested_at: When it was requested.
        expires_at: When it expires.
    """

    __slots__ = ("expires_at", "password", "registry", "requested_at", "username")

    def __init__(
        self,
        registry: str,
        username: str,
        password: str,
        requested_at: datetime,
        expires_at: datetime,
    ) -> None:
        self.registry: str = registry
        self.username: str = username
        self.password: str = password
        self.requested_at: datetime = requested_at
        self.expires_at: datetime = expires_at

    def __repr__(self) -> str:
        return f"<CachedToken {self.registry} until {self.expires_at}>"

    def is_valid(self, now: datetime) -> bool:
        """Return whether the password has not expired."""
        return now < self.expires_at

    def is_fresh(self, now: datetime) -> bool:
        """Return whether less than half of its lifetime has passed."""
        return (
            self.requested_at <= now < self.requested_at + (self.expires_at - self.requested_at) / 2
        )


class TokenCache:
    """A folder with one file for each identity and registry, for its owner alone.

    A file that is malformed counts as missing.

    Args:
        environment: The variables that decide on the identity, and on the folder: in
            ``XDG_CACHE_HOME`` or ``~/.cache``.
    """

    def __init__(self, environment: Mapping[str, str]) -> None:
        home = Path(environment.get("XDG_CACHE_HOME", ""))
        if not home.is_absolute():  # A relative one would depend on the working directory.
            try:
                home = Path.home() / ".cache"
            except RuntimeError:
                home = Path(os.devnull)  # Nothing can be cached there.
        self._folder = home / "ecr-client" / "tokens"
        self._identity = _identity(environment)

    def find(self, registry: str) -> CachedToken | None:
        """Return the password of a registry, or None if there is none."""
        path = self._path(registry)
        token = _read(path)
        if token is None or token.registry != registry:
            return None
        with suppress(OSError):
            # A copied folder may have become readable to others.
            os.chmod(self._folder, 0o700)
            os.chmod(path, 0o600)
        return token

    def put(self, token: CachedToken) -> None:
        """Store a password.

        Raises:
            OSError: The file cannot be written.
        """
        from ecr_client.docker.files import write_private

        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self._folder, 0o700)
        content = {
            "registry": token.registry,
            "username": token.username,
            "password": token.password,
            "requestedAt": token.requested_at.timestamp(),
            "expiresAt": token.expires_at.timestamp(),
        }
        write_private(self._path(token.registry), json.dumps(content).encode())

    def remove(self, registry: str) -> None:
        """Forget the password of a registry."""
        with suppress(FileNotFoundError, NotADirectoryError):
            self._path(registry).unlink()

    def all(self) -> Iterator[CachedToken]:
        """Yield all passwords of this identity."""
        for path in sorted(self._folder.glob(f"{self._identity}-*.json")):
            token = _read(path)
            if token is not None:
                yield token

    def _path(self, registry: str) -> Path:
        name = hashlib.sha256(registry.encode()).hexdigest()[:32]
        return self._folder / f"{self._identity}-{name}.json"


def _read(path: Path) -> CachedToken | None:
    try:
        content = json.loads(path.read_bytes())
        registry, username, password = map(content.get, ("registry", "username", "password"))
        if not all(isinstance(each, str) and each for each in (registry, username, password)):
            return None
        return CachedToken(
            registry,
            username,
            password,
            datetime.fromtimestamp(content["requestedAt"], timezone.utc),
            datetime.fromtimestamp(content["expiresAt"], timezone.utc),
        )
    except (
        OSError,
        ValueError,
        ArithmeticError,
        LookupError,
        TypeError,
        AttributeError,
        RecursionError,
    ):
        return None


def _identity(environment: Mapping[str, str]) -> str:
    """Return a digest of what decides which credentials are found, without looking them up.

    The times and sizes of the shared files are part of it: a changed profile is another identity.
    """
    hasher = hashlib.sha256()
    for name in _VARIABLES:
        hasher.update(f"{name}={environment.get(name, '')}\0".encode())
    for name, default in _FILES.items():
        # Not that of `Path`, which fails if there is no home.
        path = Path(os.path.expanduser(environment.get(name) or default))
        try:
            found = path.stat()
            hasher.update(f"{path}={found.st_mtime_ns},{found.st_size}\0".encode())
        except OSError:
            hasher.update(f"{path}\0".encode())
    return hasher.hexdigest()[:32]
