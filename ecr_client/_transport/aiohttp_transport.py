"""The transport of the asynchronous client: stock aiohttp."""

from __future__ import annotations

import asyncio
import socket
import ssl
import sys
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING, Any

import aiohttp
from aiohttp.http_exceptions import HttpProcessingError
from urllib3 import HTTPHeaderDict
from yarl import URL

from ecr_client._common.display import redact_url
from ecr_client._common.redact import chain, forget_frames, redact_text
from ecr_client._exceptions import (
    AmazonClientException,
    InvalidConfigurationException,
    TotalTimeoutException,
)
from ecr_client._transport import problems
from ecr_client._transport.base import (
    AsyncStreamingResponse,
    AsyncTransport,
    final,
    interim,
    named,
    shut_down,
    total_timeout,
)
from ecr_client._transport.keep_alive import keep_alive_options
from ecr_client._transport.routes import Route, Routes
from ecr_client._transport.tls import tls_broke, tls_context

if sys.version_info >= (3, 11):
    from asyncio import timeout
else:
    from async_timeout import timeout  # a dependency of aiohttp there

if TYPE_CHECKING:
    from collections.abc import Callable
    from contextlib import AbstractAsyncContextManager

    from aiohttp.abc import AbstractStreamWriter

    from ecr_client._engine.deadline import Deadline
    from ecr_client._engine.http import HTTPRequest
    from ecr_client._exceptions import TransportException
    from ecr_client._settings import Settings
    from ecr_client.config import ClientConfiguration

#: The maximum size in bytes of the read buffer, and of a piece of a request.
_BUFFER = 256 * 1024
#: How many times ``read_timeout`` the head of a response may take as a whole.
_HEAD = 5
#: The maximum length of a line in the head of a response, as in http.client.
_LONGEST_LINE = 65_536
#: Errors of the system that end a TLS handshake.
_CLOSED = (BrokenPipeError, ConnectionAbortedError, ConnectionResetError)
_TLS = (aiohttp.ClientConnectorCertificateError, aiohttp.ClientConnectorSSLError)
#: Headers that aiohttp would add to those of the request.
_AUTOMATIC = ("Accept", "Accept-Encoding", "Content-Type", "User-Agent")


