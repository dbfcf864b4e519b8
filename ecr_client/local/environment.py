"""The variables that point other programs at a local ECR."""

from __future__ import annotations

import os
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ecr_client import Credentials

#: A shared file with nothing but an empty profile.
_PROFILE = str(Path(__file__).with_name("profile.ini"))
#: Neutral values for the AWS settings of a machine: variables can be set here, but not removed.
_NEUTRAL = {
    "AWS_CONFIG_FILE": _PROFILE,
    "AWS_SHARED_CREDENTIALS_FILE": _PROFILE,
    "AWS_DEFAULT_PROFILE": "default",
    "AWS_PROFILE": "default",
    "AWS_SECURITY_TOKEN": "",
    "AWS_SESSION_TOKEN": "",
    "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS": "false",
    "AWS_USE_DUALSTACK_ENDPOINT": "false",
    "AWS_USE_FIPS_ENDPOINT": "false",
    "AWS_MAX_ATTEMPTS": "3",
    "AWS_RETRY_MODE": "standard",
}


def connection_variables(
    endpoint: str, credentials: Credentials, region: str, ca_file: Path | None
) -> dict[str, str]:
    """Return the variables that make programs call a server, unless other settings prevent it."""
    found = {
        "AWS_ENDPOINT_URL_ECR": endpoint,
        "AWS_ACCESS_KEY_ID": credentials.access_key,
        "AWS_SECRET_ACCESS_KEY": credentials.secret_key,
        "AWS_REGION": region,
        "AWS_DEFAULT_REGION": region,
    }
    if credentials.token:
        found["AWS_SESSION_TOKEN"] = credentials.token
    if ca_file is not None:
        found["AWS_CA_BUNDLE"] = str(ca_file)
    return found


def isolated_variables(connection: Mapping[str, str]) -> dict[str, str]:
    """Return these variables, and those that neutralize the other settings of the machine."""
    host = urlsplit(connection["AWS_ENDPOINT_URL_ECR"]).hostname
    # Lower case takes precedence. Hosts that bypassed the proxy before still do.
    before = os.environ.get("no_proxy") or os.environ.get("NO_PROXY")
    bypassed = ",".join(filter(None, [before, host]))
    return {**_NEUTRAL, "NO_PROXY": bypassed, "no_proxy": bypassed, **connection}
