"""Which path and method is answered by what, and the answers that are errors."""

from __future__ import annotations

import inspect
import re
from collections.abc import Awaitable, Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING, cast

import attrs
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ecr_client.local.distribution import blobs, lists, manifests, referrers, uploads
from ecr_client.local.distribution.access import authorize
from ecr_client.local.distribution.call import Call
from ecr_client.local.distribution.errors import RegistryError, answer, translated, unsupported
from ecr_client.local.errors import ServiceError
from ecr_client.local.exhaustion import log_failure

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from starlette.types import Receive, Scope, Send

    from ecr_client.local.bodies import Bodies
    from ecr_client.local.service import Service

#: A function is run in a thread; a coroutine function takes the body as it comes.
Handler = Callable[[Call], Response] | Callable[[Call], Awaitable[Response]]
#: Names of repositories, by the service's model.
_NAME = re.compile(
    r"(?=.{2,256}$)[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*(/[a-z0-9]+((\.|_|__|-+)[a-z0-9]+)*)*"
)
_VERSION = {"Docker-Distribution-Api-Version": "registry/2.0"}


def routes(
    service: Service, executor: Executor, bodies: Bodies, base_url: Callable[[Request], str]
) -> list[Route]:
    """Give the routes of the registry protocol.

    Args:
        service: The server's settings and its store.
        executor: The threads that work on the store.
        bodies: Receives manifests.
        base_url: Gives scheme and host as the caller of a request reached them.
    """
    pushes = uploads.Uploads()
    upload: dict[str, Handler] = {
        "GET": uploads.status,
        "PATCH": pushes.append,
        "PUT": pushes.finish,
        "DELETE": pushes.cancel,
    }
    # The first one that fits is taken, and a name may have slashes: longer endings come first.
    table: list[tuple[str, dict[str, Handler]]] = [
        ("/v2", {"GET": _version}),
        ("/v2/", {"GET": _version}),
        ("/v2/_catalog", {"GET": lists.catalog}),
        ("/v2/{name:path}/blobs/uploads", {"POST": pushes.start}),
        ("/v2/{name:path}/blobs/uploads/", {"POST": pushes.start}),
        ("/v2/{name:path}/blobs/uploads/{upload}", upload),
        ("/v2/{name:path}/blobs/{digest}", {"GET": blobs.get, "DELETE": blobs.delete}),
        (
            "/v2/{name:path}/manifests/{reference}",
            {
                "GET": manifests.get,
                "PUT": partial(manifests.put, bodies),
                "DELETE": manifests.delete,
            },
        ),
        ("/v2/{name:path}/tags/list", {"GET": lists.tags}),
        ("/v2/{name:path}/referrers/{digest}", {"GET": referrers.get}),
        ("/v2/{rest:path}", {}),
    ]
    return [
        Route(
            path,
            _Resource(
                service=service,
                executor=executor,
                base_url=base_url,
                path=path,
                handlers=handlers,
            ),
            name=f"registry {path}",
        )
        for path, handlers in table
    ]


@attrs.frozen(kw_only=True, eq=False)
class _Resource:
    """What is at the paths of one form: an ASGI application with a handler for every method."""

    service: Service
    executor: Executor
    base_url: Callable[[Request], str]
    path: str
    handlers: Mapping[str, Handler]

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive, send)
        try:
            response = await self._answer(request)
        except RegistryError as error:
            response = answer(error)
        except ServiceError as error:
            response = answer(translated(error))
        except ClientDisconnect:
            raise
        except Exception as error:
            response = answer(_failure(request, error))
        response.headers.update(_VERSION)
        await response(scope, receive, send)

    async def _answer(self, request: Request) -> Response:
        base_url = self.base_url(request)
        scope, principal = authorize(self.service, request.headers.get("authorization"), base_url)
        call = Call(
            request=request,
            service=self.service,
            executor=self.executor,
            scope=scope,
            principal=principal,
            base_url=base_url,
        )
        handler = self._handler(request)
        name = request.path_params.get("name")
        if name is not None and not _NAME.fullmatch(name):
            raise RegistryError("NAME_INVALID", f"'{name}' is not a name of a repository")
        if inspect.iscoroutinefunction(handler):
            await call.run(self._check, call)
            return cast("Response", await handler(call))

        def work() -> Response:
            self._check(call)
            return cast("Response", handler(call))

        return await call.run(work)

    def _check(self, call: Call) -> None:
        self.service.permissions.check_request(
            call.principal,
            call.scope,
            self.path,
            call.request.method,
            repository=call.request.path_params.get("name"),
            at_once=call.query("digest") is not None,
        )

    def _handler(self, request: Request) -> Handler:
        if not self.handlers:
            message = f"There is nothing at {request.scope['path']}"
            raise RegistryError("UNSUPPORTED", message, status=404)
        method = "GET" if request.method == "HEAD" else request.method
        handler = self.handlers.get(method)
        if handler is None:
            raise unsupported(f"{request.method} is not supported at {request.scope['path']}")
        return handler


def _failure(request: Request, error: Exception) -> RegistryError:
    exhausted = log_failure(f"{request.method} {request.scope['path']}", error)
    if exhausted is not None:
        return RegistryError("UNKNOWN", exhausted.reason, status=exhausted.status)
    message = "The local ECR failed; its log has the traceback."
    return RegistryError("UNKNOWN", message, status=500)


def _version(call: Call) -> Response:
    """Say that this is a registry, to who may use it."""
    return JSONResponse({})
