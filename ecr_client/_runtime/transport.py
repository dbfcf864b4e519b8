"""Sends requests and reads answers, over a pool of connections that is made when it is needed."""

from __future__ import annotations

import sys
import threading
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple

from ecr_client._exceptions import (
    ClientShutdownException,
    InvalidConfigurationException,
    ResponseParseException,
    TotalTimeoutException,
)
from ecr_client._runtime.body import RefusedBody, read_body
from ecr_client._runtime.deadline import Deadline, Limits, within
from ecr_client._runtime.forks import renew_after_fork
from ecr_client._runtime.shown import redact_url
from ecr_client.metadata import ResponseMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from ecr_client._exceptions import AmazonClientException
    from ecr_client._runtime.adapter import PoolAdapter
    from ecr_client._runtime.settings import Settings
    from ecr_client.config import ClientConfiguration


PROXY_SCHEMES = ("http", "https", "socks4", "socks4a", "socks5", "socks5h")
#: No id of AWS is as long.
LONGEST_ID = 128


class Answer(NamedTuple):
    """What came back: the status, the headers (looked up without regard to case), the body."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Transport:
    """A pool of connections, made when the first request is sent.

    Every request goes through ``requests.Session.send``, where tracing tools, ``responses`` and
    moto hook in. Proxies and certificates are settled once per URL and handed to it, so that
    ``requests`` does not look at the environment for every call.

    Args:
        config: Time-outs, pool size, proxies, certificates and the longest answer.
        settings: What the environment and the profile say of certificates.
    """

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._session: requests.Session | None = None
        self._pool: PoolAdapter | None = None
        self._proxies: dict[str, dict[str, str]] = {}
        self._lock = threading.Lock()
        self._closed = threading.Event()
        renew_after_fork(self)

    def renew(self) -> None:
        """Begin anew in a forked process, which must not use the connections of its parent."""
        closed = self._closed.is_set()
        self._lock, self._closed = threading.Lock(), threading.Event()
        if closed:
            self._closed.set()
        if self._pool is not None:
            self._pool.abandon()
        self._session = self._pool = None

    def send(
        self,
        operation: str,
        url: str,
        headers: Mapping[str, str],
        body: bytes,
        deadline: Deadline | None = None,
    ) -> Answer:
        """Send a POST and return the answer, whatever its status; redirects are not followed.

        Args:
            operation: What an exception names.
            url: Where it is sent.
            headers: All but the length of the body.
            body: What is sent.
            deadline: When the answer must have arrived.

        Raises:
            ClientShutdownException: The client was shut down.
            ResponseParseException: The answer is too long, or not compressed as it says.
            TransportException: No answer came; the subclass says why.
        """
        import requests
        from urllib3.exceptions import HTTPError

        session = self._session or self._open(operation)
        outside = sys.exc_info()[1]
        proxies, timeouts = self._proxies_for(url), self._timeouts(operation, deadline)
        limits = Limits(self._config.read_timeout, deadline)
        try:
            with within(limits):
                response = session.send(
                    _prepared(url, headers, body),
                    timeout=timeouts,
                    allow_redirects=False,
                    proxies=proxies,
                    verify=session.verify,
                    cert=session.cert,
                    stream=True,
                )
                content = self._read(response, operation)
        except (requests.exceptions.InvalidSchema, requests.exceptions.InvalidURL):
            # Not chained: it may quote the URL of the proxy, and with it a password.
            raise InvalidConfigurationException(
                f"{operation}: the proxy cannot be used; see proxies, HTTPS_PROXY, ALL_PROXY, and "
                "install PySocks for a SOCKS proxy"
            ) from None
        except (
            *(requests.RequestException, HTTPError, HTTPException, ValueError),
            *(ConnectionError, TimeoutError),  # where neither library has wrapped it
        ) as error:
            raise self._named(operation, url, error, limits, outside) from error
        except OSError as error:
            # requests reports certificate files that it cannot use in this way.
            raise InvalidConfigurationException(f"{operation}: {error}") from error
        finally:
            if self.closed:
                session.close()  # once more, for what was opened since
        return Answer(response.status_code, response.headers, content)

    def close(self) -> None:
        """Close all connections; `send` raises from now on."""
        with self._lock:
            self._closed.set()
            session, self._session = self._session, None
        if session is not None:
            session.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed.is_set()

    def wait(self, seconds: float) -> None:
        """Wait for so long, or until `close` is called."""
        self._closed.wait(seconds)

    def _open(self, operation: str) -> requests.Session:
        from ecr_client._runtime.adapter import PlainSession, PoolAdapter

        with self._lock:
            if self._closed.is_set():
                raise shut_down(operation)
            if self._session is None:
                session = PlainSession()
                self._pool = PoolAdapter(self._config.max_pool_connections)
                session.mount("https://", self._pool)
                session.mount("http://", self._pool)
                session.verify = self._verify()
                session.cert = self._config.client_cert
                self._session = session
            return self._session

    def _verify(self) -> bool | str:
        if self._config.verify is not None:
            return self._config.verify
        return self._settings.ca_bundle or True

    def _proxies_for(self, url: str) -> dict[str, str]:
        found = self._proxies.get(url)
        if found is None:
            from requests.utils import get_environ_proxies

            given = self._config.proxies
            found = get_environ_proxies(url) if given is None else dict(given)
            check_proxy(url, found)
            self._proxies[url] = found
        return found

    def _timeouts(self, operation: str, deadline: Deadline | None) -> tuple[float, float]:
        connect, read = self._config.connect_timeout, self._config.read_timeout
        if deadline is None:
            return connect, read
        left = deadline.left()
        if left <= 0:
            raise total_timeout(operation, deadline, sent=False)
        return min(connect, left), min(read, left)

    def _read(self, response: requests.Response, operation: str) -> bytes:
        """Return the body of an answer, which is never held if it is too long.

        Raises:
            ResponseParseException: It is too long, or not compressed as it says.
        """
        try:
            return read_body(response, self._config.max_response_size)
        except RefusedBody as error:
            if response.status_code >= 500:
                return b""  # The status says enough, and that the call may be repeated.
            metadata = ResponseMetadata(
                request_id=request_id(response.headers),
                http_status_code=response.status_code,
                http_headers=response.headers,
            )
            text = f"the answer cannot be read: {error}"
            raise ResponseParseException(text, operation, metadata) from error

    def _named(
        self,
        operation: str,
        url: str,
        error: BaseException,
        limits: Limits,
        outside: BaseException | None,
    ) -> AmazonClientException:
        from ecr_client._runtime.failures import named

        if self.closed:
            return shut_down(operation)
        found = named(operation, url, error, self._config, sent=limits.sent, outside=outside)
        deadline = limits.deadline
        if deadline is not None and isinstance(found, TimeoutError) and deadline.left() <= 0:
            return total_timeout(operation, deadline, sent=found.request_sent)
        if self._pool is not None:
            # What broke one connection may have broken the others, which wait for their turn.
            self._pool.reconnect()
        return found


def _prepared(url: str, headers: Mapping[str, str], body: bytes) -> requests.PreparedRequest:
    """Return a POST that is ready to be sent; ``requests`` would work out again what is known."""
    import requests
    from requests.structures import CaseInsensitiveDict

    request = requests.PreparedRequest()
    request.method = "POST"
    request.url = url
    request.headers = CaseInsensitiveDict(headers)
    request.headers["Content-Length"] = str(len(body))
    request.body = body
    return request


def check_proxy(url: str, proxies: Mapping[str, str]) -> None:
    """Check the proxy of a URL, for which requests and urllib3 have all kinds of errors.

    Raises:
        InvalidConfigurationException: It is none.
    """
    from requests.utils import prepend_scheme_if_needed, select_proxy
    from urllib3.util import parse_url

    proxy = select_proxy(url, proxies)
    if not proxy:
        return
    try:
        whole = prepend_scheme_if_needed(proxy, "http")  # type: ignore[no-untyped-call]
        parsed = parse_url(whole)
        good = bool(parsed.host) and parsed.scheme in PROXY_SCHEMES
    except (TypeError, ValueError):
        good = False
    if not good:
        raise InvalidConfigurationException(
            f"the proxy {redact_url(proxy)!r} for {url} must be a URL like 'http://proxy:8080'; "
            "see proxies, HTTPS_PROXY, NO_PROXY"
        )


def shut_down(operation: str) -> ClientShutdownException:
    """Return the exception of a call on a client that is closed."""
    return ClientShutdownException(
        f"{operation}: the client was shut down; make a new one to go on"
    )


def total_timeout(operation: str, deadline: Deadline, *, sent: bool) -> TotalTimeoutException:
    """Return the exception of a call whose time is over."""
    text = f"the call did not end within {deadline.seconds:g} s (total_timeout)"
    error = TotalTimeoutException(text, operation)
    error.request_sent = sent
    return error


def request_id(headers: Mapping[str, str]) -> str | None:
    """Return the id that the service gave a request, if it gave one, as logs may show it."""
    found = headers.get("x-amzn-RequestId") or headers.get("x-amz-request-id") or ""
    if len(found) > LONGEST_ID or not found.isprintable():
        found = "".join(filter(str.isprintable, found))[:LONGEST_ID]
    return found or None
