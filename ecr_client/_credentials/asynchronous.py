"""Sources of credentials for the asynchronous client, which never block the event loop."""

from __future__ import annotations

import asyncio
from copy import copy
from functools import partial
from typing import TYPE_CHECKING, Any

from ecr_client._coroutines import in_thread, is_coroutine_function
from ecr_client._credentials.sources import (
    credentials_source,
    frozen,
    is_at_hand,
    provided,
)
from ecr_client._exceptions import AmazonClientException
from ecr_client._transport.base import shut_down
from ecr_client.credentials import ANONYMOUS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from ecr_client._coroutines import MaybeAwaitable
    from ecr_client._credentials.sources import CredentialsSource
    from ecr_client._lifetime import AsyncLifetime
    from ecr_client.credentials import Credentials


class AsyncCredentialsSource:
    """A source whose lookups run in a worker thread, or in the event loop if they are coroutines.

    All tasks that wait for a lookup share it, and the cancellation of one does not end it for the
    others.

    Args:
        lifetime: The lifetime of the client, whose end cancels the lookups.
        arguments: The arguments of `credentials_source`; ``credentials`` may be an asynchronous
            function.
    """

    def __init__(self, lifetime: AsyncLifetime, **arguments: Any) -> None:
        self._lifetime = lifetime
        self._provider: Any = None
        if is_coroutine_function(arguments.get("credentials")):
            self._provider = arguments["credentials"]
            arguments["credentials"] = ANONYMOUS  # never resolved, but excludes the others
        self._source: CredentialsSource = credentials_source(**arguments)
        self._lookups: dict[object, asyncio.Future[Any]] = {}

    def resolve(self) -> MaybeAwaitable[Credentials | None]:
        """Return what `CredentialsSource.resolve` returns, at once if nothing has to be awaited."""
        if self._provider is not None:
            return self._shared("resolve", self._provided)
        if self._source.ready():
            return self._source.resolve()
        return self._shared("resolve", lambda: in_thread(self._source.resolve))

    async def refresh(self, expired: Credentials) -> bool:
        """Return what `CredentialsSource.refresh` returns."""
        if self._provider is not None:
            return bool(await self._shared("resolve", self._provided) != expired)
        refresh = partial(self._source.refresh, expired)
        return bool(await self._shared(("refresh", expired), lambda: in_thread(refresh)))

    async def _provided(self) -> Credentials:
        found = await provided(self._provider)
        if is_at_hand(found):
            return frozen(found, self._provider)
        keys: Credentials = await in_thread(partial(frozen, found, self._provider))
        return keys

    async def _shared(self, key: object, look_up: Callable[[], Awaitable[Any]]) -> Any:
        lookup = self._lookups.get(key)
        if lookup is None:
            lookup = self._lookups[key] = asyncio.ensure_future(look_up())
            lookup.add_done_callback(partial(self._ended, key))
            self._lifetime.own(lookup)
        try:
            return await asyncio.shield(lookup)
        except AmazonClientException as error:
            # Each call adds what it knows to its own exception.
            raise copy(error) from error.__cause__
        except asyncio.CancelledError:
            if self._lifetime.over and lookup.cancelled():
                raise shut_down("looking up credentials") from None
            raise

    def _ended(self, key: object, lookup: asyncio.Future[Any]) -> None:
        self._lookups.pop(key, None)
        if not lookup.cancelled():
            lookup.exception()  # or it would be reported as lost if all waiting tasks are cancelled
