"""What refers to an image: signatures, bills of materials and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from starlette.responses import JSONResponse

from ecr_client.local.distribution.call import checked_digest
from ecr_client.local.store.image import ACTIVE
from ecr_client.oci.media_types import INDEXES, OCI_INDEX

if TYPE_CHECKING:
    from starlette.responses import Response

    from ecr_client.local.distribution.call import Call
    from ecr_client.local.store import StoredImage


def get(call: Call) -> Response:
    """Give an index of the images whose subject is this digest; it is empty if there are none."""
    digest, wanted = checked_digest(call.path("digest")), call.query("artifactType")
    found = [
        _descriptor(image)
        for image in call.store.images.referrers(call.scope, call.name, digest)
        if image.status == ACTIVE
    ]
    headers = {}
    if wanted:
        found = [item for item in found if item.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    return JSONResponse(index, headers=headers, media_type=OCI_INDEX)


def _descriptor(image: StoredImage) -> dict[str, Any]:
    descriptor: dict[str, Any] = {
        "mediaType": image.media_type,
        "digest": image.digest,
        "size": len(image.manifest),
    }
    # Only a manifest has a configuration, whose type stands for the artifact's.
    kind = image.artifact_type
    if kind is None and image.media_type not in INDEXES:
        kind = image.config_media_type
    if kind is not None:
        descriptor["artifactType"] = kind
    if image.annotations:
        descriptor["annotations"] = image.annotations
    return descriptor
