"""Pages of a listing, and the opaque tokens between them.

A token is only valid for the operation, registry, repository and filter that it was issued for. It
expires after a day, when its repository is deleted (even if one of the same name is created), and
when the list changes before the place where the token continues.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta
from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError, invalid_parameter

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ecr_client.local.context import Context

DEFAULT_SIZE = 100
#: How long a token is valid, which the service does not document.
LIFETIME = timedelta(days=1)
#: The members that may change from page to page.
_CHANGEABLE = ("nextToken", "maxResults")


def page(
    context: Context,
    operation: str,
    members: Mapping[str, Any],
    fetch: Callable[[Any, int], Sequence[Any]],
    position: Callable[[Any], Any],
) -> tuple[Sequence[Any], dict[str, str]]:
    """Return the items of one page, and ``{"nextToken": ...}`` if there are more.

    Args:
        context: The context of the request.
        operation: The operation.
        members: The members of the request: ``nextToken``, ``maxResults``, and those that a token
            is bound to.
        fetch: Returns items after a position (None for the beginning), up to a number.
        position: Returns the position of an item, as a JSON value.

    Raises:
        ServiceError: InvalidParameterException for an invalid token.
    """
    size = members.get("maxResults") or DEFAULT_SIZE
    bound = _bound(context, operation, members)
    token = members.get("nextToken")
    after = None if token is None else _open(context, bound, token)
    found = fetch(after, size + 1)
    if len(found) <= size:
        return found, {}
    found = found[:size]
    return found, {"nextToken": _seal(context, bound, position(found[-1]))}


def page_of(
    context: Context, operation: str, members: Mapping[str, Any], items: Sequence[Any]
) -> tuple[Sequence[Any], dict[str, str]]:
    """Return one page of a list of JSON values; see `page`."""

    def fetch(after: Any, size: int) -> Sequence[tuple[int, Any]]:
        first, last_item = after or (0, "")
        if first and (first > len(items) or _fingerprint(items[first - 1]) != last_item):
            raise _refused("The list has changed since the token was issued")
        return list(enumerate(items[first : first + size], first + 1))

    found, more = page(
        context, operation, members, fetch, lambda item: [item[0], _fingerprint(item[1])]
    )
    return [item for _, item in found], more


def refuse_with(members: Mapping[str, Any], names: str) -> None:
    """Refuse ``nextToken`` and ``maxResults`` in a request that names the items.

    Args:
        members: The members of the request.
        names: The member that names the items.

    Raises:
        ServiceError: InvalidParameterException.
    """
    if "nextToken" in members or "maxResults" in members:
        raise invalid_parameter(
            names, f"maxResults and nextToken cannot be given together with {names}"
        )


def _bound(context: Context, operation: str, members: Mapping[str, Any]) -> str:
    """Return everything that a token is bound to."""
    fixed = {name: value for name, value in members.items() if name not in _CHANGEABLE}
    if name := members.get("repositoryName"):
        # A later repository of the same name is another one.
        fixed["repository"] = context.store.repositories.require(context.registry(members), name).id
    return json.dumps([operation, context.account, context.region, fixed], sort_keys=True)


def _seal(context: Context, bound: str, position: Any) -> str:
    text = json.dumps([context.clock().timestamp(), position]).encode()
    return base64.urlsafe_b64encode(_signature(context, bound, text) + text).decode()


def _open(context: Context, bound: str, token: str) -> Any:
    try:
        sealed = base64.b64decode(token, altchars=b"-_", validate=True)
    except ValueError:
        sealed = b""
    signature, text = sealed[:16], sealed[16:]
    if not text or not hmac.compare_digest(signature, _signature(context, bound, text)):
        raise _refused("The token does not belong to this listing")
    issued_at, position = json.loads(text)
    if context.clock().timestamp() - issued_at > LIFETIME.total_seconds():
        raise _refused("The token has expired")
    return position


def _refused(why: str) -> ServiceError:
    return invalid_parameter("nextToken", why)


def _fingerprint(item: Any) -> str:
    return hashlib.sha256(json.dumps(item, sort_keys=True).encode()).hexdigest()[:16]


def _signature(context: Context, bound: str, text: bytes) -> bytes:
    secret = context.store.secret("pages")
    return hmac.new(secret, bound.encode() + b"\n" + text, hashlib.sha256).digest()[:16]
