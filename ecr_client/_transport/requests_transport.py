"""The transport of the blocking client: stock ``requests`` on stock urllib3."""

from __future__ import annotations

import sys
import threading
from typing import TYPE_CHECKING, Any, NoReturn

from ecr_client._common.display import redact_url
from ecr_client._common.forks import renew_after_fork
from ecr_client._common.redact import forget_frames
from ecr_client._transport import problems
from ecr_client._transport.base import (
    InMemory,
    StreamingResponse,
    Transport,
    final,
    interim,
    named,
    shut_down,
    total_timeout,
)
from ecr_client._transport.logs import filtered
from ecr_client._transport.routes import Routes

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from ecr_client._engine.deadline import Deadline
    from ecr_client._engine.http import HTTPRequest
    from ecr_client._settings import Settings
    from ecr_client._transport.base import ByteStream
    from ecr_client.config import ClientConfiguration


class RequestsTransport(Transport):
    """A transport with a connection pool, which is created for the first request.

    Every request goes through ``requests.Session.send``, where tools hook in. Proxies and
    certificates are determined once per origin and passed to it, so that ``requests`` does not read
    the environment for every call.

    Args:
        config: Timeouts, connections, proxies and certificates.
        settings: The settings of the environment and the profile, for the CA bundle.
    """

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self.config = config
        self._session: requests.Session | None = None
        self._routes = Routes(config, settings)
        self._lock = threading.Lock()
        self.closed = False
        renew_after_fork(self)

    def renew(self) -> None:
        """Start anew in a forked process, which must not use the connections of its parent."""
        self._lock = threading.Lock()
        # The parent keeps its connections: closing the copies does not notify the peer.
        self._session = None

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        session = self._session or self._open(request)
        config, outside = self.config, sys.exc_info()[1]
        proxies, verify, cert = self._routes.of(request.url)
        timeouts = config.connect_timeout, config.read_timeout
        if deadline.seconds is not None:
            if deadline.passed:
                raise total_timeout(request.purpose, deadline, sent=False)
            timeouts = deadline.limit(timeouts[0]), deadline.limit(timeouts[1])
        try:
            with filtered():
                response = session.send(
                    _prepared(request),
                    timeout=timeouts,
                    allow_redirects=False,
                    proxies=proxies,  # type: ignore[arg-type]  # it only reads them
                    verify=verify,
                    cert=cert,
                    stream=True,
                )
        except BaseException as error:
            self.fail(request, error, deadline, outside)
        finally:
            if self.closed:
                session.close()  # again, for connections that were opened meanwhile
        if 100 <= response.status_code < 200:
            # http.client handles only "100 Continue"; the final response may still follow.
            response.close()
            raise interim(request, response.status_code)
        headers: Mapping[str, str] = response.headers
        if response.raw.tell() == 0:
            stream: ByteStream = _Stream(self, session, request, response, deadline)
        else:
            # A tool that hooks in has read and decompressed it already.
            stream = InMemory(response.content)
            headers = _without(headers, "Content-Encoding")
        return StreamingResponse(request, response.status_code, headers, stream)

    def close(self) -> None:
        with self._lock:
            self.closed = True
            session, self._session = self._session, None
        if session is not None:
            session.close()

    def _open(self, request: HTTPRequest) -> requests.Session:
        from ecr_client._transport.adapter import Adapter, Session

        config = self.config
        with self._lock:
            if self.closed:
                raise shut_down(request.purpose)
            if self._session is None:
                session = Session()
                pools = Adapter(
                    config.max_pool_connections,
                    config.connection_max_idle_time,
                    self._proxy_options(),
                )
                session.mount("https://", pools)
                session.mount("http://", pools)
                self._session = session
            return self._session

    def _proxy_options(self) -> dict[str, Any]:
        """Return urllib3's options for HTTPS proxies."""
        settings = self.config.proxies_config or {}
        options: dict[str, Any] = {}
        if settings.get("proxy_use_forwarding_for_https"):
            options["use_forwarding_for_https"] = True
        if settings.keys() & {"proxy_ca_bundle", "proxy_client_cert"}:
            from ecr_client._transport.adapter import proxy_context

            cert = settings.get("proxy_client_cert")
            options["proxy_ssl_context"] = proxy_context(self._routes.verify_proxy(), cert)
        return options

    def fail(
        self,
        request: HTTPRequest,
        error: BaseException,
        deadline: Deadline,
        outside: BaseException | None,
    ) -> NoReturn:
        """Raise our exception for an error of the libraries, and other errors unchanged."""
        from ecr_client._transport.failures import translate

        verify = self._routes.of(request.url).verify
        found = translate(request, error, self.config, outside, verify)
        # The frames below hold signed headers and content.
        forget_frames(error, outside)
        try:
            if found is None:
                raise error
            raise final(found, request, deadline, closed=self.closed) from error
        finally:
            # A cycle of exception and frame would keep the request alive.
            del found, error, outside


