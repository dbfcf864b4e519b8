"""Images: pushing, listing, describing, reading and deleting them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import hooks, pages
from ecr_client.local.api.image_ids import require_image
from ecr_client.local.operations import operation
from ecr_client.local.store.image import ARCHIVED, ImageRefusedError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.store import ImageEntry, Scope, StoredImage

_TAGGED = {"TAGGED": True, "UNTAGGED": False}


@operation("PutImage")
def put_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Store a manifest, under a tag or without one."""
    scope, name = context.registry(members), members["repositoryName"]
    tag = members.get("imageTag")
    image = context.store.images.put(
        scope,
        name,
        members["imageManifest"].encode(),
        members.get("imageManifestMediaType"),
        tag,
        members.get("imageDigest"),
    )
    hooks.pushed(context, scope, name, image)
    return {"image": _image(scope, name, image, tag)}


@operation("BatchGetImage")
def batch_get_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give manifests; what cannot be had is among the failures."""
    scope, name = context.registry(members), members["repositoryName"]
    context.store.repositories.require(scope, name)
    accepted = members.get("acceptedMediaTypes")
    images, failures = [], []
    for image_id in members["imageIds"]:
        try:
            image = _resolve(context, scope, name, image_id)
            if image.status == ARCHIVED:
                raise ImageRefusedError("ImageInaccessible", "Requested image is archived")
            if accepted and image.media_type not in accepted:
                raise ImageRefusedError(
                    "ImageNotFound", "Requested image has none of the accepted media types"
                )
        except ImageRefusedError as error:
            failures.append(_failure(image_id, error))
        else:
            context.store.images.record_pull(scope, name, image)
            images.append(_image(scope, name, image, image_id.get("imageTag")))
    return {"images": images, "failures": failures}


@operation("BatchDeleteImage")
def batch_delete_image(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete images and tags; what cannot be deleted is among the failures."""
    scope, name = context.registry(members), members["repositoryName"]
    context.store.repositories.require(scope, name)
    deleted, failures = [], []
    for image_id in members["imageIds"]:
        tag, digest = image_id.get("imageTag"), image_id.get("imageDigest")
        try:
            gone = context.store.images.delete(scope, name, tag=tag, digest=digest)
        except ImageRefusedError as error:
            failures.append(_failure(image_id, error))
        else:
            hooks.deleted(context, scope, name, gone)
            deleted += [_image_id(digest, tag) for digest, tag in gone]
    return {"imageIds": deleted, "failures": failures}


@operation("ListImages")
def list_images(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """List a line for every tag, and one for every image without tags."""
    scope, name = context.registry(members), members["repositoryName"]
    wanted = members.get("filter", {})

    def fetch(after: Any, size: int) -> Sequence[ImageEntry]:
        return context.store.images.entries(
            scope,
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


@operation("DescribeImages")
def describe_images(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Describe all images of a repository in pages, or those that are named."""
    scope, name = context.registry(members), members["repositoryName"]
    wanted = members.get("filter", {})
    store = context.store.images
    if "imageIds" in members:
        pages.refuse_with(members, "imageIds")
        named = [
            require_image(context, scope, {**members, "imageId": image_id})
            for image_id in members["imageIds"]
        ]
        # An image that was named by several tags is described once.
        found: Sequence[StoredImage] = list({image.digest: image for image in named}.values())
        more: dict[str, str] = {}
    else:
        found, more = pages.page(
            context,
            "DescribeImages",
            members,
            lambda after, size: store.list(
                scope,
                name,
                tagged=_TAGGED.get(wanted.get("tagStatus", "ANY")),
                status=_status(wanted),
                after=after or 0,
                limit=size,
            ),
            lambda image: image.number,
        )
    return {"imageDetails": [_detail(context, scope, name, image) for image in found], **more}


def _detail(context: Context, scope: Scope, name: str, image: StoredImage) -> dict[str, Any]:
    found = {
        "registryId": scope.account,
        "repositoryName": name,
        "imageDigest": image.digest,
        "imageTags": list(image.tags) or None,
        "imageSizeInBytes": image.size_in_bytes,
        "imagePushedAt": image.pushed_at,
        "imageManifestMediaType": image.media_type,
        "artifactMediaType": image.artifact_type or image.config_media_type,
        "lastRecordedPullTime": image.last_pulled_at,
        "subjectManifestDigest": image.subject,
        "imageStatus": image.status,
        "lastArchivedAt": image.archived_at,
        "lastActivatedAt": image.activated_at,
        **hooks.details(context, scope, name, image),
    }
    return {member: value for member, value in found.items() if value is not None}


def _resolve(context: Context, scope: Scope, name: str, image_id: dict[str, str]) -> StoredImage:
    return context.store.images.resolve(
        scope, name, tag=image_id.get("imageTag"), digest=image_id.get("imageDigest")
    )


def _image(scope: Scope, name: str, image: StoredImage, tag: str | None) -> dict[str, Any]:
    return {
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": _image_id(image.digest, tag),
        "imageManifest": image.manifest.decode(),
        "imageManifestMediaType": image.media_type,
    }


def _image_id(digest: str, tag: str | None) -> dict[str, str]:
    return {"imageDigest": digest, **({"imageTag": tag} if tag else {})}


def _failure(image_id: dict[str, str], error: ImageRefusedError) -> dict[str, Any]:
    return {"imageId": image_id, "failureCode": error.code, "failureReason": error.reason}


def _status(wanted: dict[str, str]) -> str | None:
    """Give the state that a filter asks for; without one, that of images that can be pulled."""
    status = wanted.get("imageStatus", "ACTIVE")
    return None if status == "ANY" else status
