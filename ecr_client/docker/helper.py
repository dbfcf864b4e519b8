"""The command ``docker-credential-ecr-client``: docker's protocol for credential helpers.

Docker runs it with ``get``, ``store``, ``erase`` or ``list``, and exchanges JSON with it.
https://github.com/docker/docker-credential-helpers

``"credHelpers": {"123456789012.dkr.ecr.eu-west-1.amazonaws.com": "ecr-client"}`` in
``~/.docker/config.json`` makes docker, podman and skopeo use it; account, region and FIPS come from
the host, and credentials are found as everywhere else.
"""

from __future__ import annotations

import json
import os
import sys
from datetime import datetime, timezone
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from ecr_client.docker.token_cache import CachedToken, TokenCache

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client.docker.credentials import DockerCredentials

#: Docker continues without a password if a helper prints exactly this.
_NOT_FOUND = "credentials not found in native keychain"
_USAGE = "usage: docker-credential-ecr-client get|store|erase|list"
_MAX_INPUT = 1 << 20


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the command that docker requests; return its exit status."""
    words = sys.argv[1:] if arguments is None else arguments
    if len(words) != 1 or words[0] not in ("get", "store", "erase", "list"):
        print(_USAGE, file=sys.stderr)
        return 2
    # Decoded here: what is not UTF-8 is not the name of a registry, rather than an error.
    data = b"" if words[0] == "list" else sys.stdin.buffer.read(_MAX_INPUT)
    given = data.decode(errors="replace")
    try:
        print(run(words[0], given, TokenCache(os.environ), request), end="")
    except Exception as error:
        # Docker shows what is on stdout; error messages of this package contain no secrets.
        print(error if str(error) else type(error).__name__)
        return 1
    return 0


def run(
    command: str, given: str, cache: TokenCache, ask: Callable[[str], DockerCredentials]
) -> str:
    """Return what the helper prints for a command.

    Args:
        command: ``get``, ``store``, ``erase`` or ``list``.
        given: What docker has written to the helper.
        cache: The cached passwords.
        ask: A function that requests the password of a host from the service.

    Raises:
        LookupError: The host is not one of Amazon ECR.
        Exception: No password could be obtained; the message says why.
    """
    if command == "list":
        return json.dumps({token.registry: token.username for token in cache.all()})
    if command == "store":
        return ""  # Nothing to store: passwords are requested from the service.
    host = given.strip().removeprefix("https://").rstrip("/")
    if command == "erase":
        cache.remove(host)
        return ""
    token = find_token(host, cache, ask)
    return json.dumps({"ServerURL": host, "Username": token.username, "Secret": token.password})


def find_token(
    host: str, cache: TokenCache, ask: Callable[[str], DockerCredentials]
) -> CachedToken:
    """Return a password for a host: a cached one in the first half of its lifetime, else a new one.

    If no new one can be obtained, a cached one is used as long as it is valid.
    """
    now = datetime.now(timezone.utc)
    earlier = cache.find(host)
    if earlier is not None and earlier.is_fresh(now):
        return earlier
    try:
        found = ask(host)
    except Exception:
        if earlier is not None and earlier.is_valid(now):
            return earlier
        raise
    token = CachedToken(host, found.username, found.password, now, found.expires_at)
    try:
        cache.put(token)
    except OSError as error:
        print(f"the password was not cached: {error}", file=sys.stderr)
    return token


def request(host: str) -> DockerCredentials:
    """Return the password of a host, requested from the service.

    Raises:
        LookupError: The host is not one of Amazon ECR.
        AmazonClientException: The call failed.
    """
    from ecr_client import ClientConfiguration, ECRClient
    from ecr_client.docker.credentials import get_docker_credentials
    from ecr_client.exceptions import AmazonClientException
    from ecr_client.oci import Registry

    registry = Registry.find(host)
    if registry is None:
        # Another registry, such as the local ECR, is recognized by the configured endpoint.
        try:
            client = ECRClient()
        except (AmazonClientException, ValueError) as error:
            # Docker has to continue with registries that need no settings of AWS.
            print(error, file=sys.stderr)
            raise LookupError(_NOT_FOUND) from error
        with client:
            if urlsplit(client.endpoint).netloc != host:
                raise LookupError(_NOT_FOUND)
            return get_docker_credentials(client, host)
    if registry.is_public:
        return _request_public(host)
    config = ClientConfiguration(
        use_fips_endpoint="ecr-fips" in host or None,
        use_dualstack_endpoint=".dkr-ecr" in host or None,
    )
    with ECRClient(region=registry.region, config=config) as client:
        return get_docker_credentials(client, host)


def _request_public(host: str) -> DockerCredentials:
    """Return the password of Amazon ECR Public, which has an API of its own, in us-east-1."""
    from botocore.session import Session

    from ecr_client.docker.credentials import decode

    client = Session().create_client("ecr-public", region_name="us-east-1")
    data = client.get_authorization_token()["authorizationData"]
    # Not kept in this frame, which tools that print local variables would show.
    return decode(data.pop("authorizationToken"), host, data["expiresAt"])


if __name__ == "__main__":
    raise SystemExit(main())
