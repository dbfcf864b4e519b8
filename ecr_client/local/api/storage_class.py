"""Archiving images and restoring them.

An archived image is described and listed but cannot be pulled; pushing it again restores it.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.api.image_ids import answered_id, require_image
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation
from ecr_client.local.store.image import ACTIVE, ARCHIVED

if TYPE_CHECKING:
    from ecr_client.local.context import Context

_STATUS = {"STANDARD": ACTIVE, "ARCHIVE": ARCHIVED}


@operation("UpdateImageStorageClass")
def update_image_storage_class(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Archive an image, or restore it; restoring is done at once, without the state ACTIVATING."""
    scope, target = context.registry(members), members["targetStorageClass"]
    status = _STATUS[target]
    with context.store.write():
        image = require_image(context, scope, members)
        if image.status == status:
            raise ServiceError(
                "ImageStorageClassUpdateNotSupportedException",
                f"The image with digest '{image.digest}' is in the storage class {target} already",
            )
        context.store.images.set_status(scope, members["repositoryName"], image.digest, status)
    return {
        "registryId": scope.account,
        "repositoryName": members["repositoryName"],
        "imageId": answered_id(image, members),
        "imageStatus": status,
    }
