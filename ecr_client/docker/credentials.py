"""User names and passwords of registries."""

from __future__ import annotations

import base64
from inspect import iscoroutinefunction
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs

from ecr_client.exceptions import ResponseParseException
from ecr_client.oci import Registry

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_client import ECRClient


@attrs.frozen(kw_only=True)
class DockerCredentials:
    """The user name and password of a registry, for docker, podman, skopeo and similar tools.

    Attributes:
        registry: The host of the registry, with its port if it has one.
        username: ``AWS``.
        password: The password; the repr does not show it.
        expires_at: When the password expires: after 12 hours, or with the session that requested
            it.
    """

    registry: str
    username: str
    password: str = attrs.field(repr=False)
    expires_at: datetime


def get_docker_credentials(client: ECRClient, registry: str | None = None) -> DockerCredentials:
    """Return user name and password of a registry.

    Args:
        client: Calls the service in the registry's region.
        registry: The host by which the registry will be called, with or without FIPS and
            dual-stack, of any account that the principal may pull from. ``None`` uses the host that
            the service returns, of the principal's own account.

    Raises:
        ValueError: ``registry`` is not a host of Amazon ECR in the region of the client.
        TypeError: ``client`` is not an `ECRClient`.
        AmazonClientException: The call failed.
    """
    if isinstance(client, type) or not hasattr(client, "get_authorization_token"):
        raise TypeError(f"client must be an ECRClient, got {type(client).__name__}")
    # Not that of the object: `create_autospec` makes methods that seem to be asynchronous.
    if iscoroutinefunction(getattr(type(client), "get_authorization_token", None)):
        kind = type(client).__name__
        raise TypeError(f"{kind} is asynchronous: pass an ECRClient, for example in a thread")
    if registry is not None:
        _check_registry(client, registry)
    # One token is valid for every registry that the principal may pull from.
    # https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_GetAuthorizationToken.html
    found = client.get_authorization_token().authorization_data
    if not found:
        raise ResponseParseException(
            "the service sent no authorization token", "GetAuthorizationToken"
        )
    host = registry or urlsplit(found[0].proxy_endpoint).netloc
    return decode(found[0].authorization_token, host, found[0].expires_at)


def decode(token: str, registry: str, expires_at: datetime) -> DockerCredentials:
    """Return the user name and the password in the authorization token of a registry.

    Raises:
        ResponseParseException: The token is not base64 of a user name and a password.
    """
    try:
        username, colon, password = base64.b64decode(token, validate=True).decode().partition(":")
    except ValueError:
        username = colon = password = ""
    if not (username and colon and password):
        del token, username, password  # Tools that print local variables would show them.
        raise ResponseParseException(
            "the authorization token must be base64 of a user name, a colon and a password",
            "GetAuthorizationToken",
        )
    return DockerCredentials(
        registry=registry, username=username, password=password, expires_at=expires_at
    )


def _check_registry(client: ECRClient, registry: str) -> None:
    if registry == urlsplit(client.endpoint).netloc:
        return
    found = Registry.find(registry) if isinstance(registry, str) else None
    if found is None or found.region is None:
        raise ValueError(
            f"registry must be a host such as '123456789012.dkr.ecr.{client.region}.amazonaws.com',"
            f" got {registry!r}"
        )
    if found.region != client.region:
        raise ValueError(
            f"{registry!r} is in {found.region}, but the client calls {client.region}; create one"
            f" with ECRClient(region='{found.region}')"
        )
