"""The access keys of accounts, users and roles."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

from ecr_client.local.sigv4 import AccessKey

if TYPE_CHECKING:
    from ecr_client import Credentials

_ACCOUNT = re.compile("[0-9]{12}", re.ASCII)
_PRINCIPAL = re.compile(
    r"arn:aws[a-z-]*:(iam::(?P<iam>[0-9]{12}):(root|(user|role)/[!-~]+)"
    r"|sts::(?P<sts>[0-9]{12}):assumed-role/[!-~]+/[!-~]+)"
)


def checked_account(account: str) -> str:
    """Return an account id.

    Raises:
        ValueError: It does not have 12 digits.
    """
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"an account id must have 12 digits, got {account!r}")
    return account


def account_of(name: str) -> str:
    """Return the account of an account id or of the ARN of a principal.

    Raises:
        ValueError: It is neither.
    """
    found = _PRINCIPAL.fullmatch(name)
    if found is not None:
        return found["iam"] or found["sts"]
    if name.startswith("arn:"):
        raise ValueError(f"an ARN must be that of a user, a role or an assumed role, got {name!r}")
    return checked_account(name)


def keys_by_account(
    given: Credentials | Mapping[str, Credentials] | None, account: str, secret: bytes
) -> dict[str, Credentials]:
    """Return the keys of each account, with derived ones for the server's own if none are given.

    Args:
        given: The keys of the server's own account, or a mapping from account ids and ARNs of
            principals to keys.
        account: The server's own account.
        secret: What keys are derived from. It is kept with the data, so that a restarted server
            accepts the same keys.

    Raises:
        ValueError: An account id does not have 12 digits, an ARN is not that of a principal, or
            two of them have the same access key.
    """
    found = dict(given) if isinstance(given, Mapping) else {account: given} if given else {}
    found.setdefault(checked_account(account), _derived(account, secret))
    owners = {keys.access_key: account_of(owner) for owner, keys in found.items()}
    if len(owners) < len(found):
        raise ValueError(
            "credentials must have a different access key for each account, user and role"
        )
    return found


def access_keys(credentials: Mapping[str, Credentials]) -> dict[str, AccessKey]:
    """Return the access keys by their ids, from keys by account id or ARN."""
    return {
        keys.access_key: AccessKey(
            account=account_of(owner),
            secret=keys.secret_key,
            token=keys.token,
            arn=owner if owner.startswith("arn:") else None,
        )
        for owner, keys in credentials.items()
    }


def _derived(account: str, secret: bytes) -> Credentials:
    from ecr_client import Credentials

    def random_bytes(what: str) -> bytes:
        return hmac.new(secret, f"{what} of {account}".encode(), hashlib.sha256).digest()

    return Credentials(
        f"AKIA{base64.b32encode(random_bytes('access key')).decode()[:16]}",
        base64.urlsafe_b64encode(random_bytes("secret key")).decode()[:40],
    )
