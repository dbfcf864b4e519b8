"""Signature Version 4, with botocore's signer."""

from __future__ import annotations

from functools import lru_cache
from hashlib import sha256
from types import SimpleNamespace
from typing import TYPE_CHECKING

from botocore.auth import SIGV4_TIMESTAMP, SigV4Auth
from botocore.compat import quote
from botocore.utils import normalize_url_path

if TYPE_CHECKING:
    from collections.abc import Mapping
    from datetime import datetime

    from ecr_client.credentials import Credentials
    from ecr_client.endpoints import Endpoint

#: Not ``api.ecr``, which is only the prefix of the host.
SIGNING_NAME = "ecr"


def sign(
    endpoint: Endpoint,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """Return the headers that sign a POST request.

    botocore derives the keys and computes the signature. The canonical request is composed here,
    since all requests have the same form: this takes a third of the time, and botocore would log
    the session token in it. Tests compare the result with botocore's own.

    Args:
        endpoint: The endpoint and the signing region.
        headers: The other headers to sign, by their names in lower case.
        body: The body.
        credentials: The credentials to sign with.
        now: The time of the signature in UTC.
    """
    timestamp = now.strftime(SIGV4_TIMESTAMP)
    added = {"X-Amz-Date": timestamp}
    if credentials.token:
        added["X-Amz-Security-Token"] = credentials.token
    covered = {**headers, **{name.lower(): text for name, text in added.items()}}
    covered["host"] = endpoint.host
    names = sorted(covered)
    signed_names = ";".join(names)
    canonical = "\n".join(
        [
            "POST",
            _signed_path(endpoint.path),
            "",
            *[f"{name}:{covered[name]}" for name in names],
            "",
            signed_names,
            sha256(body).hexdigest(),
        ]
    )
    signer = SigV4Auth(credentials, SIGNING_NAME, endpoint.signing_region)
    # The signer reads nothing else of the request from here on.
    request = SimpleNamespace(context={"timestamp": timestamp})
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    added["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={signed_names}, Signature={signature}"
    )
    return added


@lru_cache(maxsize=64)
def _signed_path(path: str) -> str:
    """Return a path in its canonical form."""
    signed: str = quote(normalize_url_path(path), safe="/~")
    return signed
