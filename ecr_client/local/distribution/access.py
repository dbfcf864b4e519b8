"""Authentication: the password of a request names its registry and its principal."""

from __future__ import annotations

import base64
import re
from typing import TYPE_CHECKING

from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.policy_evaluation import Principal
from ecr_client.local.registry import RegistryKey
from ecr_client.local.tokens import USER, ExpiredTokenError

if TYPE_CHECKING:
    from ecr_client.local.service import Service

#: The host of an account's registry, which a resolver or a proxy may redirect here.
_REGISTRY = re.compile(
    r"https?://(?P<account>[0-9]{12})\.dkr\.ecr(-fips)?\.(?P<region>[a-z0-9-]+)"
    r"\.amazonaws\.com(\.cn)?(:[0-9]+)?"
)
_EXPIRED = "Your authorization token has expired. Reauthenticate and try again."


def authorize(
    service: Service, authorization: str | None, base_url: str
) -> tuple[RegistryKey, Principal]:
    """Return the registry and the principal of a request.

    The registry is the one that the token was issued for, unless the host names another account's.

    Args:
        service: The server's settings and its tokens.
        authorization: The Authorization header, or None.
        base_url: Scheme and host as the client reached them.

    Raises:
        RegistryError: The password is missing, wrong or expired.
    """
    password, expired, found = _password(authorization), False, None
    try:
        found = None if password is None else service.tokens.check_password(password)
    except ExpiredTokenError:
        expired = True
    if found is not None:
        registry, principal = found
        host = _REGISTRY.fullmatch(base_url)
        if host is not None and host["region"] == registry.region:
            registry = RegistryKey(host["account"], registry.region)
        return registry, principal
    if not service.auth:
        registry = RegistryKey(service.account, service.region)
        return registry, Principal.of_account(*registry)
    if expired and service.follows_ecr:
        # ECR sends no challenge, without which clients do not log in again.
        raise RegistryError("DENIED", _EXPIRED, status=403)
    challenge = f'Basic realm="{base_url}/",service="ecr.amazonaws.com"'
    raise RegistryError(
        "UNAUTHORIZED",
        _EXPIRED if expired else "Not Authorized",
        status=401,
        headers={"WWW-Authenticate": challenge},
        plain=service.follows_ecr,
    )


def _password(authorization: str | None) -> str | None:
    scheme, _, encoded = (authorization or "").partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user, _, password = base64.b64decode(encoded.strip(), validate=True).decode().partition(":")
    except ValueError:
        return ""
    return password if user == USER else ""