class AiohttpTransport(AsyncTransport):
    """A transport with a connection pool, which is created in the event loop of the first request.

    API calls share ``max_pool_connections`` connections. Downloads, which hold theirs for as long
    as they are read, have connections of their own without a limit: otherwise a task that calls
    the API while it reads could deadlock.

    Args:
        config: Timeouts, connections, proxies and certificates.
        settings: The settings of the environment and the profile, for the CA bundle.
    """

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        if config.proxies_config:
            raise InvalidConfigurationException(
                "AsyncECRClient does not support proxies_config; use ECRClient, or a proxy without "
                "settings of its own"
            )
        _keep_buffers()
        self.config = config
        self._routes = Routes(config, settings)
        self._sessions: dict[bool, aiohttp.ClientSession] = {}
        self._contexts: dict[Route, asyncio.Future[ssl.SSLContext]] = {}
        # The timeouts and the bodies of the requests that have no response yet.
        self._pending: set[tuple[Any, _Body | None]] = set()
        #: The responses of which a task is waiting for the next bytes.
        self.awaited: set[aiohttp.ClientResponse] = set()
        self.closed = False

    async def send(self, request: HTTPRequest, deadline: Deadline) -> AsyncStreamingResponse:
        outside = sys.exc_info()[1]
        if deadline.passed:
            raise total_timeout(request.purpose, deadline, sent=False)
        body = _Body(request.body, self.config.connect_timeout) if request.body else None
        try:
            async with within(deadline) as limit:
                self._pending.add((limit, body))
                try:
                    response = await self._sent(request, body, limit)
                finally:
                    self._pending.discard((limit, body))
            return self._opened(request, response)
        except BaseException as error:
            if body is not None:
                body.abort()
            failure = self.translated(request, error, deadline, outside)
        if isinstance(failure, TotalTimeoutException) and body is not None and not body.begun:
            failure.request_sent = False  # The call ended before there was a connection.
        try:
            raise failure
        finally:
            del failure  # A cycle of exception and frame would keep the request alive.

    def _opened(
        self, request: HTTPRequest, response: aiohttp.ClientResponse
    ) -> AsyncStreamingResponse:
        if self.closed or response.status < 200:
            response.close()
            raise shut_down(request.purpose) if self.closed else interim(request, response.status)
        stream = _Stream(self, request, response)
        return AsyncStreamingResponse(request, response.status, _headers(response), stream)

    async def close(self) -> None:
        self.closed = True
        # aiohttp interrupts no handshake, and waits until the peer has accepted what is being sent.
        now = asyncio.get_running_loop().time()
        for limit, body in self._pending:
            if body is not None:
                body.abort()
            if sys.version_info >= (3, 11) and not limit.expired():
                limit.reschedule(now)
        for response in self.awaited:  # aiohttp does not wake who waits for the bytes of a body.
            response.close()
        sessions, self._sessions = list(self._sessions.values()), {}
        for session in sessions:
            await session.close()

    async def _sent(
        self, request: HTTPRequest, body: _Body | None, limit: Any
    ) -> aiohttp.ClientResponse:
        """Send a request; move the timeout to when the head of the response must have arrived."""
        route, proxy = self._routes.of(request.url), None
        if route.proxies:
            from requests.utils import prepend_scheme_if_needed, select_proxy

            proxy = select_proxy(request.url, route.proxies)
            if proxy:
                proxy = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
                if proxy.startswith("socks"):
                    raise problems.unusable_proxy(
                        request.purpose,
                        "use ECRClient for a SOCKS proxy: AsyncECRClient supports none",
                    )
        is_plain = request.url.startswith("http:") and not (proxy or "").startswith("https:")
        context = None if is_plain else await self._context(request, route)
        config, session = self.config, self._session(request)
        if body is not None:
            body.sent = lambda: self._await_head(limit, 0)
        else:
            self._await_head(limit, config.connect_timeout)
        return await session.request(
            request.method,
            URL(request.url, encoded=True),
            data=body,
            headers=request.headers,
            skip_auto_headers=_AUTOMATIC,
            allow_redirects=False,
            proxy=proxy,
            ssl=context or True,
        )

    def _await_head(self, limit: Any, before: float) -> None:
        # aiohttp applies the read timeout to each wait, but not after an interim response. The
        # timeouts of Python 3.10 cannot be moved by the task that sends the body.
        if sys.version_info >= (3, 11):
            at = asyncio.get_running_loop().time() + before + _HEAD * self.config.read_timeout
            if limit.when() is None or at < limit.when():
                limit.reschedule(at)

    def _session(self, request: HTTPRequest) -> aiohttp.ClientSession:
        if self.closed:
            raise shut_down(request.purpose)
        is_call = request.method != "GET"
        session = self._sessions.get(is_call)
        if session is None:
            config = self.config
            session = self._sessions[is_call] = aiohttp.ClientSession(
                connector=aiohttp.TCPConnector(
                    limit=config.max_pool_connections if is_call else 0,
                    keepalive_timeout=config.connection_max_idle_time,
                    resolver=aiohttp.ThreadedResolver(),
                    use_dns_cache=False,  # A host that moves is found by the next connection.
                    socket_factory=_socket,
                ),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
                max_field_size=_LONGEST_LINE,
                max_line_size=_LONGEST_LINE,
                read_bufsize=_BUFFER,
                timeout=aiohttp.ClientTimeout(
                    sock_connect=config.connect_timeout, sock_read=config.read_timeout
                ),
            )
        return session

    async def _context(self, request: HTTPRequest, route: Route) -> ssl.SSLContext:
        """Return the TLS context of a route, which takes long to create, from a worker thread."""
        found = self._contexts.get(route)
        if found is None or _has_failed(found):  # The files may have been corrected.
            loop = asyncio.get_running_loop()
            found = loop.run_in_executor(None, tls_context, route.verify, route.cert)
            self._contexts[route] = found
        try:
            return await asyncio.shield(found)
        except ssl.SSLError:  # The files can be read, but hold something else.
            raise
        except OSError as error:
            raise problems.unusable_files(
                request.purpose, route.verify, route.cert, error
            ) from None

    def translated(
        self,
        request: HTTPRequest,
        error: BaseException,
        deadline: Deadline,
        outside: BaseException | None,
    ) -> BaseException:
        """Return our exception for an error of aiohttp or the system, and other errors unchanged.

        It must be raised outside of the handler: errors of aiohttp hold the headers of the request
        and passwords of proxies, so they are not chained. The error of the system is.
        """
        # When it is closed, the pool cancels whoever waits for a connection, and aiohttp raises a
        # RuntimeError for the body of a response.
        ended = isinstance(error, asyncio.CancelledError) and not _is_cancelled()
        if self.closed and (ended or isinstance(error, RuntimeError)):
            return shut_down(request.purpose)
        ours = isinstance(error, AmazonClientException)
        if ours or not isinstance(error, (aiohttp.ClientError, OSError, asyncio.TimeoutError)):
            return error
        cause = next((each for each in chain(error, outside) if _is_of_system(each)), None)
        verify = self._routes.of(request.url).verify
        found = _problem(redact_url(request.url), error, cause, self.config, verify)
        if cause is not None:
            forget_frames(cause)
        translated = final(named(found, request), request, deadline, closed=self.closed)
        translated.__cause__ = cause
        return translated


