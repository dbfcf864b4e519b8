"""The ASGI application: the API under ``POST /``, downloads of layers, the registry protocol."""

from __future__ import annotations

import asyncio
import re
from functools import partial
from typing import TYPE_CHECKING
from xml.sax.saxutils import escape

from starlette.applications import Starlette
from starlette.responses import Response
from starlette.routing import Route

from ecr_client.local import wire
from ecr_client.local.distribution import routes
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.distribution.errors import answer as registry_error
from ecr_client.local.errors import ServiceError
from ecr_client.local.files import BlobResponse
from ecr_client.local.lingering import Lingering
from ecr_client.local.sigv4 import HttpRequest
from ecr_client.local.tokens import DOWNLOADS

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from starlette.requests import Request
    from starlette.routing import BaseRoute
    from starlette.types import ASGIApp

    from ecr_client.local.service import Service

#: The longest body of the API: the largest layer part that the model allows, in base64, and room
#: for the other members. The longest manifest is shorter.
LARGEST_BODY = 20_971_520 * 4 // 3 + (1 << 20)

_NUMBER = re.compile(r"[0-9]{1,18}")
_HOST = re.compile(r"[A-Za-z0-9._-]+(:[0-9]{1,5})?|\[[0-9A-Fa-f:.]+\](:[0-9]{1,5})?")


def create_app(service: Service, executor: Executor) -> ASGIApp:
    """Give the application that serves a service over HTTP.

    Args:
        service: Answers requests of the API, and has the store.
        executor: The threads that it works in.
    """
    table: list[BaseRoute] = [
        Route("/", _Api(service, executor).answer, methods=["POST"]),
        Route(DOWNLOADS + "{layer:path}", _Downloads(service).answer, methods=["GET"]),
        *routes(service, executor, base_url),
    ]
    return Lingering(
        Starlette(
            routes=table,
            exception_handlers={404: _not_found, 405: _not_found, Exception: _failed},
        )
    )


def base_url(request: Request) -> str:
    """Give scheme and host as the caller reached them, such as ``http://127.0.0.1:5001``."""
    host = request.headers.get("host", "")
    if not _HOST.fullmatch(host):
        address, port = request.scope["server"]
        host = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    return f"{request.url.scheme}://{host}"


class _Api:
    """``POST /``."""

    def __init__(self, service: Service, executor: Executor) -> None:
        self._service = service
        self._executor = executor

    async def answer(self, request: Request) -> Response:
        body = await _body(request)
        if body is None:
            message = f"The body is longer than {LARGEST_BODY} bytes."
            error = ServiceError("RequestEntityTooLargeException", message, status=413)
            return _response(wire.encode_error(error))
        received = HttpRequest(
            method=request.method,
            path=request.scope["raw_path"].decode("latin-1"),
            query=request.scope["query_string"].decode("latin-1"),
            headers=tuple(
                (name.decode("latin-1"), value.decode("latin-1"))
                for name, value in request.scope["headers"]
            ),
            body=body,
        )
        work = partial(self._service.answer, received, base_url(request), request.state.now)
        return _response(await asyncio.get_running_loop().run_in_executor(self._executor, work))


class _Downloads:
    """Layers by presigned address."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def answer(self, request: Request) -> Response:
        granted = self._service.tokens.check_download(request.url.path, request.query_params)
        if granted is None:
            return _refusal(403, "AccessDenied", "The address is wrong or has expired.")
        _, _, digest = granted
        blobs = self._service.store.blobs
        if not blobs.exists(digest):
            return _refusal(404, "NoSuchKey", "The layer does not exist.")
        return BlobResponse(
            blobs.path(digest), refuse=_refuse_range, headers={"ETag": f'"{digest}"'}
        )


async def _body(request: Request) -> bytes | None:
    """Give the whole body; None if it is too long, which often shows before it is there."""
    announced = request.headers.get("content-length", "")
    # The server in front has read the header, too, and counts the bytes by it.
    if _NUMBER.fullmatch(announced) and int(announced) > LARGEST_BODY:
        return None
    body = bytearray()
    async for piece in request.stream():
        body += piece
        if len(body) > LARGEST_BODY:
            return None
    return bytes(body)


def _response(answer: wire.Answer) -> Response:
    return Response(answer.body, answer.status, answer.headers)


def _refusal(status: int, code: str, message: str) -> Response:
    """Give an error in the form of the storage service that downloads come from."""
    body = (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        f"<Error><Code>{code}</Code><Message>{escape(message)}</Message></Error>"
    )
    return Response(body, status, media_type="application/xml")


def _refuse_range(status: int, message: str) -> Response:
    return _refusal(status, "InvalidRange", message)


def _not_found(request: Request, _: Exception) -> Response:
    message = f"There is nothing at {request.method} {request.url.path}; the API is POST /."
    if request.url.path.startswith("/v2/"):  # with a line break, which no route takes
        return registry_error(RegistryError("UNSUPPORTED", message, status=404))
    return _response(
        wire.encode_error(ServiceError("UnknownOperationException", message, status=404))
    )


def _failed(request: Request, error: Exception) -> Response:
    message = "The local ECR failed; its log has the traceback."
    return _response(wire.encode_error(ServiceError("ServerException", message, status=500)))
