"""Signature Version 4, by botocore's signer."""

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

#: Never ``api.ecr``, which is only the host's prefix.
SIGNING_NAME = "ecr"


def sign(
    endpoint: Endpoint,
    headers: Mapping[str, str],
    body: bytes,
    credentials: Credentials,
    now: datetime,
) -> dict[str, str]:
    """Return what has to be added to the headers of a POST to sign it.

    botocore derives the keys and computes the signature. The canonical request is written here,
    since all of ours have the same form: that takes a third of the time, and botocore would log the
    session token with it. The tests compare the outcome with botocore's own.

    Args:
        endpoint: Where the request goes, and the region that it is signed for.
        headers: All headers that the signature covers besides those that are added, by their names
            in lower case.
        body: What is sent.
        credentials: Whose signature it is.
        now: The time of the signature, in UTC.
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
    # All that the signer reads of a request from here on.
    request = SimpleNamespace(context={"timestamp": timestamp})
    signature = signer.signature(signer.string_to_sign(request, canonical), request)
    added["Authorization"] = (
        f"AWS4-HMAC-SHA256 Credential={signer.scope(request)}, "
        f"SignedHeaders={signed_names}, Signature={signature}"
    )
    return added


@lru_cache(maxsize=64)
def _signed_path(path: str) -> str:
    """Return a path in the canonical form."""
    signed: str = quote(normalize_url_path(path), safe="/~")
    return signed
