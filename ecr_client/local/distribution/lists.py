"""Lists: tags and repositories page by page, and the referrers of an image."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode

from starlette.responses import JSONResponse

from ecr_client.local.distribution.errors import unsupported
from ecr_client.local.distribution.request import checked_digest
from ecr_client.local.store import ACTIVE
from ecr_client.oci import Descriptor, Digest
from ecr_client.oci.media_types import INDEXES, OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Callable

    from starlette.responses import Response

    from ecr_client.local.distribution.request import RegistryRequest
    from ecr_client.local.store import StoredImage

#: The entries of a page if the client does not say how many, and the most that it may ask for:
#: those of the API, which ECR also applies here.
DEFAULT = 100
MOST = 1_000


def tags(request: RegistryRequest) -> Response:
    """List the tags of a repository in alphabetical order, except those of archived images."""
    images, key = request.store.images, (request.registry, request.name)

    def fetch(last: str, limit: int) -> list[str]:
        return images.tags(*key, after=last, limit=limit)

    return _page(request, fetch, lambda names: {"name": request.name, "tags": names})


def catalog(request: RegistryRequest) -> Response:
    """List the names of the repositories of a registry in alphabetical order."""
    repositories = request.store.repositories

    def fetch(last: str, limit: int) -> list[str]:
        found = repositories.list(request.registry, after=last, limit=limit)
        return [repository.name for repository in found]

    return _page(request, fetch, lambda names: {"repositories": names})


def referrers(request: RegistryRequest) -> Response:
    """List the images whose subject is a digest as an index, which is empty if there are none."""
    digest, wanted = checked_digest(request.path("digest")), request.query("artifactType")
    found = [
        _descriptor(request, image)
        for image in request.store.images.referrers(request.registry, request.name, digest)
        if image.status == ACTIVE
    ]
    headers = {}
    if wanted:
        found = [item for item in found if item.get("artifactType") == wanted]
        headers["OCI-Filters-Applied"] = "artifactType"
    index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": found}
    return JSONResponse(index, headers=headers, media_type=OCI_INDEX)


def _descriptor(request: RegistryRequest, image: StoredImage) -> dict[str, Any]:
    # Only a manifest has a configuration, whose type stands for the artifact's.
    kind = image.artifact_type
    if kind is None and image.media_type not in INDEXES:
        kind = image.config_media_type
    return Descriptor(
        media_type=image.media_type,
        digest=Digest(image.digest),
        size=request.store.images.manifest_size(image),
        annotations=image.annotations,
        artifact_type=kind,
    ).to_json()


def _page(
    request: RegistryRequest,
    fetch: Callable[[str, int], list[str]],
    body: Callable[[list[str]], dict[str, object]],
) -> Response:
    size = _size(request.query("n"))
    # One more than the page holds shows whether there is another page.
    names = fetch(request.query("last") or "", size + 1)
    headers = {}
    if size and len(names) > size:
        following = urlencode({"n": size, "last": names[size - 1]})
        headers["Link"] = f'<{request.http.scope["path"]}?{following}>; rel="next"'
    return JSONResponse(body(names[:size]), headers=headers)


def _size(text: str | None) -> int:
    if text is None:
        return DEFAULT
    if not (text.isascii() and text.isdigit()):
        raise unsupported(_refusal("Member must be a number"))
    if len(text) > len(str(MOST)) or int(text) > MOST:
        raise unsupported(_refusal(f"Member must have value less than or equal to {MOST}"))
    return int(text)


def _refusal(constraint: str) -> str:
    return f"Invalid parameter at 'maxResults' failed to satisfy constraint: '{constraint}'"
