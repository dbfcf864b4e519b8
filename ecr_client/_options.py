"""Options that may differ between the calls of one client."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client._common.display import brief
from ecr_client._credentials.sources import credentials_source
from ecr_client._exceptions import InvalidConfigurationException
from ecr_client._shapes import Hidden
from ecr_client.config import HEADER_VALUE, check_seconds
from ecr_client.credentials import Credentials
from ecr_client.retry import RetryPolicy

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ecr_client._credentials.asynchronous import AsyncCredentialsSource
    from ecr_client._credentials.sources import CredentialsSource

#: Headers that the client sets; another value would break the call or its signature.
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


class CallOptions:
    """The credentials, retry policy, total timeout and additional headers of a call.

    Attributes:
        credentials: The source of the credentials, which is queried again for every attempt, since
            they may expire.
        retry: The retry policy.
        total_timeout: Seconds for the call as a whole; ``None`` for no limit.
        headers: Additional headers by name.
    """

    # Not a tuple: some tools show its items whatever its repr shows, and headers may be secrets.
    __slots__ = ("credentials", "headers", "retry", "total_timeout")

    def __init__(
        self,
        credentials: CredentialsSource | AsyncCredentialsSource,
        retry: RetryPolicy,
        total_timeout: float | None,
        headers: Mapping[str, str],
    ) -> None:
        self.credentials: CredentialsSource | AsyncCredentialsSource = credentials
        self.retry: RetryPolicy = retry
        self.total_timeout: float | None = total_timeout
        self.headers: Mapping[str, str] = headers

    def with_total_timeout(self, seconds: float) -> CallOptions:
        """Return the same options with another total timeout."""
        return CallOptions(self.credentials, self.retry, seconds, self.headers)

    def simulated(self) -> CallOptions:
        """Return options for calls that never leave the process."""
        once = RetryPolicy(max_attempts=1)
        return CallOptions(_SIMULATED, once, self.total_timeout, self.headers)

    def __repr__(self) -> str:
        # Headers and credentials may be secrets.
        return f"CallOptions(retry={self.retry}, total_timeout={self.total_timeout})"


_SIMULATED = credentials_source(credentials=Credentials("SIMULATED", "SIMULATED"))


def checked_overrides(
    before: Mapping[str, Any],
    given: Mapping[str, Any],
    source: Callable[..., object],
) -> dict[str, Any]:
    """Return the options in which a view differs from its client, with secrets hidden.

    Args:
        before: The overrides of the client, which may be a view itself.
        given: The arguments of ``with_options``; ``None`` changes nothing.
        source: A function that returns the source of credentials, and refuses invalid ones.

    Raises:
        InvalidConfigurationException: A value has the wrong type or is out of range.
    """
    overrides = {**before, **{name: each for name, each in given.items() if each is not None}}
    timeout = given["timeout"]
    if timeout is not None:
        check_seconds("timeout", timeout)
    if given["retry"] is not None and not isinstance(given["retry"], RetryPolicy):
        kind = type(given["retry"]).__name__
        raise InvalidConfigurationException(f"retry must be a RetryPolicy, got {kind}")
    if given["headers"] is not None:
        added = checked_headers(given["headers"])
        overrides["headers"] = Hidden(_merged(before.get("headers", Hidden({})).value, added))
    if given["credentials"] is not None:
        source(credentials=given["credentials"])
        overrides["credentials"] = Hidden(given["credentials"])
    return overrides


def _merged(before: Mapping[str, str], added: Mapping[str, str]) -> dict[str, str]:
    """Return both merged; added headers replace those of the same name, regardless of case."""
    replaced = {name.lower() for name in added}
    kept = {name: text for name, text in before.items() if name.lower() not in replaced}
    return {**kept, **added}


def checked_headers(headers: Any) -> dict[str, str]:
    """Return the additional headers of a call, checked.

    Raises:
        InvalidConfigurationException: One is reserved, or is not a valid header; the value is not
            shown, since it may be a secret.
    """
    found = {}
    # Checked first, so that an error raised by a user's own mapping is not replaced.
    if not hasattr(type(headers), "items"):
        raise InvalidConfigurationException(
            f"headers must be a mapping of str to str, got {type(headers).__name__}"
        )
    for name, value in headers.items():
        if not isinstance(name, str) or not re.fullmatch(_NAME, name):
            raise InvalidConfigurationException(
                f"the name of a header must be a token of RFC 9110, got {brief(name)}"
            )
        if name.lower() in RESERVED:
            raise InvalidConfigurationException(
                f"the header {name} cannot be replaced: the client sets it; remove it"
            )
        if not isinstance(value, str) or not re.fullmatch(HEADER_VALUE, value):
            raise InvalidConfigurationException(
                f"the value of the header {name} must be a str of printable ASCII characters "
                "that neither begins nor ends with whitespace"
            )
        found[name] = value
    return found
