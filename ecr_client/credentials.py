"""Credentials: the keys that sign calls, and what a client takes in their place."""

from __future__ import annotations

import enum
import re
from collections.abc import Awaitable, Callable
from typing import Any, Final, Protocol

import attrs

from ecr_client._common.hints import explains_its_keywords
from ecr_client._common.redact import keeps_values_secret
from ecr_client._exceptions import InvalidConfigurationException

# Keys are sent in headers, which allow nothing else; a trailing newline is the usual mistake.
_KEY = r"[!-~]+"


def _check_key(_: object, field: attrs.Attribute[Any], value: object) -> None:
    if not isinstance(value, str):
        raise InvalidConfigurationException(
            f"{field.name} must be a str, got {type(value).__name__}"
        )
    if not re.fullmatch(_KEY, value):
        problem = "got whitespace or other characters" if value else "got an empty string"
        raise InvalidConfigurationException(
            f"{field.name} must consist of visible ASCII characters, {problem}; copy it again"
        )


@keeps_values_secret
@explains_its_keywords
@attrs.frozen
class Credentials:
    """Keys that sign calls; the repr shows only the access key.

    Args:
        access_key: The access key id, for example ``AKIAIOSFODNN7EXAMPLE``.
        secret_key: The secret access key.
        token: The session token of temporary credentials, or ``None``.

    Raises:
        InvalidConfigurationException: A value is not a ``str``, is empty, or contains whitespace.
    """

    access_key: str = attrs.field(validator=_check_key)
    secret_key: str = attrs.field(repr=False, validator=_check_key)
    token: str | None = attrs.field(
        default=None, repr=False, validator=attrs.validators.optional(_check_key)
    )


class Keys(Protocol):
    """An object that holds keys, as botocore's ``ReadOnlyCredentials`` does."""

    @property
    def access_key(self) -> str: ...
    @property
    def secret_key(self) -> str: ...
    @property
    def token(self) -> str | None: ...


class RefreshingKeys(Protocol):
    """An object that refreshes its keys, as botocore's ``RefreshableCredentials`` does."""

    def get_frozen_credentials(self) -> Keys: ...


class Anonymous(enum.Enum):
    """The type of `ANONYMOUS`, its only value."""

    ANONYMOUS = "ANONYMOUS"

    def __repr__(self) -> str:
        return self.name


#: Pass it as ``credentials`` to send calls without a signature and to look up no credentials. It is
#: for emulators that do not check signatures; the service itself refuses such calls.
ANONYMOUS: Final = Anonymous.ANONYMOUS

#: The type of the ``credentials`` argument of a client.
CredentialsLike = Keys | RefreshingKeys | Callable[[], Keys | RefreshingKeys] | Anonymous

#: The type of the ``credentials`` argument of an asynchronous client.
AsyncCredentialsLike = CredentialsLike | Callable[[], Awaitable[Keys | RefreshingKeys]]
