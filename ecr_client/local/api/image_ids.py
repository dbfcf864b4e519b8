"""The member ``imageId`` of requests and responses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.store import ImageRefusedError

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import StoredImage

_NOT_FOUND = ("ImageNotFound", "ImageTagDoesNotMatchDigest")


def require_image(context: Context, registry: RegistryKey, members: dict[str, Any]) -> StoredImage:
    """Return the image that a request names by ``repositoryName`` and ``imageId``.

    Raises:
        ServiceError: RepositoryNotFoundException, ImageNotFoundException, or
            InvalidParameterException if the identifier is empty or malformed.
    """
    name, named = members["repositoryName"], members["imageId"]
    tag, digest = named.get("imageTag"), named.get("imageDigest")
    try:
        return context.store.images.resolve(registry, name, tag=tag, digest=digest)
    except ImageRefusedError as error:
        if error.code not in _NOT_FOUND:
            raise invalid_parameter("imageId", error.reason) from error
        raise ServiceError(
            "ImageNotFoundException",
            f"The image with imageId {{imageDigest:'{digest or 'null'}', imageTag:'{tag or 'null'}'"
            f"}} does not exist within the repository with name '{name}' in the registry with id"
            f" '{registry.account}'",
        ) from error


def response_image_id(image: StoredImage, members: dict[str, Any]) -> dict[str, str]:
    """Return the ``imageId`` for the response: the digest, and the tag if the request has one."""
    tag = members["imageId"].get("imageTag")
    return {"imageDigest": image.digest, **({"imageTag": tag} if tag else {})}
