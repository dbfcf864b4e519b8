"""Layers and configurations: whether they exist, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from ecr_client.local.blob_response import BlobResponse
from ecr_client.local.distribution.errors import RegistryError, error_response, unsupported
from ecr_client.local.distribution.request import checked_digest

if TYPE_CHECKING:
    from starlette.responses import Response

    from ecr_client.local.distribution.request import RegistryRequest


def get(request: RegistryRequest) -> Response:
    """Return a blob of the repository, a range of it, or a redirect to it.

    ECR redirects a GET to its storage, and responds to a HEAD itself.
    """
    digest = checked_digest(request.path("digest"))
    layer = request.store.layers.get(request.registry, request.name, digest)
    if layer is None or layer.availability != "AVAILABLE":
        raise RegistryError(
            "BLOB_UNKNOWN",
            f"The layer with digest '{digest}' is not available in the repository with name"
            f" '{request.name}' in the registry with id '{request.registry.account}'",
            status=404,
        )
    if request.service.follows_ecr and request.http.method == "GET":
        path = request.context.tokens.download_path(request.registry, request.name, digest)
        return RedirectResponse(f"{request.base_url}{path}", status_code=307)
    return BlobResponse(
        request.store.blobs.path(digest),
        refuse=_refuse_range,
        headers={
            "Docker-Content-Digest": digest,
            "ETag": f'"{digest}"',
            "Cache-Control": "max-age=31536000",
        },
    )


def delete(request: RegistryRequest) -> Response:
    """Refuse: layers go with the images that name them, and ECR deletes none by itself."""
    raise unsupported("Blobs cannot be deleted; delete the images that name them.")


def _refuse_range(status: int, message: str) -> Response:
    return error_response(RegistryError("RANGE_INVALID", message, status=status))
