"""Authorization tokens for registries, and addresses from which layers are downloaded.

Both say what they allow and until when, and are signed with a secret of the server: nothing is kept
for them, and they outlive a restart if the secret does.
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
from ecr_client.local.store.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

#: The user name that goes with every password.
USER = "AWS"
TOKEN_LIFETIME = timedelta(hours=12)
DOWNLOAD_LIFETIME = timedelta(hours=1)
DOWNLOADS = "/_layers/"
#: The passwords of the service are about 2 kB long, and tools that make room for less break there.
#: Most of it is ciphertext; here random-looking bytes take its place.
_FILLING = 1_000
_KEY = 240
#: What separates the filling from what a password says; no ARN has it.
_END = b"\0"


class ExpiredTokenError(Exception):
    """A password that was right and whose time is over."""


class Tokens:
    """Makes and checks passwords of registries and addresses of layers.

    Args:
        secret: What they are signed with.
        clock: Gives the time as an aware UTC datetime.
    """

    def __init__(self, secret: bytes, clock: Callable[[], datetime]) -> None:
        self._secret = secret
        self._clock = clock

    def authorization(self, scope: Scope, principal: Principal) -> tuple[str, datetime]:
        """Return an authorization token, base64 of ``AWS:<password>``, and when it ends.

        The password has the form and the length of the service's: base64 of a JSON object.

        Args:
            scope: The registry that it is for.
            principal: Who asks for it, and so who will use it.
        """
        expires_at = self._clock().replace(microsecond=0) + TOKEN_LIFETIME
        grant = (scope.account, scope.region, str(_seconds(expires_at)), principal.arn)
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

    def check_password(self, password: str) -> tuple[Scope, Principal] | None:
        """Return the registry that a password is for and whose it is; None if it is wrong.

        Raises:
            ExpiredTokenError: It was right, and its time is over.
        """
        try:
            payload = json.loads(base64.b64decode(password, validate=True))["payload"]
            head = base64.b64decode(payload, validate=True).partition(_END)[0].decode()
            account, region, expires_at, signature, arn = head.split("/", 4)
        except (ValueError, TypeError, KeyError, RecursionError):
            return None
        if not self._is_signed(signature, "principal", account, region, expires_at, arn):
            return None
        if not self._is_ahead(int(expires_at)):
            raise ExpiredTokenError
        return Scope(account, region), Principal(arn)

    def download_path(self, scope: Scope, repository: str, digest: str) -> str:
        """Give a path with a query from which a layer can be downloaded for an hour by anybody."""
        path = DOWNLOADS + "/".join(
            quote(part, safe="/:") for part in (scope.account, scope.region, digest, repository)
        )
        date = f"{self._clock():%Y%m%dT%H%M%SZ}"
        lifetime = str(_whole(DOWNLOAD_LIFETIME))
        signature = self._sign("download", unquote(path), date, lifetime)
        return f"{path}?X-Amz-Date={date}&X-Amz-Expires={lifetime}&X-Amz-Signature={signature}"

    def check_download(self, path: str, query: Mapping[str, str]) -> tuple[Scope, str, str] | None:
        """Give registry, repository and digest of an address; None if it is wrong or has ended.

        Args:
            path: The path as it was asked for, decoded.
            query: The parameters of the query, decoded.
        """
        names = ("X-Amz-Date", "X-Amz-Expires", "X-Amz-Signature")
        date, lifetime, signature = (query.get(name, "") for name in names)
        if not self._is_signed(signature, "download", path, date, lifetime):
            return None
        issued = datetime.strptime(date, "%Y%m%dT%H%M%SZ").replace(tzinfo=timezone.utc)
        if not self._is_ahead(_seconds(issued) + int(lifetime)):
            return None
        account, region, digest, repository = path[len(DOWNLOADS) :].split("/", 3)
        return Scope(account, region), repository, digest

    def _is_ahead(self, seconds: int) -> bool:
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