def _is_cancelled() -> bool:
    """Return whether the current task is being cancelled; ``False`` before Python 3.11."""
    task = asyncio.current_task()
    return task is not None and sys.version_info >= (3, 11) and task.cancelling() > 0


def _is_of_system(error: BaseException) -> bool:
    return problems.is_of_system(error) and not isinstance(error, aiohttp.ClientError)


def _problem(
    url: str,
    error: BaseException,
    cause: BaseException | None,
    config: ClientConfiguration,
    verify: bool | str,
) -> TransportException:
    """Return our exception for an error of aiohttp, of the system, or for a timeout."""
    text = "" if cause is None else redact_text(cause.strerror)  # type: ignore[attr-defined]
    reason = f"{type(cause).__name__}: {text}" if text else type(error).__name__
    if _is_of_proxy(url, error):
        return problems.proxy_failed(url, reason)
    for kinds, problem in (
        (aiohttp.ConnectionTimeoutError, partial(problems.connect_timed_out, url, config)),
        ((TimeoutError, asyncio.TimeoutError), partial(problems.not_read_in_time, url, config)),
        (_TLS, partial(problems.tls_failed, url, reason, verify, config)),
        (aiohttp.ClientConnectorDNSError, partial(problems.not_resolved, url, reason)),
    ):
        if isinstance(error, kinds):
            return problem()
    if isinstance(cause, ssl.SSLError) and not tls_broke(cause):
        # In TLS 1.3, a server refuses a certificate after the handshake of the client.
        return problems.tls_failed(url, reason, verify, config)
    if isinstance(error, aiohttp.ClientConnectorError) and not isinstance(cause, _CLOSED):
        return problems.not_connected(url, reason)
    if isinstance(error, aiohttp.ClientHttpProxyError):
        return problems.proxy_failed(url, f"it responded with status {error.status}")
    found = list(chain(error))
    if any(isinstance(each, _NotAcceptedError) for each in found):
        return problems.not_accepted_in_time(url, config)
    parsed = next((each for each in found if isinstance(each, HttpProcessingError)), error)
    is_truncated = isinstance(parsed, HttpProcessingError) and "Not enough" in str(parsed.message)
    if isinstance(parsed, (HttpProcessingError, aiohttp.ClientResponseError)) and not is_truncated:
        return problems.malformed(url, type(parsed).__name__)
    return problems.closed(url, reason)


def _is_of_proxy(url: str, error: BaseException) -> bool:
    """Return whether an error is one of connecting to a proxy: its host is not that of the URL."""
    if isinstance(error, aiohttp.ClientProxyConnectionError):
        return True
    if not isinstance(error, (aiohttp.ClientConnectorError, *_TLS)):
        return False
    wanted = URL(url, encoded=True)
    return (error.host, error.port) != (wanted.raw_host, wanted.port)


