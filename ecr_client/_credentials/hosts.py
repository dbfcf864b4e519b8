"""The hosts that provide credentials, and how requests to them fail."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError

from ecr_client._common.redact import chain

if TYPE_CHECKING:
    from collections.abc import Callable


class MonitoredSession:
    """An HTTP session of botocore that remembers the outcome of its last request.

    botocore's client for instance metadata treats every failure as if the instance had no role.
    """

    def __init__(self, session: Any, timeout: object) -> None:
        self._session = session
        self._timeout = timeout
        self.outcome = ""

    def send(self, request: Any) -> Any:
        """Send a request."""
        try:
            response = self._session.send(request)
        except Exception as error:
            self.outcome = unreachable(error, request.url) or type(error).__name__
            if "did not respond" in self.outcome:
                self.outcome += f" within {self._timeout} s (AWS_METADATA_SERVICE_TIMEOUT)"
            raise
        status = response.status_code
        self.outcome = f"{shown_origin(request.url)} responded with status {status}"
        if status == 404:
            self.outcome += ", so there may be no role"
        return response


def monitor_metadata(session: Any) -> Callable[[], str]:
    """Return a function that returns the outcome of the last request for instance metadata.

    Args:
        session: A botocore session that has not retrieved credentials yet.
    """
    try:
        provider = session.get_component("credential_provider").get_provider("iam-role")
        fetcher = provider._role_fetcher
        monitored = fetcher._session = MonitoredSession(fetcher._session, fetcher._timeout)
    except (AttributeError, BotoCoreError):  # another botocore, or another chain
        return str
    return lambda: monitored.outcome


def unreachable(error: BaseException, url: str = "") -> str | None:
    """Return a description of a failed connection, or ``None`` for an error of another kind.

    Args:
        error: The exception.
        url: The URL of the request, if the error does not contain it.
    """
    for each in chain(error):
        for kind, text in _UNREACHABLE:
            if isinstance(each, kind):
                where = shown_origin(str(getattr(each, "kwargs", {}).get("endpoint_url") or url))
                return text.format(where)
    return None


_UNREACHABLE = (
    (
        botocore_errors.ProxyConnectionError,
        "no connection to {} through the proxy; check HTTPS_PROXY",
    ),
    (botocore_errors.SSLError, "no trusted TLS connection to {}; check AWS_CA_BUNDLE"),
    (botocore_errors.ConnectTimeoutError, "{} did not respond"),
    (botocore_errors.ReadTimeoutError, "{} did not respond"),
    (botocore_errors.EndpointConnectionError, "no connection to {}"),
    (botocore_errors.ConnectionClosedError, "{} closed the connection"),
    (botocore_errors.HTTPClientError, "the exchange with {} failed"),
)


def shown_origin(url: str) -> str:
    """Return scheme, host and port of a URL, without user, path and query, which may be secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the endpoint"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "the endpoint"
