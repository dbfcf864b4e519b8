"""Layers and configurations: whether they are there, and their bytes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from starlette.responses import RedirectResponse

from ecr_client.local.distribution.call import checked_digest
from ecr_client.local.distribution.errors import RegistryError, answer, unsupported
from ecr_client.local.files import BlobResponse

if TYPE_CHECKING:
    from starlette.responses import Response

    from ecr_client.local.distribution.call import Call


def get(call: Call) -> Response:
    """Return a blob of the repository, a range of it, or where ECR has it downloaded from.

    ECR answers GET with a redirect to its storage, and HEAD itself.
    """
    digest = checked_digest(call.path("digest"))
    layer = call.store.layers.get(call.scope, call.name, digest)
    if layer is None or layer.availability != "AVAILABLE":
        raise RegistryError(
            "BLOB_UNKNOWN",
            f"The layer with digest '{digest}' is not available in the repository with name"
            f" '{call.name}' in the registry with id '{call.scope.account}'",
            status=404,
        )
    if call.service.follows_ecr and call.request.method == "GET":
        place = call.context.tokens.download_path(call.scope, call.name, digest)
        return RedirectResponse(f"{call.base_url}{place}", status_code=307)
    return BlobResponse(
        call.store.blobs.path(digest),
        refuse=_refuse_range,
        headers={
            "Docker-Content-Digest": digest,
            "ETag": f'"{digest}"',
            "Cache-Control": "max-age=31536000",
        },
    )


def delete(call: Call) -> Response:
    """Refuse: layers go with the images that name them, and ECR deletes none by itself."""
    raise unsupported("Blobs cannot be deleted; delete the images that name them.")


def _refuse_range(status: int, message: str) -> Response:
    return answer(RegistryError("RANGE_INVALID", message, status=status))
