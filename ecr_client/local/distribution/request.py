"""A request of the registry protocol, and what its handler works with."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING, TypeVar

import attrs

from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.store import sha256_digest

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.requests import Request

    from ecr_client.local.context import Context
    from ecr_client.local.distribution.sessions import UploadSessions
    from ecr_client.local.policy_evaluation import Principal
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.request_bodies import RequestBodies
    from ecr_client.local.service import Service
    from ecr_client.local.store import Store
    from ecr_client.oci import Digest

T = TypeVar("T")


@attrs.frozen(kw_only=True)
class RegistryRequest:
    """An authenticated request.

    Args:
        http: The HTTP request.
        service: The server's settings and its store.
        bodies: Receives manifests, and has the threads that work on the store.
        sessions: The uploads that requests are working on.
        registry: The registry that the request is about.
        principal: Whom the password was issued to.
        base_url: Scheme and host as the client reached them.
    """

    http: Request
    service: Service
    bodies: RequestBodies
    sessions: UploadSessions
    registry: RegistryKey
    principal: Principal
    base_url: str

    @property
    def store(self) -> Store:
        """The store of the server."""
        return self.service.store

    @property
    def name(self) -> str:
        """The name of the repository in the path."""
        return str(self.http.path_params["name"])

    @property
    def context(self) -> Context:
        """The request in the form in which the handlers of the API take it."""
        return self.service.context(*self.registry, self.principal, self.base_url)

    def path(self, name: str) -> str:
        """Return a parameter of the path."""
        return str(self.http.path_params[name])

    def query(self, name: str) -> str | None:
        """Return a parameter of the query, or None."""
        return self.http.query_params.get(name)

    def header(self, name: str) -> str | None:
        """Return a header, or None."""
        return self.http.headers.get(name)

    @property
    def has_body(self) -> bool:
        """Whether the request has a body."""
        length = self.header("content-length")
        return self.header("transfer-encoding") is not None or length not in (None, "0")

    async def run(self, work: Callable[..., T], *arguments: object) -> T:
        """Return what `work` returns in another thread; see `RequestBodies.run`."""
        return await self.bodies.run(partial(work, *arguments))


def checked_digest(text: str | None) -> Digest:
    """Return the digest that a client named.

    Raises:
        RegistryError: It is not a SHA-256 digest.
    """
    digest = sha256_digest(text or "")
    if digest is None:
        raise RegistryError("DIGEST_INVALID", f"not a sha256 digest: '{text or ''}'")
    return digest
