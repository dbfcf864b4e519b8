"""The ASGI application: the API at ``POST /``, downloads of layers, the registry protocol."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from attrs import evolve
from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ecr_client.local import wire
from ecr_client.local.blob_response import BlobResponse
from ecr_client.local.distribution import routes
from ecr_client.local.distribution.errors import RegistryError, error_response
from ecr_client.local.errors import ServiceError
from ecr_client.local.hosts import HostCheck
from ecr_client.local.lingering_close import LingeringClose
from ecr_client.local.request_bodies import SMALL, RequestBodies
from ecr_client.local.service import failure
from ecr_client.local.sigv4 import HttpRequest
from ecr_client.local.tokens import DOWNLOADS

if TYPE_CHECKING:
    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from ecr_client.local.hosts import Hosts
    from ecr_client.local.service import Service

#: The longest body of the API in bytes: the largest layer part of the model, in base64, and room
#: for the other members. The longest manifest is shorter.
LARGEST_BODY = 20_971_520 * 4 // 3 + (1 << 20)
_LARGE = ("PutImage", "UploadLayerPart")
#: The longest body of other operations; valid requests are much shorter.
LARGEST_SMALL_BODY = 1 << 20

_NUMBER = re.compile(r"[0-9]{1,18}")


def create_app(service: Service, bodies: RequestBodies, hosts: Hosts) -> ASGIApp:
    """Return the application that serves a service over HTTP.

    Args:
        service: Handles requests of the API, and has the store.
        bodies: Receives bodies, and has the threads that requests are handled in.
        hosts: The host names of the server.
    """
    table: list[BaseRoute] = [
        Route("/", _Api(service, bodies, hosts).handle, methods=["POST"]),
        Route(DOWNLOADS + "{layer:path}", _Downloads(service).handle, methods=["GET"]),
        *routes(service, bodies, hosts.base_url),
    ]
    application = Starlette(
        routes=table,
        exception_handlers={404: _not_found, 405: _not_found, Exception: _failed},
    )
    return LingeringClose(HostCheck(application, hosts, _refused))


class _Api:
    """``POST /``."""

    def __init__(self, service: Service, bodies: RequestBodies, hosts: Hosts) -> None:
        self._service = service
        self._bodies = bodies
        self._hosts = hosts

    async def handle(self, request: Request) -> Response:
        received = HttpRequest(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.scope["headers"]
            ),
        )
        operation = wire.operation_of(received.value("x-amz-target"))
        longest = LARGEST_BODY if operation in _LARGE else LARGEST_SMALL_BODY
        length = _content_length(request)
        may_be_long = operation in _LARGE if length is None else length > SMALL
        try:
            if length is not None and length > longest:
                raise _too_large(longest)
            if may_be_long:
                self._service.refuse_early(received, request.state.now)
            body = await self._bodies.receive(request.stream(), longest)
            if body is None:
                raise _too_large(longest)
        except ServiceError as error:
            return _response(wire.encode_error(error))
        except OSError as error:
            return _response(failure(str(operation), error))
        url, now = self._hosts.base_url(request), request.state.now

        def work(data: wire.Buffer) -> wire.ApiResponse:
            return self._service.handle(evolve(received, body=data), url, now)

        return _response(await self._bodies.process(body, work))


class _Downloads:
    """Layers by presigned URL."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def handle(self, request: Request) -> Response:
        granted = self._service.tokens.check_download(request.scope["path"], request.query_params)
        if granted is None:
            return _refusal(403, "AccessDenied", "The presigned URL is invalid or has expired.")
        _, _, digest = granted
        blobs = self._service.store.blobs
        if not blobs.exists(digest):
            return _refusal(404, "NoSuchKey", "The layer does not exist.")
        return BlobResponse(
            blobs.path(digest), refuse=_refuse_range, headers={"ETag": f'"{digest}"'}
        )


def _content_length(request: Request) -> int | None:
    """Return the Content-Length, or None if it is absent or malformed: then bytes are counted."""
    text = request.headers.get("content-length", "")
    return int(text) if _NUMBER.fullmatch(text) else None


def _too_large(longest: int) -> ServiceError:
    message = f"The body is longer than {longest} bytes."
    return ServiceError("RequestEntityTooLargeException", message, status=413)


def _response(encoded: wire.ApiResponse) -> Response:
    return Response(encoded.body, encoded.status, encoded.headers)


def _refusal(status: int, code: str, message: str) -> Response:
    """Return an error in the form of the storage service that serves downloads."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


def _refuse_range(status: int, message: str) -> Response:
    return _refusal(status, "InvalidRange", message)


def _refused(path: str, message: str) -> Response:
    """Return the error for a request to another host, in the form that its path calls for."""
    if path.startswith(DOWNLOADS):
        return _refusal(403, "AccessDenied", message)
    if path.startswith("/v2"):
        return error_response(RegistryError("DENIED", message, status=403))
    return _response(wire.encode_error(ServiceError("AccessDeniedException", message, status=403)))


def _not_found(request: Request, _: Exception) -> Response:
    message = f"There is nothing at {request.method} {request.scope['path']}; the API is POST /."
    if request.scope["path"].startswith("/v2/"):  # with a line break, which no route matches
        return error_response(RegistryError("UNSUPPORTED", message, status=404))
    return _response(
        wire.encode_error(ServiceError("UnknownOperationException", message, status=404))
    )


def _failed(request: Request, error: Exception) -> Response:
    message = "The local ECR failed; its log has the traceback."
    return _response(wire.encode_error(ServiceError("ServerException", message, status=500)))
