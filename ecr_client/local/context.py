"""What a handler knows about the request besides its members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.store.scope import Scope

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_client.local.permissions import Permissions
    from ecr_client.local.policy_evaluation import Principal
    from ecr_client.local.store import Store
    from ecr_client.local.tokens import Tokens

#: The hosts of the service's API.
_SERVICE = re.compile(
    r"(api\.)?ecr(?P<fips>-fips)?\.(?P<rest>[a-z0-9-]+\.amazonaws\.com(\.cn)?)(:[0-9]+)?"
)


@attrs.frozen(kw_only=True)
class Context:
    """The caller, the store, the time and the address of one request.

    Args:
        account: The caller's account, 12 digits.
        principal: Who signed the request.
        region: The region that the request was signed for.
        store: Where everything is kept.
        clock: Gives the time as an aware UTC datetime.
        base_url: Scheme and host as the caller reached them, such as ``http://127.0.0.1:5001``.
        tokens: Makes and checks authorization tokens and download addresses.
        permissions: Asks the policies of other accounts.
    """

    account: str
    principal: Principal
    region: str
    store: Store
    clock: Callable[[], datetime]
    base_url: str
    tokens: Tokens
    permissions: Permissions

    def registry(self, members: Mapping[str, Any]) -> Scope:
        """Give the registry that a request is about: its ``registryId``, or the caller's own."""
        return Scope(members.get("registryId") or self.account, self.region)

    def address(self, account: str) -> str:
        """Give the URL that images of an account are pushed to: where the caller reached us.

        Who calls us by a name of the service, since a resolver or a proxy leads it here, gets the
        name that the service's registry would have.
        """
        scheme, _, host = self.base_url.partition("://")
        if found := _SERVICE.fullmatch(host):
            return f"https://{account}.dkr.ecr{found['fips'] or ''}.{found['rest']}"
        return f"{scheme}://{host}"
