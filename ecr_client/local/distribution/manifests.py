"""Manifests and indexes: pulling, pushing and deleting them, by tag and by digest."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from starlette.responses import Response

from ecr_client.local.api.after_push import after_push
from ecr_client.local.api.replication import replicate_deletion
from ecr_client.local.distribution.errors import RegistryError
from ecr_client.local.distribution.request import checked_digest
from ecr_client.local.errors import ServiceError
from ecr_client.local.repository_templates import create_on_push
from ecr_client.local.store import ACTIVE, ImageRefusedError
from ecr_client.local.store.images import TAG
from ecr_client.oci import Digest
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH

if TYPE_CHECKING:
    from ecr_client.local.distribution.request import RegistryRequest
    from ecr_client.local.store import StoredImage
    from ecr_client.local.wire import Buffer

#: The length of a manifest is counted in characters, none of which takes more than four bytes.
_MOST_BYTES = MAX_MANIFEST_LENGTH * 4
_ANYTHING = {"*/*", "application/*"}


def get(request: RegistryRequest) -> Response:
    """Return a manifest as it was pushed, and record the pull unless it is a HEAD request."""
    image = _require(request)
    _check_accepted(request, image)
    if request.http.method == "GET":
        request.store.images.record_pull(request.registry, request.name, image)
    headers = {"Docker-Content-Digest": image.digest, "ETag": f'"{image.digest}"'}
    manifest = request.store.images.manifest(image)
    return Response(manifest, headers=headers, media_type=image.media_type)


async def put(request: RegistryRequest) -> Response:
    """Store a manifest under a tag or under its digest."""
    body = await request.bodies.receive(request.http.stream(), _MOST_BYTES)
    if body is None:
        message = f"A manifest has at most {MAX_MANIFEST_LENGTH} characters"
        raise RegistryError("SIZE_INVALID", message, status=413)
    return await request.bodies.process(body, partial(_put, request))


def delete(request: RegistryRequest) -> Response:
    """Delete an image by its digest, or a tag, and with its last tag the image."""
    tag, digest = _reference(request)
    try:
        deleted = request.store.images.delete(
            request.registry, request.name, tag=tag, digest=digest
        )
    except ImageRefusedError as error:
        if error.code == "ImageNotFound":
            raise _unknown(request) from None
        raise RegistryError("DENIED", error.reason, status=403) from None
    replicate_deletion(request.context, request.registry, request.name, deleted)
    return Response(status_code=202)


def _put(request: RegistryRequest, data: Buffer) -> Response:
    body = bytes(data)
    tag, digest = _reference(request)
    key = (request.registry, request.name)
    create_on_push(request.context, *key)
    media_type = (request.header("content-type") or "").partition(";")[0].strip() or None
    images = request.store.images
    try:
        image = images.put(*key, body, media_type, tag, digest)
    except ServiceError as error:
        # A client that pushes the same image again wants it to exist, and it does.
        if error.code != "ImageAlreadyExistsException":
            raise
        found = images.get(*key, digest=Digest.of(body))
        if found is None:
            raise
        image = found
    else:
        after_push(request.context, *key, image)
    headers = {
        "Location": f"/v2/{request.name}/manifests/{image.digest}",
        "Docker-Content-Digest": image.digest,
    }
    if image.subject is not None:
        headers["OCI-Subject"] = image.subject
    return Response(status_code=201, headers=headers)


def _require(request: RegistryRequest) -> StoredImage:
    tag, digest = _reference(request)
    image = request.store.images.get(request.registry, request.name, tag=tag, digest=digest)
    if image is None:
        raise _unknown(request)
    if image.status != ACTIVE:
        message = f"The image with digest '{image.digest}' is archived and cannot be pulled"
        raise RegistryError("MANIFEST_UNKNOWN", message, status=404)
    return image


def _reference(request: RegistryRequest) -> tuple[str | None, str | None]:
    """Return the tag and the digest of the path, one of which is None."""
    reference = request.path("reference")
    if ":" in reference:
        return None, checked_digest(reference)
    if not TAG.fullmatch(reference):
        message = f"Image tag should satisfy the regex '{TAG.pattern}'"
        raise RegistryError("TAG_INVALID", message)
    return reference, None


def _check_accepted(request: RegistryRequest, image: StoredImage) -> None:
    """Refuse an image whose type the client does not accept: nothing is converted."""
    accepted = {
        item.partition(";")[0].strip().lower()
        for line in request.http.headers.getlist("accept")
        for item in line.split(",")
    } - {""}
    if accepted and not accepted & _ANYTHING and image.media_type not in accepted:
        raise RegistryError(
            "MANIFEST_UNKNOWN",
            f"The image has media type '{image.media_type}', which the Accept header does not name",
            status=404,
        )


def _unknown(request: RegistryRequest) -> RegistryError:
    reference = request.path("reference")
    kind = "digest" if ":" in reference else "tag"
    return RegistryError(
        "MANIFEST_UNKNOWN",
        f"Requested image with {kind} '{reference}' not found in the repository with name"
        f" '{request.name}' in the registry with id '{request.registry.account}'",
        status=404,
    )
