"""Whose registry a request is about, by the password that it carries."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING

from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.store import Scope
from ecr_client.local.tokens import USER

if TYPE_CHECKING:
    from ecr_client.local.service import Service


def authorize(service: Service, authorization: str | None, base_url: str) -> Scope:
    """Give the registry that a request may use.

    Args:
        service: The server's settings and its tokens.
        authorization: The header of that name, or None.
        base_url: Scheme and host as the caller reached them.

    Raises:
        RegistryError: There is no password, or it opens nothing (any more).
    """
    password = _password(authorization)
    scope = None if password is None else service.tokens.check_password(password)
    if scope is not None:
        return scope
    if not service.auth:
        return Scope(service.account, service.region)
    if password is None:
        message = "no basic auth credentials"
    else:
        message = (
            "Your authorization token is not valid or has expired. Reauthenticate and try again."
        )
    challenge = f'Basic realm="{base_url}/",service="ecr.amazonaws.com"'
    raise RegistryError(
        "UNAUTHORIZED", message, status=401, headers={"WWW-Authenticate": challenge}
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
