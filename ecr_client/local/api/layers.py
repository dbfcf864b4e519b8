"""Layers: availability, uploads in parts, and presigned URLs for downloads."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError
from ecr_client.local.store import sha256_digest

if TYPE_CHECKING:
    from ecr_client.local.context import Context


def batch_check_layer_availability(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return which of the given layers a repository holds."""
    registry, name = context.registry(members), members["repositoryName"]
    held = context.store.layers.get_many(registry, name, members["layerDigests"])
    layers, failures = [], []
    for digest in members["layerDigests"]:
        if sha256_digest(digest) is None:
            failures.append(
                {
                    "layerDigest": digest,
                    "failureCode": "InvalidLayerDigest",
                    "failureReason": "Invalid request parameters: the layer digest is not valid",
                }
            )
            continue
        layer = held.get(digest)
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


def initiate_layer_upload(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Begin an upload."""
    upload = context.store.uploads.begin(context.registry(members), members["repositoryName"])
    return {"uploadId": upload, "partSize": context.store.limits.part_size}


def upload_layer_part(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Append the next part of a layer."""
    registry = context.registry(members)
    last = context.store.uploads.append_part(
        registry,
        members["repositoryName"],
        members["uploadId"],
        members["partFirstByte"],
        members["partLastByte"],
        members["layerPartBlob"],
    )
    return {
        "registryId": registry.account,
        "repositoryName": members["repositoryName"],
        "uploadId": members["uploadId"],
        "lastByteReceived": last,
    }


def complete_layer_upload(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Turn an upload into a layer, if its digest is one of the given ones."""
    registry = context.registry(members)
    digest = context.store.uploads.complete(
        registry, members["repositoryName"], members["uploadId"], members["layerDigests"]
    )
    return {
        "registryId": registry.account,
        "repositoryName": members["repositoryName"],
        "uploadId": members["uploadId"],
        "layerDigest": digest,
    }


def get_download_url_for_layer(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return a presigned URL of a layer that belongs to an image."""
    registry, name = context.registry(members), members["repositoryName"]
    digest = members["layerDigest"]
    layer = context.store.layers.get(registry, name, digest)
    where = f"repository with name '{name}' in the registry with id '{registry.account}'"
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
    path = context.tokens.download_path(registry, name, digest)
    return {"downloadUrl": f"{context.base_url}{path}", "layerDigest": digest}
