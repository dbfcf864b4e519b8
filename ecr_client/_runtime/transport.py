"""Sending one signed request with ``requests``, and naming what may go wrong on the way."""

from __future__ import annotations

import threading
from http.client import HTTPException
from typing import TYPE_CHECKING, NamedTuple

from ecr_client._exceptions import (
    ClientShutdownException,
    ConnectTimeoutException,
    InvalidConfigurationException,
    ProxyConnectionException,
    ReadTimeoutException,
    TLSException,
    TransportException,
)

if TYPE_CHECKING:
    from collections.abc import Mapping

    import requests

    from ecr_client._runtime.settings import Settings
    from ecr_client.config import ClientConfiguration


#: How many bytes of an answer are read at once.
READ_PIECE = 1024 * 1024


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
        config: Time-outs, pool size, proxies and certificates.
        settings: What the environment and the profile say of certificates.
    """

    def __init__(self, config: ClientConfiguration, settings: Settings) -> None:
        self._config = config
        self._settings = settings
        self._lock = threading.Lock()
        self._session: requests.Session | None = None
        self._proxies: dict[str, dict[str, str]] = {}
        self._closed = False

    def send(self, operation: str, url: str, headers: Mapping[str, str], body: bytes) -> Answer:
        """Send a POST and return the answer, whatever its status; redirects are not followed.

        Raises:
            ClientShutdownException: The client was shut down.
            TransportException: No answer came; the subclass says why.
        """
        import requests
        from requests.structures import CaseInsensitiveDict

        session = self._session or self._open()
        request = requests.PreparedRequest()
        request.method = "POST"
        request.url = url
        request.headers = CaseInsensitiveDict(headers)
        request.headers["Content-Length"] = str(len(body))
        request.body = body
        try:
            response = session.send(
                request,
                timeout=(self._config.connect_timeout, self._config.read_timeout),
                allow_redirects=False,
                proxies=self._proxies_for(url),
                verify=session.verify,
                cert=session.cert,
                stream=True,
            )
            # Not response.content, which reads in pieces of 10 KiB.
            body = b"".join(response.iter_content(READ_PIECE))
            return Answer(response.status_code, response.headers, body)
        except requests.RequestException as error:
            raise self._named(operation, url, error) from error
        except (ValueError, HTTPException) as error:
            # What http.client and urllib3 let through when an answer breaks the protocol.
            text = f"the answer of {url} is malformed: {type(error).__name__}"
            raise TransportException(text, operation) from error
        except OSError as error:
            # requests reports certificate files that it cannot use in this way.
            raise InvalidConfigurationException(f"{operation}: {error}") from error

    def close(self) -> None:
        """Close all connections; `send` raises from now on."""
        with self._lock:
            self._closed = True
            session, self._session = self._session, None
        if session is not None:
            session.close()

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    def _open(self) -> requests.Session:

        from ecr_client._runtime.adapter import PlainSession, PoolAdapter

        with self._lock:
            if self._closed:
                raise ClientShutdownException("the client was shut down; make a new one")
            if self._session is None:
                session = PlainSession()
                pool = PoolAdapter(self._config.max_pool_connections)
                session.mount("https://", pool)
                session.mount("http://", pool)
                session.verify = self._verify()
                session.cert = self._config.client_cert
                self._session = session
            return self._session

    def _verify(self) -> bool | str:
        if self._config.verify is not None:
            return self._config.verify
        return self._settings.ca_bundle or True

    def _proxies_for(self, url: str) -> dict[str, str]:
        if self._config.proxies is not None:
            return dict(self._config.proxies)
        found = self._proxies.get(url)
        if found is None:
            from requests.utils import get_environ_proxies

            found = self._proxies[url] = get_environ_proxies(url)
        return found

    def _named(
        self, operation: str, url: str, error: requests.RequestException
    ) -> TransportException:
        """Return our exception for one of requests; its text has neither headers nor body in it."""
        from requests import exceptions

        connect, read = self._config.connect_timeout, self._config.read_timeout
        if isinstance(error, exceptions.ConnectTimeout) or _in_handshake(error):
            text = f"could not connect to {url} within {connect:g} s (connect_timeout)"
            return ConnectTimeoutException(text, operation)
        if isinstance(error, exceptions.ProxyError):
            text = f"could not reach {url} through the proxy; see proxies, HTTPS_PROXY, NO_PROXY"
            return ProxyConnectionException(text, operation)
        if isinstance(error, exceptions.SSLError):
            text = f"no trusted TLS connection to {url}: {_reason(error)}; see verify, client_cert"
            return TLSException(text, operation)
        if isinstance(error, exceptions.ReadTimeout) or _timed_out(error):
            text = f"{url} did not answer within {read:g} s (read_timeout)"
            return ReadTimeoutException(text, operation)
        if isinstance(error, (exceptions.ChunkedEncodingError, exceptions.ContentDecodingError)):
            return TransportException(f"the answer of {url} broke off or is malformed", operation)
        return TransportException(f"no answer from {url}: {_reason(error)}", operation)


def _timed_out(error: requests.RequestException) -> bool:
    """Whether a time-out hides in a general error, as it does when the body stops coming."""
    from urllib3.exceptions import ReadTimeoutError

    return any(isinstance(argument, ReadTimeoutError) for argument in error.args)


def _reason(error: BaseException) -> str:
    """Return the innermost cause, which says what happened without the layers around it."""
    while True:
        inner = getattr(error, "reason", None) or next(
            (argument for argument in error.args if isinstance(argument, BaseException)), None
        )
        if not isinstance(inner, BaseException) or inner is error:
            return f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
        error = inner


def _in_handshake(error: BaseException) -> bool:
    """Whether a time-out came before TLS was ready; urllib3 calls that a read time-out."""
    inner: BaseException | None = error
    while inner is not None:
        if "handshake operation timed out" in str(inner):
            return True
        inner = inner.__cause__ or inner.__context__
    return False
