"""The accounts of a local ECR, and the keys that their requests are signed with."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ecr_client import Credentials

_ACCOUNT = re.compile("[0-9]{12}", re.ASCII)


def checked_account(account: str) -> str:
    """Give an account id that can be one.

    Raises:
        ValueError: It has not 12 digits.
    """
    if not _ACCOUNT.fullmatch(account):
        raise ValueError(f"an account id has 12 digits, and {account!r} has not")
    return account


def keys_by_account(
    given: Credentials | Mapping[str, Credentials] | None, account: str, secret: bytes
) -> dict[str, Credentials]:
    """Give the keys of each account, with made-up ones for the server's own if there are none.

    Args:
        given: The keys of the server's own account, or a mapping from account ids to keys.
        account: The server's own account.
        secret: What keys are made from. It is kept with the data, so a server that begins again
            takes the keys that it took before.

    Raises:
        ValueError: An account id has not 12 digits, or two accounts have the same access key.
    """
    found = dict(given) if isinstance(given, Mapping) else {account: given} if given else {}
    found.setdefault(checked_account(account), _made(account, secret))
    owners = {keys.access_key: checked_account(owner) for owner, keys in found.items()}
    if len(owners) < len(found):
        raise ValueError("accounts need access keys of their own")
    return found


def _made(account: str, secret: bytes) -> Credentials:
    from ecr_client import Credentials

    def derived(what: str) -> bytes:
        return hmac.new(secret, f"{what} of {account}".encode(), hashlib.sha256).digest()

    return Credentials(
        f"AKIA{base64.b32encode(derived('access key')).decode()[:16]}",
        base64.urlsafe_b64encode(derived("secret key")).decode()[:40],
    )
