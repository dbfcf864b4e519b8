"""Artifacts that refer to an image: signatures, SBOMs and the like."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.operations import operation

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import StoredImage

#: How many referrers a page has unless the request says otherwise.
_PAGE = 20


@operation("ListImageReferrers")
def list_image_referrers(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List the artifacts whose subject is a digest, in pages; the subject need not be there."""
    scope, name = context.registry(members), members["repositoryName"]
    wanted = members.get("filter", {})
    types, status = wanted.get("artifactTypes"), wanted.get("artifactStatus", "ACTIVE")
    artifacts = [
        _referrer(image)
        for image in context.store.images.referrers(
            scope, name, members["subjectId"]["imageDigest"]
        )
        if (not types or _type(image) in types) and status in ("ANY", image.status)
    ]
    sized = {"maxResults": _PAGE, **members}
    found, more = pages.page_of(context, "ListImageReferrers", sized, artifacts)
    return {"referrers": list(found), **more}


def _type(image: StoredImage) -> str | None:
    return image.artifact_type or image.config_media_type


def _referrer(image: StoredImage) -> dict[str, Any]:
    referrer = {
        "digest": image.digest,
        "mediaType": image.media_type,
        "artifactType": _type(image),
        "size": len(image.manifest),
        "annotations": image.annotations,
        "artifactStatus": image.status,
    }
    return {name: value for name, value in referrer.items() if value is not None}
