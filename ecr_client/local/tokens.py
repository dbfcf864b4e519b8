"""Authorization tokens for registries, and presigned URLs of layers.

Both say what they allow and until when, and are signed with a secret of the server: nothing is kept
for them, and they survive a restart if the secret does.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING
from urllib.parse import quote, unquote

from ecr_client.local.policy_evaluation import Principal
from ecr_client.local.registry import RegistryKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The user name that goes with every password.
USER = "AWS"
TOKEN_LIFETIME = timedelta(hours=12)
DOWNLOAD_LIFETIME = timedelta(hours=1)
DOWNLOADS = "/_layers/"
#: The passwords of the service are about 2 kB long, and tools that expect shorter ones break there.
#: Most of it is ciphertext, which random-looking bytes replace here.
_FILLING = 1_000
_KEY = 240
#: Separates the content of a password from the filling; no ARN contains it.
_END = b"\0"


class ExpiredTokenError(Exception):
    """A password that was valid and has expired."""


class Tokens:
    """Issues and verifies passwords of registries and presigned URLs of layers.

    Args:
        secret: The key that they are signed with.
        clock: Returns the time as an aware UTC datetime.
    """

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._secret = secret
        self._clock = clock

    def authorization(self, registry: RegistryKey, principal: Principal) -> tuple[str, datetime]:
        """Return an authorization token, base64 of ``AWS:<password>``, and when it expires.

        The password has the form and the length of the service's: base64 of a JSON object.

        Args:
            registry: The registry that it is for.
            principal: The principal that requests it.
        """
        expires_at = self._clock().replace(microsecond=0) + TOKEN_LIFETIME
        grant = (registry.account, registry.region, str(_seconds(expires_at)), principal.arn)
        head = "/".join((*grant[:3], self._sign("principal", *grant), principal.arn))
        noise = hashlib.shake_256(self._sign("noise", *grant).encode()).digest(_FILLING + _KEY)
        content = {
            "payload": _text(head.encode() + _END + noise[:_FILLING]),
            "datakey": _text(noise[_FILLING:]),
            "version": "2",
            "type": "DATA_KEY",
            "expiration": _seconds(expires_at),
        }
        password = _text(json.dumps(content, separators=(",", ":")).encode())
        return _text(f"{USER}:{password}".encode()), expires_at

    def check_password(self, password: str) -> tuple[RegistryKey, Principal] | None:
        """Return the registry and the principal of a password, or None if it is wrong.

        Raises:
            ExpiredTokenError: It was valid and has expired.
        """
        try:
            payload = json.loads(base64.b64decode(password, validate=True))["payload"]
            head = base64.b64decode(payload, validate=True).partition(_END)[0].decode()
            account, region, expires_at, signature, arn = head.split("/", 4)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if not self._is_signed(signature, "principal", account, region, expires_at, arn):
            return None
        if not self._is_future(int(expires_at)):
            raise ExpiredTokenError
        return RegistryKey(account, region), Principal(arn)

    def download_path(self, registry: RegistryKey, repository: str, digest: str) -> str:
        """Return a presigned path and query, by which anybody can download a layer for an hour."""
        path = DOWNLOADS + "/".join(
            quote(part, safe="/:")
            for part in (registry.account, registry.region, digest, repository)
        )
        date = f"{self._clock():%Y%m%dT%H%M%SZ}"
        lifetime = str(_whole(DOWNLOAD_LIFETIME))
        signature = self._sign("download", unquote(path), date, lifetime)
        return f"{path}?X-Amz-Date={date}&X-Amz-Expires={lifetime}&X-Amz-Signature={signature}"

    def check_download(
        self, path: str, query: Mapping[str, str]
    ) -> tuple[RegistryKey, str, str] | None:
        """Return registry, repository and digest of a presigned URL, or None if it is invalid.

        Args:
            path: The path, decoded.
            query: The parameters of the query, decoded.
        """
        names = ("X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature")
        date, lifetime, signature = (query.get(name, "") for name in names)
        if not self._is_signed(signature, "download", path, date, lifetime):
            return None
        issued = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if not self._is_future(_seconds(issued) + int(lifetime)):
            return None
        account, region, digest, repository = path[len(DOWNLOADS) :].split("/", 3)
        return RegistryKey(account, region), repository, digest

    def _is_future(self, seconds: int) -> bool:
        return self._clock().timestamp() < seconds

    def _is_signed(self, signature: str, *parts: str) -> bool:
        return hmac.compare_digest(self._sign(*parts).encode(), signature.encode())

    def _sign(self, *parts: str) -> str:
        message = "\n".join(parts).encode()
        return hmac.new(self._secret, message, hashlib.sha256).hexdigest()


def _seconds(time: datetime) -> int:
    return int(time.timestamp())


def _whole(span: timedelta) -> int:
    return int(span.total_seconds())


def _text(data: bytes) -> str:
    return base64.b64encode(data).decode()
