"""Layers: what is there, uploading in parts, and addresses to download from."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation

if TYPE_CHECKING:
    from ecr_client.local.context import Context

_DIGEST = re.compile(r"sha256:[a-f0-9]{64}")


@operation("BatchCheckLayerAvailability")
def batch_check_layer_availability(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Tell which of some layers a repository holds."""
    scope, name = context.registry(members), members["repositoryName"]
    context.store.repositories.require(scope, name)
    layers, failures = [], []
    for digest in members["layerDigests"]:
        if not _DIGEST.fullmatch(digest):
            failures.append(
                {
                    "layerDigest": digest,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": "Invalid request parameters: the layer digest is not valid",
                }
            )
            continue
        layer = context.store.layers.get(scope, name, digest)
        if layer is None:
            layers.append({"layerDigest": digest, "layerAvailability": "UNAVAILABLE"})
        else:
            layers.append(
                {
                    "layerDigest": digest,
                    "layerAvailability": layer.availability,
                    "layerSize": layer.size,
                    "mediaType": layer.media_type,
                }
            )
    return {"layers": layers, "failures": failures}


@operation("InitiateLayerUpload")
def initiate_layer_upload(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Begin an upload."""
    upload = context.store.uploads.begin(context.registry(members), members["repositoryName"])
    return {"uploadId": upload, "partSize": context.store.limits.part_size}


@operation("UploadLayerPart")
def upload_layer_part(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take the next part of a layer."""
    scope = context.registry(members)
    last = context.store.uploads.part(
        scope,
        members["repositoryName"],
        members["uploadId"],
        members["partFirstByte"],
        members["partLastByte"],
        members["layerPartBlob"],
    )
    return {
        "registryId": scope.account,
        "repositoryName": members["repositoryName"],
        "uploadId": members["uploadId"],
        "lastByteReceived": last,
    }


@operation("CompleteLayerUpload")
def complete_layer_upload(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Make an upload a layer, if its digest is one of those that were given."""
    scope = context.registry(members)
    digest = context.store.uploads.complete(
        scope, members["repositoryName"], members["uploadId"], members["layerDigests"]
    )
    return {
        "registryId": scope.account,
        "repositoryName": members["repositoryName"],
        "uploadId": members["uploadId"],
        "layerDigest": digest,
    }


@operation("GetDownloadUrlForLayer")
def get_download_url_for_layer(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give a presigned address of a layer that belongs to an image."""
    scope, name = context.registry(members), members["repositoryName"]
    digest = members["layerDigest"]
    layer = context.store.layers.get(scope, name, digest)
    where = f"repository with name '{name}' in the registry with id '{scope.account}'"
    if layer is None:
        raise ServiceError(
            "LayersNotFoundException",
            f"The layers with digest '{digest}' do not exist in the {where}",
        )
    if not layer.used_by:
        raise ServiceError(
            "LayerInaccessibleException",
            f"The layer with digest '{digest}' in the {where} is not part of an image",
        )
    path = context.tokens.download_path(scope, name, digest)
    return {"downloadUrl": f"{context.base_url}{path}", "layerDigest": digest}
