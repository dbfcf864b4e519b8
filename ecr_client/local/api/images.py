"""Images: pushing, listing, describing, reading, archiving and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.after_push import after_push
from ecr_client.local.api.image_ids import require_image, response_image_id
from ecr_client.local.api.replication import replicate_deletion
from ecr_client.local.api.scanning import scan_summaries
from ecr_client.local.errors import ServiceError
from ecr_client.local.store import ACTIVE, ARCHIVED, ImageRefusedError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import ImageEntry, StoredImage

_TAGGED = {"TAGGED": True, "UNTAGGED": False}
_STATUS = {"STANDARD": ACTIVE, "ARCHIVE": ARCHIVED}
#: The size of a page of ListImageReferrers unless the request has one.
_REFERRERS = 20


def put_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Store a manifest, under a tag or without one."""
    registry, name = context.registry(members), members["repositoryName"]
    manifest, tag = members["imageManifest"], members.get("imageTag")
    image = context.store.images.put(
        registry,
        name,
        manifest.encode(),
        members.get("imageManifestMediaType"),
        tag,
        members.get("imageDigest"),
    )
    after_push(context, registry, name, image)
    return {"image": _image(registry, name, image, tag, manifest)}


def batch_get_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return manifests; images that cannot be pulled are among the failures."""
    registry, name = context.registry(members), members["repositoryName"]
    store, accepted = context.store.images, members.get("acceptedMediaTypes")
    context.store.repositories.require(registry, name)
    images, failures = [], []
    for image_id in members["imageIds"]:
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
        try:
            image = store.resolve(registry, name, tag=tag, digest=digest)
            if image.status == ARCHIVED:
                raise ImageRefusedError("ImageInaccessible", "Requested image is archived")
            if accepted and image.media_type not in accepted:
                raise ImageRefusedError(
                    "ImageNotFound", "Requested image has none of the accepted media types"
                )
        except ImageRefusedError as error:
            failures.append(_failure(image_id, error))
        else:
            store.record_pull(registry, name, image)
            images.append(_image(registry, name, image, tag, store.manifest(image).decode()))
    return {"images": images, "failures": failures}


def batch_delete_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete images and tags; those that cannot be deleted are among the failures."""
    registry, name = context.registry(members), members["repositoryName"]
    context.store.repositories.require(registry, name)
    image_ids, failures = [], []
    for image_id in members["imageIds"]:
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
        try:
            deleted = context.store.images.delete(registry, name, tag=tag, digest=digest)
        except ImageRefusedError as error:
            failures.append(_failure(image_id, error))
        else:
            replicate_deletion(context, registry, name, deleted)
            image_ids += [_image_id(digest, tag) for digest, tag in deleted]
    return {"imageIds": image_ids, "failures": failures}


