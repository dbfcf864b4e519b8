"""Reconciles the error of a retry with an earlier attempt that may have succeeded.

An attempt whose response was lost may have succeeded; its retry then fails because the work is
done. Three operations identify their content by digest or offset, which proves that the existing
content is what the call sent. For all others the error is raised: an existing repository may have
been created by another call.
"""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_client._generated import operations

if TYPE_CHECKING:
    from collections.abc import Callable

    from ecr_client._exceptions import AmazonServiceException
    from ecr_client._generated.models import (
        BatchCheckLayerAvailabilityResult,
        BatchGetImageResult,
        CompleteLayerUploadRequest,
        CompleteLayerUploadResult,
        PutImageRequest,
        PutImageResult,
        UploadLayerPartRequest,
        UploadLayerPartResult,
    )
    from ecr_client._operation import Operation
    from ecr_client._shapes import AmazonWebServiceRequest, AmazonWebServiceResult


class Lookup(NamedTuple):
    """A call that reads the existing content, and a function that compares it.

    Attributes:
        operation: The operation to call.
        request: Its request.
        prove: Returns the result of the retried call, or ``None`` if the content differs.
    """

    operation: Operation[Any, Any]
    request: AmazonWebServiceRequest
    prove: Callable[[Any], AmazonWebServiceResult | None]


def reconcile(request: object, error: AmazonServiceException) -> Lookup | object | None:
    """Return the result of a retried call whose error means that its work is done.

    Args:
        request: The request of the call.
        error: The error of the retry.

    Returns:
        The result; a `Lookup` if a call has to prove it first; ``None`` to raise the error.
    """
    find = _PROOFS.get((type(request).__name__, error.error_code))
    return None if find is None else find(request, error)


def _part(request: UploadLayerPartRequest, error: Any) -> UploadLayerPartResult | None:
    if getattr(error, "last_valid_byte_received", None) != request.part_last_byte:
        return None
    return operations.UPLOAD_LAYER_PART.result_class(
        registry_id=request.registry_id,
        repository_name=request.repository_name,
        upload_id=request.upload_id,
        last_byte_received=request.part_last_byte,
    )


def _layer(request: CompleteLayerUploadRequest, _: object) -> Lookup | None:
    digests = [each for each in request.layer_digests if each.startswith("sha256:")]
    if len(digests) != 1:
        return None

    def prove(found: BatchCheckLayerAvailabilityResult) -> CompleteLayerUploadResult | None:
        if [each.layer_availability for each in found.layers] != ["AVAILABLE"]:
            return None
        return operations.COMPLETE_LAYER_UPLOAD.result_class(
            registry_id=request.registry_id,
            repository_name=request.repository_name,
            upload_id=request.upload_id,
            layer_digest=digests[0],
        )

    operation = operations.BATCH_CHECK_LAYER_AVAILABILITY
    query = operation.request_class(
        registry_id=request.registry_id,
        repository_name=request.repository_name,
        layer_digests=digests,
    )
    return Lookup(operation, query, prove)


def _image(request: PutImageRequest, _: object) -> Lookup:
    from ecr_client._generated.models.image_identifier import ImageIdentifier

    tag, digest = request.image_tag, request.image_digest
    if tag is None and digest is None:
        digest = f"sha256:{hashlib.sha256(request.image_manifest.encode()).hexdigest()}"

    def prove(found: BatchGetImageResult) -> PutImageResult | None:
        if [each.image_manifest for each in found.images] != [request.image_manifest]:
            return None
        return operations.PUT_IMAGE.result_class(image=found.images[0])

    operation = operations.BATCH_GET_IMAGE
    media_type = request.image_manifest_media_type
    query = operation.request_class(
        registry_id=request.registry_id,
        repository_name=request.repository_name,
        image_ids=[ImageIdentifier(image_tag=tag, image_digest=None if tag else digest)],
        accepted_media_types=[media_type] if media_type else None,
    )
    return Lookup(operation, query, prove)


#: By the class of the request and the code of the error.
_PROOFS: dict[tuple[str, str], Callable[[Any, Any], Lookup | object | None]] = {
    ("UploadLayerPartRequest", "InvalidLayerPartException"): _part,
    ("CompleteLayerUploadRequest", "LayerAlreadyExistsException"): _layer,
    ("CompleteLayerUploadRequest", "UploadNotFoundException"): _layer,
    ("PutImageRequest", "ImageAlreadyExistsException"): _image,
}
