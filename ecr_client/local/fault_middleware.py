"""ASGI middleware that records requests and injects faults."""

from __future__ import annotations

import asyncio
import json
import logging
from datetime import timezone
from email.utils import format_datetime
from typing import TYPE_CHECKING

from starlette.requests import ClientDisconnect
from starlette.responses import Response

from ecr_client.local import wire
from ecr_client.local.errors import ServiceError
from ecr_client.local.faults import DOWNLOAD, REGISTRY, Fault
from ecr_client.local.request_log import SeenRequest
from ecr_client.local.resource_exhaustion import log_failure
from ecr_client.local.tokens import DOWNLOADS

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable
    from datetime import datetime

    from starlette.types import ASGIApp, Message, Receive, Scope, Send

    from ecr_client.local.connections import Connections
    from ecr_client.local.faults import Faults
    from ecr_client.local.request_log import RequestLog

_GARBAGE = b"\x00\xff<garbage>"

logger: logging.Logger = logging.getLogger("ecr_client.local")


class FaultMiddleware:
    """ASGI middleware that records requests and injects faults into their responses.

    It adds the Date header, and puts the time by which the signature is judged into the state of
    the ASGI scope as ``now``, so that both follow a fault's skewed clock.

    Args:
        app: The application.
        faults: The faults to inject.
        requests: The log of requests.
        connections: The open connections, to close one without a response.
        clock: Returns the time as an aware UTC datetime.
        sleep: Waits for a number of seconds.
    """

    def __init__(
        self,
        app: ASGIApp,
        *,
        faults: Faults,
        requests: RequestLog,
        connections: Connections,
        clock: Callable[[], datetime],
        sleep: Callable[[float], Awaitable[None]],
    ) -> None:
        self._app = app
        self._faults = faults
        self._requests = requests
        self._connections = connections
        self._clock = clock
        self._sleep = sleep

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        seen = _seen(scope)
        fault = self._faults.take(seen.operation)
        self._requests.add(seen)
        now = (self._clock() + fault.clock_skew).astimezone(timezone.utc)
        scope.setdefault("state", {})["now"] = now

        async def recorded() -> Message:
            message = await receive()
            self._requests.receive(seen, message.get("body", b""))
            return message

        async def dated(message: Message) -> None:
            if message["type"] == "http.response.start":
                seen.status = message["status"]
                added = {"date": format_datetime(now, usegmt=True), **fault.headers}
                message["headers"] = [
                    *message.get("headers", ()),
                    *((name.lower().encode(), text.encode()) for name, text in added.items()),
                ]
            await send(message)

        try:
            await self._with_fault(fault, scope, recorded, dated)
        except asyncio.CancelledError:
            # The server stops, and nobody waits for the response any more.
            logger.debug("%s %s: cancelled", scope["method"], scope["path"])

    async def _with_fault(self, fault: Fault, scope: Scope, receive: Receive, send: Send) -> None:
        if fault.latency:
            await self._sleep(fault.latency)
        replaced = fault.replaces_response or fault.drop
        if not replaced:
            damaged = _Damaged(fault, send) if fault.body else None
            await self._work(scope, receive, damaged.send if damaged else send)
            if damaged and damaged.hangs_up:
                await self._hang_up(scope, receive, damaged.remainder)
            return
        if fault.when == "before":
            while (await receive()).get("more_body"):
                pass
        else:
            await self._work(scope, receive, _ignore)
        if fault.drop:
            await self._hang_up(scope, receive)
        else:
            await _response(fault, scope["path"])(scope, receive, send)

    async def _work(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self._app(scope, receive, send)
        except ClientDisconnect:
            logger.debug("%s %s: the client disconnected", scope["method"], scope["path"])
        except Exception as error:
            # The framework has responded with status 500 before it raises the exception.
            log_failure(f"{scope['method']} {scope['path']}", error)

    async def _hang_up(self, scope: Scope, receive: Receive, last_words: bytes = b"") -> None:
        self._connections.close(scope["client"], last_words)
        # uvicorn reports an application that returns without a response, unless the client has
        # disconnected.
        while (await receive())["type"] != "http.disconnect":
            pass


class _Damaged:
    """Passes on a response with a damaged body."""

    def __init__(self, fault: Fault, send: Send) -> None:
        self.hangs_up = fault.body in ("cut", "overlong")
        self.remainder = b""
        self._damage = fault.body
        self._send = send
        self._left = 0
        self._ended = False

    async def send(self, message: Message) -> None:
        if self._damage == "garbage":
            await self._send(_scrambled(message))
        elif message["type"] == "http.response.start":
            await self._start(message)
        else:
            await self._body(message)

    async def _start(self, message: Message) -> None:
        headers = dict(message["headers"])
        self._left = int(headers.get(b"content-length", 0)) // 2
        if self._damage != "cut":
            headers[b"content-length"] = str(self._left).encode()
        await self._send({**message, "headers": list(headers.items())})

    async def _body(self, message: Message) -> None:
        data = message.get("body", b"")
        kept, rest = data[: self._left], data[self._left :]
        self._left -= len(kept)
        if self._damage == "overlong":
            self.remainder += rest
        if not self._ended:
            self._ended = self._damage != "cut" and self._left == 0
            await self._send({**message, "body": kept, "more_body": not self._ended})


def _scrambled(message: Message) -> Message:
    data = message.get("body", b"")
    garbage = (_GARBAGE * (len(data) // len(_GARBAGE) + 1))[: len(data)]
    return {**message, "body": garbage} if "body" in message else message


async def _ignore(message: Message) -> None:
    """Drop a message of the response."""


def _seen(scope: Scope) -> SeenRequest:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope["headers"]:
        name, value = raw_name.decode("latin-1"), raw_value.decode("latin-1")
        headers[name] = f"{headers[name]},{value}" if name in headers else value
    return SeenRequest(
        operation=_operation(scope["path"], headers),
        method=scope["method"],
        path=scope["path"],
        query=scope["query_string"].decode("latin-1"),
        headers=headers,
    )


def _operation(path: str, headers: dict[str, str]) -> str:
    if path.startswith(DOWNLOADS):
        return DOWNLOAD
    if path.rstrip("/") == "/v2" or path.startswith("/v2/"):
        return REGISTRY
    return wire.operation_of(headers.get("x-amz-target")) or ""


def _response(fault: Fault, path: str) -> Response:
    """Return the response that replaces the real one."""
    if fault.error is None:
        return Response(status_code=fault.response_status)
    if path.startswith("/v2"):
        entry = {"code": fault.error, "message": fault.response_message, **fault.members}
        body = json.dumps({"errors": [entry]}).encode()
        return Response(body, fault.response_status, media_type="application/json")
    error = ServiceError(
        fault.error, fault.response_message, status=fault.response_status, **fault.members
    )
    encoded = wire.encode_error(error)
    return Response(encoded.body, encoded.status, encoded.headers)