def list_images(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List an entry for every tag, and one for every image without tags."""
    registry, name = context.registry(members), members["repositoryName"]
    wanted = members.get("filter", {})

    def fetch(after: Any, size: int) -> Sequence[ImageEntry]:
        return context.store.images.entries(
            registry,
            name,
            tagged=_TAGGED.get(wanted.get("tagStatus", "ANY")),
            status=_status(wanted),
            after=(after[0], after[1]) if after else (0, ""),
            limit=size,
        )

    found, more = pages.page(
        context, "ListImages", members, fetch, lambda entry: [entry.number, entry.tag or ""]
    )
    return {"imageIds": [_image_id(entry.digest, entry.tag) for entry in found], **more}


def describe_images(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe all images of a repository in pages, or the named ones."""
    registry, name = context.registry(members), members["repositoryName"]
    wanted = members.get("filter", {})
    if "imageIds" in members:
        pages.refuse_with(members, "imageIds")
        named = [
            require_image(context, registry, {**members, "imageId": image_id})
            for image_id in members["imageIds"]
        ]
        # An image that is named by several tags is described once.
        found: Sequence[StoredImage] = list({image.digest: image for image in named}.values())
        more: dict[str, str] = {}
    else:
        found, more = pages.page(
            context,
            "DescribeImages",
            members,
            lambda after, size: context.store.images.list(
                registry,
                name,
                tagged=_TAGGED.get(wanted.get("tagStatus", "ANY")),
                status=_status(wanted),
                after=after or 0,
                limit=size,
            ),
            lambda image: image.number,
        )
    scans = scan_summaries(context.store, registry, name, [image.digest for image in found])
    details = [{**_detail(registry, name, each), **scans.get(each.digest, {})} for each in found]
    return {"imageDetails": details, **more}


def list_image_referrers(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List the artifacts whose subject is a digest, in pages; the subject need not exist."""
    registry, name = context.registry(members), members["repositoryName"]
    wanted, store = members.get("filter", {}), context.store.images
    types, status = wanted.get("artifactTypes"), wanted.get("artifactStatus", "ACTIVE")
    artifacts = {
        image.digest: image
        for image in store.referrers(registry, name, members["subjectId"]["imageDigest"])
        if (not types or _artifact_type(image) in types) and status in ("ANY", image.status)
    }
    sized = {"maxResults": _REFERRERS, **members}
    found, more = pages.page_of(context, "ListImageReferrers", sized, list(artifacts))
    referrers = [_referrer(artifacts[digest], store.manifest_size) for digest in found]
    return {"referrers": referrers, **more}


def update_image_storage_class(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Archive an image, or restore it at once, without the status ACTIVATING.

    An archived image is described and listed but cannot be pulled; pushing it again restores it.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/archive-image.html
    """
    registry, target = context.registry(members), members["targetStorageClass"]
    status = _STATUS[target]
    with context.store.database.write():
        image = require_image(context, registry, members)
        if image.status == status:
            raise ServiceError(
                "ImageStorageClassUpdateNotSupportedException",
                f"The image with digest '{image.digest}' is in the storage class {target} already",
            )
        context.store.images.set_status(registry, members["repositoryName"], image.digest, status)
    return {
        "registryId": registry.account,
        "repositoryName": members["repositoryName"],
        "imageId": response_image_id(image, members),
        "imageStatus": status,
    }


def _detail(registry: RegistryKey, name: str, image: StoredImage) -> dict[str, Any]:
    return _present(
        registryId=registry.account,
        repositoryName=name,
        imageDigest=image.digest,
        imageTags=list(image.tags) or None,
        imageSizeInBytes=image.size_in_bytes,
        imagePushedAt=image.pushed_at,
        imageManifestMediaType=image.media_type,
        artifactMediaType=_artifact_type(image),
        lastRecordedPullTime=image.last_pulled_at,
        subjectManifestDigest=image.subject,
        imageStatus=image.status,
        lastArchivedAt=image.archived_at,
        lastActivatedAt=image.activated_at,
    )


def _referrer(image: StoredImage, size: Callable[[StoredImage], int]) -> dict[str, Any]:
    return _present(
        digest=image.digest,
        mediaType=image.media_type,
        artifactType=_artifact_type(image),
        size=size(image),
        annotations=image.annotations,
        artifactStatus=image.status,
    )


def _present(**members: Any) -> dict[str, Any]:
    return {name: value for name, value in members.items() if value is not None}


def _artifact_type(image: StoredImage) -> str | None:
    return image.artifact_type or image.config_media_type


def _image(
    registry: RegistryKey, name: str, image: StoredImage, tag: str | None, manifest: str
) -> dict[str, Any]:
    return {
        "registryId": registry.account,
        "repositoryName": name,
        "imageId": _image_id(image.digest, tag),
        "imageManifest": manifest,
        "imageManifestMediaType": image.media_type,
    }


def _image_id(digest: str, tag: str | None) -> dict[str, str]:
    return {"imageDigest": digest, **({"imageTag": tag} if tag else {})}


def _failure(image_id: dict[str, str], error: ImageRefusedError) -> dict[str, Any]:
    return {"imageId": image_id, "failureCode": error.code, "failureReason": error.reason}


def _status(wanted: dict[str, str]) -> str | None:
    """Return the status that a filter selects; without one, that of images that can be pulled."""
    status = wanted.get("imageStatus", "ACTIVE")
    return None if status == "ANY" else status
