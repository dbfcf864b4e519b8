"""Mounting layers from another repository of the same registry, without moving their bytes."""

from __future__ import annotations

import threading
from typing import TYPE_CHECKING
from urllib.parse import quote, urlsplit

from ecr_client.exceptions import AmazonClientException
from ecr_client.oci import Registry
from ecr_client.transport import Deadline, HTTPRequest

if TYPE_CHECKING:
    from ecr_client.images.references import Location
    from ecr_client.models import AuthorizationData

_TIMEOUT = 60.0


class Mounting:
    """Mounts layers with the registry protocol, since the API of the service has no call for it.

    The account setting ``BLOB_MOUNTING`` must be ``ENABLED``. A failure is not an error: the layer
    is uploaded then.

    https://docs.aws.amazon.com/AmazonECR/latest/userguide/blob-mounting.html

    Args:
        source: The repository that has the layers.
        target: The repository to mount them in, in the same registry.
    """

    def __init__(self, source: Location, target: Location) -> None:
        self._source = source
        self._target = target
        self._accounts = {source.registry_id, target.registry_id}
        self._lock = threading.Lock()
        self._access: AuthorizationData | None = None
        self._is_on: bool | None = None

    def mount(self, digest: str) -> bool:
        """Mount a layer; return whether the target has it now."""
        try:
            access = self._find_access()
            if access is None:
                return False
            path = f"{quote(self._target.repository)}/blobs/uploads/"
            query = f"mount={quote(digest)}&from={quote(self._source.repository, safe='')}"
            return self._send("POST", f"{access.proxy_endpoint}/v2/{path}?{query}", access)
        except AmazonClientException:
            return False

    def _find_access(self) -> AuthorizationData | None:
        """Return the registry's URL and a token for it, or None if mounting is off."""
        client = self._target.client
        with self._lock:
            if self._is_on is None:
                self._is_on = False  # also if one of the next calls fails
                if client.get_account_setting(name="BLOB_MOUNTING").value == "ENABLED":
                    access = client.get_authorization_token().authorization_data[0]
                    host = Registry.find(urlsplit(access.proxy_endpoint).netloc)
                    # Token and setting are those of the client's own registry.
                    if self._accounts <= {None, host and host.account}:
                        self._access = access
                    self._is_on = True
            return self._access

    def _send(self, method: str, url: str, access: AuthorizationData) -> bool:
        # No variable holds the token, and the repr of the request does not show it.
        request = HTTPRequest(
            method,
            url,
            {"Authorization": f"Basic {access.authorization_token}"},
            purpose="MountBlob",
        )
        with self._target.client.transport.send(request, Deadline(_TIMEOUT)) as response:
            status, location = response.status, response.headers.get("Location")
            response.read(1 << 20, Deadline(_TIMEOUT))
        if method == "POST" and status == 202 and location:
            # The registry has started an upload instead, which is cancelled.
            registry = urlsplit(url)
            target = (
                location
                if "://" in location
                else f"{registry.scheme}://{registry.netloc}{location}"
            )
            if urlsplit(target).netloc == registry.netloc:
                self._send("DELETE", target, access)
        return status == 201


def mounting_between(source: Location, target: Location) -> Mounting | None:
    """Return what mounts layers of one repository in another, or None if that is impossible."""
    same = (
        source.client.endpoint == target.client.endpoint
        and len({source.registry_id, target.registry_id} - {None}) <= 1
        and source.repository != target.repository
    )
    return Mounting(source, target) if same else None