class _Stream:
    """The body of one response."""

    def __init__(
        self, transport: AiohttpTransport, request: HTTPRequest, response: aiohttp.ClientResponse
    ) -> None:
        self._transport = transport
        self._request = request
        self._response = response
        # A response without a length ends with its connection, so it may be truncated, except for
        # those that never have a body.
        has_length = bool({"Content-Length", "Transfer-Encoding"} & response.headers.keys())
        self._may_be_truncated = not has_length and response.status not in (204, 304)

    async def read1(self, size: int, deadline: Deadline, /) -> bytes:
        content, outside = self._response.content, sys.exc_info()[1]
        try:
            # Mostly there already, and a timeout would cost more than reading it.
            piece = content.read_nowait(size)
            if not piece and not content.at_eof():
                piece = await self._awaited(size, deadline)
            if piece or not self._may_be_truncated:
                self._may_be_truncated = False
                return piece
            raise aiohttp.ServerDisconnectedError
        except BaseException as error:
            failure = self._transport.translated(self._request, error, deadline, outside)
        self._response.close()
        try:
            raise failure
        finally:
            del failure

    async def _awaited(self, size: int, deadline: Deadline) -> bytes:
        transport, response = self._transport, self._response
        transport.awaited.add(response)
        try:
            async with timeout(deadline.limit(transport.config.read_timeout)):
                return await response.content.read(size)
        finally:
            transport.awaited.discard(response)

    def close(self) -> None:
        # One that was read to its end has already returned its connection.
        self._response.close()


class _NotAcceptedError(Exception):
    """The peer did not accept a piece of a request in time."""


class _Body(aiohttp.Payload):
    """The body of a request, each piece of which has to be accepted in time.

    Args:
        content: The body.
        longest: The seconds that a piece may take.

    Attributes:
        begun: Whether there is a connection on which the body is sent.
        sent: Called when the whole body was sent.
    """

    _value: bytes

    def __init__(self, content: bytes, longest: float) -> None:
        super().__init__(content)
        self._size = len(content)
        self._longest = longest
        self.begun: bool = False
        self.sent: Callable[[], None] = lambda: None
        self._connection: Any = None

    def decode(self, encoding: str = "utf-8", errors: str = "strict") -> str:
        """Return an empty string, because tools would show the content of a request."""
        return ""

    async def write(self, writer: AbstractStreamWriter) -> None:
        """Write the body; a short one is buffered, whatever the peer does."""
        self.begun = True
        self._connection = getattr(writer, "transport", None)
        if len(self._value) <= _BUFFER:
            await writer.write(self._value)
        else:
            view = memoryview(self._value)
            for start in range(0, len(view), _BUFFER):
                try:
                    async with timeout(self._longest):
                        await writer.write(view[start : start + _BUFFER])
                except asyncio.TimeoutError:
                    raise _NotAcceptedError from None
        self.sent()

    def abort(self) -> None:
        """Close the connection if something is left to send; aiohttp would wait for the peer."""
        connection, self._connection = self._connection, None
        # With nothing left, it may already be the connection of another request. Before Python
        # 3.11, a TLS connection that was lost raises an AttributeError.
        with suppress(AttributeError):
            if connection is not None and connection.get_write_buffer_size():
                connection.abort()


def within(deadline: Deadline) -> AbstractAsyncContextManager[Any]:
    """Return a context manager that raises a ``TimeoutError`` at the deadline of a call."""
    left = deadline.left()
    return timeout(None if left is None else max(left, 0))


def _has_failed(found: asyncio.Future[Any]) -> bool:
    return found.done() and (found.cancelled() or found.exception() is not None)


def _socket(address: tuple[Any, ...]) -> socket.socket:
    """Return a socket for an address, as ``socket.getaddrinfo`` returns it."""
    family, kind, protocol, _, _ = address
    made = socket.socket(family, kind, protocol)
    try:
        for option in keep_alive_options():
            made.setsockopt(*option)
    except OSError:
        made.close()
        raise
    return made


def _headers(response: aiohttp.ClientResponse) -> HTTPHeaderDict:
    """Return the headers of a response; those of the same name are joined, as in HTTP."""
    headers = HTTPHeaderDict()
    for name, decoded in response.headers.items():
        value = decoded
        if not decoded.isascii():
            # As http.client does: what is not UTF-8 would leave lone surrogates, which
            # cannot be encoded.
            value = decoded.encode("utf-8", "surrogateescape").decode("latin-1")
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _keep_buffers() -> None:
    """Make the C library keep the memory of buffers as large as those that asyncio reads into.

    glibc returns such memory to the system at once, and gets it anew for each read, until a program
    has freed a larger piece. That would cost a seventh of the CPU time of a small call.
    """
    bytearray(2 * _BUFFER)
