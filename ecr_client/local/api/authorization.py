"""The handler that gives out authorization tokens."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.operations import operation
from ecr_client.local.store.scope import Scope

if TYPE_CHECKING:
    from ecr_client.local.context import Context


@operation("GetAuthorizationToken")
def get_authorization_token(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give a token for each registry that was named, or for the caller's own one.

    All registries have one address here; the token tells which of them is meant, and who asked for
    it: in the registry of another account it opens what that account's policies allow.
    """
    data = []
    for account in dict.fromkeys(members.get("registryIds") or [context.account]):
        token, expires_at = context.tokens.authorization(
            Scope(account, context.region), context.principal
        )
        data.append(
            {
                "authorizationToken": token,
                "expiresAt": expires_at,
                "proxyEndpoint": context.address(account),
            }
        )
    return {"authorizationData": data}
