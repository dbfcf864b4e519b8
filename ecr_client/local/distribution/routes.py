"""Which function handles which path and method of the registry protocol."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from typing import TYPE_CHECKING, cast

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ecr_client.local.distribution import blobs, lists, manifests, uploads
from ecr_client.local.distribution.access import authorize
from ecr_client.local.distribution.errors import (
    RegistryError,
    error_response,
    translated,
    unsupported,
)
from ecr_client.local.distribution.request import RegistryRequest
from ecr_client.local.distribution.sessions import UploadSessions
from ecr_client.local.errors import ServiceError
from ecr_client.local.resource_exhaustion import log_failure

if TYPE_CHECKING:
    from starlette.types import Receive, Scope, Send

    from ecr_client.local.request_bodies import RequestBodies
    from ecr_client.local.service import Service

#: A function is run in a thread; a coroutine function receives the body as it arrives.
RouteHandler = (
    Callable[[RegistryRequest], Response] | Callable[[RegistryRequest], Awaitable[Response]]
)
#: Names of repositories, by the service's model.
_NAME = re.compile(
    r"(?=.{2,256}$)[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


def _version(request: RegistryRequest) -> Response:
    """Return an empty object, by which clients recognize a registry."""
    return JSONResponse({})


#: The first path that matches is taken, and a name may have slashes: longer endings come first. A
#: HEAD is handled as a GET. `permissions.REQUEST_ACTIONS` has the actions that each request needs.
ROUTES: Mapping[str, Mapping[str, RouteHandler]] = {
    "/v2": {"GET": _version},
    "/v2/": {"GET": _version},
    "/v2/_catalog": {"GET": lists.catalog},
    "/v2/{name:path}/blobs/uploads": {"POST": uploads.start},
    "/v2/{name:path}/blobs/uploads/": {"POST": uploads.start},
    "/v2/{name:path}/blobs/uploads/{upload}": {
        "GET": uploads.status,
        "PATCH": uploads.append,
        "PUT": uploads.finish,
        "DELETE": uploads.cancel,
    },
    "/v2/{name:path}/blobs/{digest}": {"GET": blobs.get, "DELETE": blobs.delete},
    "/v2/{name:path}/manifests/{reference}": {
        "GET": manifests.get,
        "PUT": manifests.put,
        "DELETE": manifests.delete,
    },
    "/v2/{name:path}/tags/list": {"GET": lists.tags},
    "/v2/{name:path}/referrers/{digest}": {"GET": lists.referrers},
    "/v2/{rest:path}": {},
}


def routes(
    service: Service, bodies: RequestBodies, base_url: Callable[[Request], str]
) -> list[Route]:
    """Return the routes of the registry protocol.

    Args:
        service: The server's settings and its store.
        bodies: Receives manifests, and has the threads that work on the store.
        base_url: Returns scheme and host as the client of a request reached them.
    """
    sessions = UploadSessions()
    return [
        Route(
            path,
            _Resource(
                service=service,
                bodies=bodies,
                sessions=sessions,
                base_url=base_url,
                path=path,
                handlers=handlers,
            ),
            name=f"registry {path}",
        )
        for path, handlers in ROUTES.items()
    ]


@attrs.frozen(kw_only=True, eq=False)
class _Resource:
    """An ASGI application for the paths of one form, with a handler for every method."""

    service: Service
    bodies: RequestBodies
    sessions: UploadSessions
    base_url: Callable[[Request], str]
    path: str
    handlers: Mapping[str, RouteHandler]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        http = Request(scope, receive, send)
        try:
            response = await self._handle(http)
        except RegistryError as error:
            response = error_response(error)
        except ServiceError as error:
            response = error_response(translated(error))
        except ClientDisconnect:
            raise
        except Exception as error:
            response = error_response(_failure(http, error))
        response.headers.update(_VERSION)
        await response(scope, receive, send)

    async def _handle(self, http: Request) -> Response:
        base_url = self.base_url(http)
        registry, principal = authorize(self.service, http.headers.get("authorization"), base_url)
        request = RegistryRequest(
            http=http,
            service=self.service,
            bodies=self.bodies,
            sessions=self.sessions,
            registry=registry,
            principal=principal,
            base_url=base_url,
        )
        handler = self._handler(http)
        name = http.path_params.get("name")
        if name is not None and not _NAME.fullmatch(name):
            raise RegistryError("NAME_INVALID", f"'{name}' is not a valid name of a repository")
        if inspect.iscoroutinefunction(handler):
            await request.run(self._check_permissions, request)
            return cast("Response", await handler(request))

        def work() -> Response:
            self._check_permissions(request)
            return cast("Response", handler(request))

        return await request.run(work)

    def _check_permissions(self, request: RegistryRequest) -> None:
        self.service.permissions.check_request(
            request.principal,
            request.registry,
            self.path,
            request.http.method,
            repository=request.http.path_params.get("name"),
            at_once=request.query("digest") is not None,
        )

    def _handler(self, http: Request) -> RouteHandler:
        if not self.handlers:
            message = f"There is nothing at {http.scope['path']}"
            raise RegistryError("UNSUPPORTED", message, status=404)
        method = "GET" if http.method == "HEAD" else http.method
        handler = self.handlers.get(method)
        if handler is None:
            raise unsupported(f"{http.method} is not supported at {http.scope['path']}")
        return handler


def _failure(http: Request, error: Exception) -> RegistryError:
    exhausted = log_failure(f"{http.method} {http.scope['path']}", error)
    if exhausted is not None:
        return RegistryError("UNKNOWN", exhausted.reason, status=exhausted.status)
    message = "The local ECR failed; its log has the traceback."
    return RegistryError("UNKNOWN", message, status=500)
