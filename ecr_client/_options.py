"""What may differ between the calls of one client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client._common.shown import shown
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._shapes import Hidden
from ecr_client.config import check_seconds
from ecr_client.credentials import Credentials, credentials_source
from ecr_client.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client.credentials import CredentialsSource

#: What the client sets itself; another value would break the call or its signature.
RESERVED = frozenset(
    {
        "accept-encoding",
        "authorization",
        "connection",
        "content-encoding",
        "content-length",
        "content-type",
        "expect",
        "host",
        "transfer-encoding",
        "user-agent",
        "x-amz-content-sha256",
        "x-amz-date",
        "x-amz-security-token",
        "x-amz-target",
    }
)
_NAME = r"[!#$%&'*+\-.^_`|~0-9A-Za-z]+"
_VALUE = r"[!-~](?:[ -~]*[!-~])?"


class CallOptions:
    """Whose a call is, how long it may take, how often it is sent, and what it sends besides.

    Attributes:
        credentials: Gives the credentials, asked anew for every attempt, since they may expire.
        retry: When it is retried.
        total_timeout: Seconds for the call as a whole; ``None`` for any time.
        headers: Further headers, by their names.
    """

    # No tuple: some tools show what is in one whatever its repr shows, and headers may be secrets.
    __slots__ = ("credentials", "headers", "retry", "total_timeout")

    def __init__(
        self,
        credentials: CredentialsSource,
        retry: RetryPolicy,
        total_timeout: float | None,
        headers: Mapping[str, str],
    ) -> None:
        self.credentials = credentials
        self.retry = retry
        self.total_timeout = total_timeout
        self.headers = headers

    def with_total_timeout(self, seconds: float) -> CallOptions:
        """Return the same options with another time for the call as a whole."""
        return CallOptions(self.credentials, self.retry, seconds, self.headers)

    def simulated(self) -> CallOptions:
        """Return options for calls that never leave the process."""
        once = RetryPolicy(max_attempts=1)
        return CallOptions(_SIMULATED, once, self.total_timeout, self.headers)

    def __repr__(self) -> str:
        # Neither headers nor a source of credentials may be seen.
        return f"CallOptions(retry={self.retry}, total_timeout={self.total_timeout})"


_SIMULATED = credentials_source(credentials=Credentials("SIMULATED", "SIMULATED"))


def checked_overrides(before: Mapping[str, Any], given: Mapping[str, Any]) -> dict[str, Any]:
    """Return what a view of a client does otherwise than the client; secrets in it are hidden.

    Args:
        before: The same of the client, which may be a view itself.
        given: What was asked for; ``None`` changes nothing.

    Raises:
        InvalidConfigurationException: A value has the wrong type or is out of range.
    """
    overrides = {**before, **{name: each for name, each in given.items() if each is not None}}
    timeout = given["timeout"]
    if timeout is not None:
        check_seconds("timeout", timeout)
    if given["retry"] is not None and not isinstance(given["retry"], RetryPolicy):
        kind = type(given["retry"]).__name__
        raise InvalidConfigurationException(f"retry must be a RetryPolicy, not {kind}")
    if given["headers"] is not None:
        added = checked_headers(given["headers"])
        overrides["headers"] = Hidden(_merged(before.get("headers", Hidden({})).value, added))
    if given["credentials"] is not None:
        credentials_source(credentials=given["credentials"])
        overrides["credentials"] = Hidden(given["credentials"])
    return overrides


def _merged(before: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return both, of which the added ones replace others, however these are capitalized."""
    replaced = {name.lower() for name in added}
    kept = {name: text for name, text in before.items() if name.lower() not in replaced}
    return {**kept, **added}


def checked_headers(headers: Any) -> dict[str, str]:
    """Return headers that may be sent in addition to those of the client.

    Raises:
        InvalidConfigurationException: One is reserved, or is no header; the value is not shown,
            since it may be a secret.
    """
    found = {}
    # Asked first, so that what a mapping of the user's own raises comes out as it is.
    if not hasattr(type(headers), "items"):
        raise InvalidConfigurationException(
            f"headers must be a mapping of names to texts, not {type(headers).__name__}"
        )
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise InvalidConfigurationException(f"the name of a header cannot be {shown(name)}")
        if name.lower() in RESERVED:
            raise InvalidConfigurationException(f"the header {name} is set by the client itself")
        if not isinstance(value, str) or not re.fullmatch(_VALUE, value):
            raise InvalidConfigurationException(
                f"the value of the header {name} must be a str of printable ASCII characters "
                "that neither begins nor ends with white space"
            )
        found[name] = value
    return found
