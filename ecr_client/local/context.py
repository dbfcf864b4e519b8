"""The context of a request: everything that a handler needs besides the members."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.registry import RegistryKey

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from datetime import datetime

    from ecr_client.local.permissions import Permissions
    from ecr_client.local.policy_evaluation import Principal
    from ecr_client.local.store import Store
    from ecr_client.local.tokens import Tokens

#: The hosts of the API at AWS.
_SERVICE = re.compile(
    r"(api\.)?ecr(?P<fips>-fips)?\.(?P<rest>[a-z0-9-]+\.amazonaws\.com(\.cn)?)(:[0-9]+)?"
)


@attrs.frozen(kw_only=True)
class Context:
    """The principal, the store, the time and the URL of one request.

    Args:
        account: The principal's account, 12 digits.
        principal: Who signed the request.
        region: The region that the request was signed for.
        store: The store of the server.
        clock: Returns the time as an aware UTC datetime.
        base_url: Scheme and host as the client reached them, such as ``http://127.0.0.1:5001``.
        tokens: Issues and verifies authorization tokens and presigned URLs.
        permissions: Evaluates the policies of other accounts.
    """

    account: str
    principal: Principal
    region: str
    store: Store
    clock: Callable[[], datetime]
    base_url: str
    tokens: Tokens
    permissions: Permissions

    def registry(self, members: Mapping[str, Any]) -> RegistryKey:
        """Return the registry that a request is about: its ``registryId``, or the principal's."""
        return RegistryKey(members.get("registryId") or self.account, self.region)

    def address(self, account: str) -> str:
        """Return the URL that images of an account are pushed to: the one that the client used.

        A client that uses a host of AWS, which a resolver or a proxy redirects here, gets the host
        that the registry would have at AWS.
        """
        scheme, _, host = self.base_url.partition("://")
        if found := _SERVICE.fullmatch(host):
            return f"https://{account}.dkr.ecr{found['fips'] or ''}.{found['rest']}"
        return f"{scheme}://{host}"
