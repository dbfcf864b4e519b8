"""Which host that has credentials did not respond, and how."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from botocore import exceptions as botocore_errors
from botocore.exceptions import BotoCoreError

from ecr_client._common.redact import chain

if TYPE_CHECKING:
    from collections.abc import Callable


class Watched:
    """An HTTP session of botocore that remembers how its last request ended.

    The client of the instance's metadata takes every failure for an instance without a role.
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
        self.outcome = f"{origin_of(request.url)} responded with status {status}"
        if status == 404:
            self.outcome += ", so there may be no role"
        return response


def watch_metadata(session: Any) -> Callable[[], str]:
    """Return what tells how the last request for the instance's metadata ended.

    Args:
        session: A botocore session that has not looked for credentials yet.
    """
    try:
        provider = session.get_component("credential_provider").get_provider("iam-role")
        fetcher = provider._role_fetcher
        watched = fetcher._session = Watched(fetcher._session, fetcher._timeout)
    except (AttributeError, BotoCoreError):  # botocore has changed, or the chain is another one
        return str
    return lambda: watched.outcome


def unreachable(error: BaseException, url: str = "") -> str | None:
    """Return which host did not respond, and how; ``None`` for an error of another kind.

    Args:
        error: What was raised.
        url: Where the request went, if the error may not say it.
    """
    for each in chain(error):
        for kind, text in _UNREACHABLE:
            if isinstance(each, kind):
                where = origin_of(str(getattr(each, "kwargs", {}).get("endpoint_url") or url))
                return text.format(where)
    return None


_UNREACHABLE = (
    (
        botocore_errors.ProxyConnectionError,
        "no connection to {} through the proxy; see HTTPS_PROXY",
    ),
    (botocore_errors.SSLError, "no trusted TLS connection to {}; see AWS_CA_BUNDLE"),
    (botocore_errors.ConnectTimeoutError, "{} did not respond"),
    (botocore_errors.ReadTimeoutError, "{} did not respond"),
    (botocore_errors.EndpointConnectionError, "no connection to {}"),
    (botocore_errors.ConnectionClosedError, "{} closed the connection"),
    (botocore_errors.HTTPClientError, "the exchange with {} failed"),
)


def origin_of(url: str) -> str:
    """Return scheme, host and port of a URL, whose path and query may be secrets."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "the endpoint"
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}" if parts.netloc else "the endpoint"
