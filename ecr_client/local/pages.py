"""Pages of a listing, and the opaque tokens between them.

A token is foreign where the operation, the registry, the repository or the filter is another one
than that which it was given for. It is stale after a day, when its repository was deleted (be there
a new one of that name or not), and when the list was changed before the place where it goes on.
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
#: How long a token is good for. The service does not say how long its own are.
LIFETIME = timedelta(days=1)
#: What may change from page to page; all else has to stay as it was.
_FREE = ("nextToken", "maxResults")


def page(
    context: Context,
    operation: str,
    members: Mapping[str, Any],
    fetch: Callable[[Any, int], Sequence[Any]],
    position: Callable[[Any], Any],
) -> tuple[Sequence[Any], dict[str, str]]:
    """Give the items of one page, and ``{"nextToken": ...}`` if there are more.

    Args:
        context: Of the request.
        operation: Whose page it is.
        members: Of the request: ``nextToken``, ``maxResults``, and what the token is bound to.
        fetch: Gives up to so many items after a position, which is None for the beginning.
        position: Gives the position of an item, as JSON knows values.

    Raises:
        ServiceError: InvalidParameterException for a token that is foreign or stale.
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
    """Give one page of items that are all there already, as JSON knows values; see `page`."""

    def fetch(after: Any, size: int) -> Sequence[tuple[int, Any]]:
        first, last_item = after or (0, "")
        if first and (first > len(items) or _fingerprint(items[first - 1]) != last_item):
            raise _refused("The list has changed since the token was given out")
        return list(enumerate(items[first : first + size], first + 1))

    found, more = page(
        context, operation, members, fetch, lambda item: [item[0], _fingerprint(item[1])]
    )
    return [item for _, item in found], more


def refuse_with(members: Mapping[str, Any], names: str) -> None:
    """Refuse a request for a page that names its items, too, where the service has either or.

    Args:
        members: Of the request.
        names: The member that names the items.

    Raises:
        ServiceError: InvalidParameterException.
    """
    if "nextToken" in members or "maxResults" in members:
        raise invalid_parameter(
            names, f"maxResults and nextToken cannot be given together with {names}"
        )


def _bound(context: Context, operation: str, members: Mapping[str, Any]) -> str:
    """Give all that a token is good for: it fits no other operation, registry or filter."""
    fixed = {name: value for name, value in members.items() if name not in _FREE}
    if name := members.get("repositoryName"):
        # A repository of the same name that is made later is another one.
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
        raise _refused("The token is not one of this listing")
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
