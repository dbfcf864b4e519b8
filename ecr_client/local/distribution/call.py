"""A request of the registry protocol, and what its handler works with."""

from __future__ import annotations

import asyncio
from functools import partial
from typing import TYPE_CHECKING, TypeVar

import attrs

from ecr_client.local.context import Context
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.store.blobs import DIGEST

if TYPE_CHECKING:
    from collections.abc import Callable
    from concurrent.futures import Executor

    from starlette.requests import Request

    from ecr_client.local.policy_evaluation import Principal
    from ecr_client.local.service import Service
    from ecr_client.local.store import Scope, Store

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class Call:
    """A request whose caller is known.

    Args:
        request: The request.
        service: The server's settings and its store.
        executor: The threads that work on the store.
        scope: The registry that the caller's password is for.
        principal: Whom the password was given to.
        base_url: Scheme and host as the caller reached them.
    """

    request: Request
    service: Service
    executor: Executor
    scope: Scope
    principal: Principal
    base_url: str

    @property
    def store(self) -> Store:
        """Where everything is kept."""
        return self.service.store

    @property
    def name(self) -> str:
        """The name of the repository that the path is about."""
        return str(self.request.path_params["name"])

    @property
    def context(self) -> Context:
        """The same request as the handlers of the API would see it."""
        return Context(
            account=self.scope.account,
            principal=self.principal,
            region=self.scope.region,
            store=self.service.store,
            clock=self.service.clock,
            base_url=self.base_url,
            tokens=self.service.tokens,
            permissions=self.service.permissions,
        )

    def path(self, name: str) -> str:
        """Give a part of the path."""
        return str(self.request.path_params[name])

    def query(self, name: str) -> str | None:
        """Give a parameter of the query, or None."""
        return self.request.query_params.get(name)

    def header(self, name: str) -> str | None:
        """Give a header, or None."""
        return self.request.headers.get(name)

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Give what `work` returns in another thread.

        It has ended when this ends, even if nobody wants the result any more.
        """
        loop = asyncio.get_running_loop()
        future = loop.run_in_executor(self.executor, partial(work, *arguments))
        try:
            return await asyncio.shield(future)
        except asyncio.CancelledError:
            await asyncio.wait([future])
            raise


def checked_digest(text: str | None) -> str:
    """Give the digest that a caller named.

    Raises:
        RegistryError: It is not one, or of another algorithm than the store knows.
    """
    if text is None or not DIGEST.fullmatch(text):
        raise RegistryError("DIGEST_INVALID", f"not a sha256 digest: '{text or ''}'")
    return text
