"""Manifests and indexes: pulling, pushing and deleting them, by tag and by digest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from ecr_client.local import hooks
from ecr_client.local.distribution.call import checked_digest
from ecr_client.local.distribution.creation import ensure_repository
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.errors import ServiceError
from ecr_client.local.store import ImageRefusedError
from ecr_client.local.store.blobs import digest_of
from ecr_client.local.store.image import ACTIVE
from ecr_client.local.store.push import TAG
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH

if TYPE_CHECKING:
    from ecr_client.local.bodies import Bodies
    from ecr_client.local.distribution.call import Call
    from ecr_client.local.store import StoredImage
    from ecr_client.local.wire import Buffer

#: A manifest is measured in characters, none of which takes more bytes than four.
_MOST_BYTES = MAX_MANIFEST_LENGTH * 4
_ANYTHING = {"*/*", "application/*"}


def get(call: Call) -> Response:
    """Give a manifest as it was pushed, and note the pull unless only headers are wanted."""
    image = _require(call)
    _check_accepted(call, image)
    if call.request.method == "GET":
        call.store.images.record_pull(call.scope, call.name, image)
    headers = {"Docker-Content-Digest": image.digest, "ETag": f'"{image.digest}"'}
    return Response(image.manifest, headers=headers, media_type=image.media_type)


async def put(bodies: Bodies, call: Call) -> Response:
    """Store a manifest under a tag or under its digest."""
    body = await bodies.receive(call.request.stream(), _MOST_BYTES)
    if body is None:
        message = f"A manifest has at most {MAX_MANIFEST_LENGTH} characters"
        raise RegistryError("SIZE_INVALID", message, status=413)
    return await bodies.work(body, partial(_store, call))


def delete(call: Call) -> Response:
    """Delete an image by its digest, or a tag, with which an image goes that has no other."""
    tag, digest = _reference(call)
    try:
        gone = call.store.images.delete(call.scope, call.name, tag=tag, digest=digest)
    except ImageRefusedError as error:
        if error.code == "ImageNotFound":
            raise _unknown(call) from None
        raise RegistryError("DENIED", error.reason, status=403) from None
    hooks.deleted(call.context, call.scope, call.name, gone)
    return Response(status_code=202)


def _store(call: Call, data: Buffer) -> Response:
    body = bytes(data)
    tag, digest = _reference(call)
    ensure_repository(call)
    said = (call.header("content-type") or "").partition(";")[0].strip() or None
    images = call.store.images
    try:
        image = images.put(call.scope, call.name, body, said, tag, digest)
    except ServiceError as error:
        # Who pushes the same thing again wants to have it there, and it is.
        if error.code != "ImageAlreadyExistsException":
            raise
        found = images.get(call.scope, call.name, digest=digest_of(body))
        if found is None:
            raise
        image = found
    else:
        hooks.pushed(call.context, call.scope, call.name, image)
    headers = {
        "Location": f"/v2/{call.name}/manifests/{image.digest}",
        "Docker-Content-Digest": image.digest,
    }
    if image.subject is not None:
        headers["OCI-Subject"] = image.subject
    return Response(status_code=201, headers=headers)


def _require(call: Call) -> StoredImage:
    tag, digest = _reference(call)
    image = call.store.images.get(call.scope, call.name, tag=tag, digest=digest)
    if image is None:
        raise _unknown(call)
    if image.status != ACTIVE:
        message = f"The image with digest '{image.digest}' is archived and cannot be pulled"
        raise RegistryError("MANIFEST_UNKNOWN", message, status=404)
    return image


def _reference(call: Call) -> tuple[str | None, str | None]:
    """Give the tag or the digest that the path names."""
    reference = call.path("reference")
    if ":" in reference:
        return None, checked_digest(reference)
    if not TAG.fullmatch(reference):
        message = f"Image tag should satisfy the regex '{TAG.pattern}'"
        raise RegistryError("TAG_INVALID", message)
    return reference, None


def _check_accepted(call: Call, image: StoredImage) -> None:
    """Refuse an image of a type that the caller cannot read: nothing is converted."""
    accepted = {
        item.partition(";")[0].strip().lower()
        for line in call.request.headers.getlist("accept")
        for item in line.split(",")
    } - {""}
    if accepted and not accepted & _ANYTHING and image.media_type not in accepted:
        raise RegistryError(
            "MANIFEST_UNKNOWN",
            f"The image has media type '{image.media_type}', which the Accept header does not name",
            status=404,
        )


def _unknown(call: Call) -> RegistryError:
    kind = "digest" if ":" in call.path("reference") else "tag"
    return RegistryError(
        "MANIFEST_UNKNOWN",
        f"Requested image with {kind} '{call.path('reference')}' not found in the repository with"
        f" name '{call.name}' in the registry with id '{call.scope.account}'",
        status=404,
    )
