"""Signature Version 4, by botocore's signer."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.awsrequest import AWSRequest

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client.credentials import Credentials
    from ecr_client.endpoints import Endpoint

#: Never ``api.ecr``, which is only the host's prefix.
SIGNING_NAME = "ecr"

Clock = "Callable[[], datetime]"


def utc_now() -> datetime:
    """Return the time."""
    return datetime.now(timezone.utc)


class _Signer(SigV4Auth):  # type: ignore[misc]  # botocore is not typed
    """botocore's signer with a clock of our own, and without its log lines.

    These show the canonical request at debug level, and with it the session token.
    """

    def __init__(self, credentials: Credentials, region: str, now: datetime) -> None:
        super().__init__(credentials, SIGNING_NAME, region)
        self._timestamp = now.strftime(SIGV4_TIMESTAMP)

    def add_auth(self, request: AWSRequest) -> None:
        request.context["timestamp"] = self._timestamp
        self._modify_request_before_signing(request)
        to_sign = self.string_to_sign(request, self.canonical_request(request))
        self._inject_signature_to_request(request, self.signature(to_sign, request))


def sign(
    endpoint: Endpoint,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """Return the headers of a POST with those added that make the signature.

    Args:
        endpoint: Where the request goes, and the region that it is signed for.
        headers: All headers that the signature covers.
        body: What is sent.
        credentials: Whose signature it is.
        now: The time of the signature, in UTC.
    """
    request = AWSRequest("POST", f"{endpoint.url}/", headers=dict(headers), data=body)
    _Signer(credentials, endpoint.signing_region, now).add_auth(request)
    signed: Any = request.headers
    return dict(signed.items())