class _Stream:
    """The body of one response, as stock urllib3 reads it."""

    def __init__(
        self,
        transport: RequestsTransport,
        session: requests.Session,
        request: HTTPRequest,
        response: requests.Response,
        deadline: Deadline,
    ) -> None:
        self._transport = transport
        self._session = session
        self._request = request
        self._response = response
        raw = response.raw
        raw.decode_content = False
        connection = getattr(raw, "connection", None)
        # urllib3 has set the timeout of the socket, which only a deadline changes.
        self._has_deadline = deadline.seconds is not None
        self._socket = _socket_of(raw) if self._has_deadline else None
        # A response without a length ends with its connection, so it may be truncated. Responses
        # from tools that hook in have no connection.
        self._may_be_truncated = (
            connection is not None and raw.length_remaining is None and not raw.chunked
        )

    def read1(self, size: int, deadline: Deadline, /) -> bytes:
        raw, outside = self._response.raw, sys.exc_info()[1]
        try:
            if self._has_deadline:
                self._set_timeout(deadline)
            piece: bytes = raw.read1(size)
        except BaseException as error:
            self._response.close()
            self._transport.fail(self._request, error, deadline, outside)
        if piece:
            self._may_be_truncated = False
            return piece
        if self._transport.closed:
            self.close()  # or the connection would stay in the pool
        if self._may_be_truncated:
            raise named(problems.closed(redact_url(self._request.url), ""), self._request)
        return b""

    def close(self) -> None:
        self._response.close()
        if self._transport.closed:
            self._session.close()

    def _set_timeout(self, deadline: Deadline) -> None:
        if deadline.passed:
            raise TimeoutError("the deadline of the call has passed")
        if self._socket is not None and self._response.raw.connection is not None:  # not at the end
            self._socket.settimeout(deadline.limit(self._transport.config.read_timeout))


def _socket_of(raw: Any) -> Any:
    """Return the socket of a response, or ``None`` if it cannot be found."""
    sock = getattr(getattr(raw, "connection", None), "sock", None)
    if sock is not None:
        return sock
    try:
        # The last response of a connection owns the socket, which has no public attribute then.
        return raw._original_response.fp.raw._sock
    except AttributeError:
        return None


def _prepared(request: HTTPRequest) -> requests.PreparedRequest:
    """Return a prepared request, without the processing of ``requests``."""
    import requests
    from requests.structures import CaseInsensitiveDict

    prepared = requests.PreparedRequest()
    prepared.method = request.method
    prepared.url = request.url
    prepared.headers = CaseInsensitiveDict(request.headers)
    if request.body or request.method != "GET":
        prepared.headers["Content-Length"] = str(len(request.body))
        prepared.body = request.body
    return prepared


def _without(headers: Mapping[str, str], name: str) -> Mapping[str, str]:
    from requests.structures import CaseInsensitiveDict

    return CaseInsensitiveDict(
        {each: text for each, text in headers.items() if each.lower() != name.lower()}
    )
