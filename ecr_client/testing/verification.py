"""Whether a stored image is whole: every digest and every size of it."""

from __future__ import annotations

import hashlib
import json
import re
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_client.exceptions import (
    LayerInaccessibleException,
    LayersNotFoundException,
    LayerVerificationException,
    ParamValidationException,
    TransportException,
)
from ecr_client.models import ImageIdentifier

if TYPE_CHECKING:
    from ecr_client import ECRClient

#: Without these, the service may return a manifest in another form than the stored one.
MANIFEST_TYPES = (
    "application/vnd.oci.image.index.v1+json",
    "application/vnd.oci.image.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.list.v2+json",
    "application/vnd.docker.distribution.manifest.v2+json",
)
_REFERENCE = (
    r"(?P<repository>[a-z0-9._/-]+)"
    r"(:(?P<tag>[A-Za-z0-9_][A-Za-z0-9._-]{0,127})|@(?P<digest>sha256:[0-9a-f]{64}))"
)


class _Found(NamedTuple):
    digest: str
    size: int


def assert_image_valid(client: ECRClient, reference: str) -> None:
    """Check that all of a stored image is there, and that it is what its digests say.

    Manifests come from BatchGetImage; configurations and layers are downloaded, and not kept.

    Args:
        client: Has to be allowed to read the repository.
        reference: ``repository:tag`` or ``repository@sha256:...``.

    Raises:
        AssertionError: Something is missing or wrong; the text lists all that is.
        ValueError: It is not a reference.
    """
    repository, identifier = _parse(reference)
    check = _Check(client, repository)
    check.manifest(identifier, None)
    if check.problems:
        lines = "".join(f"\n  {problem}" for problem in check.problems)
        raise AssertionError(f"{reference} is not valid:{lines}")


def _parse(reference: str) -> tuple[str, ImageIdentifier]:
    found = re.fullmatch(_REFERENCE, reference)
    if found is None:
        raise ValueError(f"not repository:tag or repository@sha256:...: {reference!r}")
    return found["repository"], ImageIdentifier(
        image_tag=found["tag"], image_digest=found["digest"]
    )


class _Check:
    """One check of one image, which goes on when it has found a problem."""

    def __init__(self, client: ECRClient, repository: str) -> None:
        self.problems: list[str] = []
        self._client = client
        self._repository = repository
        self._seen: set[_Found] = set()

    def manifest(self, identifier: ImageIdentifier, size: int | None) -> None:
        """Check a manifest and all that it names."""
        name = f"manifest {identifier.image_digest or identifier.image_tag}"
        result = self._client.batch_get_image(
            repository_name=self._repository,
            image_ids=[identifier],
            accepted_media_types=MANIFEST_TYPES,
        )
        if not result.images:
            reasons = [f"{each.failure_code}: {each.failure_reason}" for each in result.failures]
            self.problems.append(f"{name} is missing ({', '.join(reasons)})")
            return
        image = result.images[0]
        text = (image.image_manifest or "").encode()
        found = _Found(f"sha256:{hashlib.sha256(text).hexdigest()}", len(text))
        listed = image.image_id.image_digest if image.image_id else None
        if listed != found.digest:
            self.problems.append(f"{name} has the digest {found.digest}, but is listed as {listed}")
        self._check_size(name, found.size, size)
        if identifier.image_digest not in (None, found.digest):
            self.problems.append(f"{name} has the content of {found.digest}")
        try:
            children, blobs = _named_by(json.loads(text))
        except (ValueError, TypeError, KeyError, AttributeError) as error:
            self.problems.append(f"{name} cannot be read ({type(error).__name__}: {error})")
            return
        for child in filter(self._is_new, children):
            self.manifest(ImageIdentifier(image_digest=child.digest), child.size)
        for blob in filter(self._is_new, blobs):
            self._blob(blob)

    def _blob(self, expected: _Found) -> None:
        name = f"blob {expected.digest}"
        try:
            with self._client.download_layer(
                repository_name=self._repository, layer_digest=expected.digest
            ) as layer:
                try:
                    for _ in layer.iter_bytes():
                        pass
                except LayerVerificationException as error:
                    self.problems.append(f"{name} is corrupt ({error})")
                size = layer.position if layer.size is None else layer.size
                self._check_size(name, size, expected.size)
        except (LayerInaccessibleException, LayersNotFoundException) as error:
            self.problems.append(f"{name} is missing ({error})")
        except (TransportException, ParamValidationException) as error:
            self.problems.append(f"{name} cannot be downloaded ({error})")

    def _is_new(self, expected: _Found) -> bool:
        if expected in self._seen:
            return False
        self._seen.add(expected)
        return True

    def _check_size(self, name: str, found: int, expected: int | None) -> None:
        if expected not in (None, found):
            self.problems.append(f"{name} has {found} bytes instead of {expected}")


def _named_by(content: dict[str, Any]) -> tuple[list[_Found], list[_Found]]:
    """Return the manifests and the blobs that a manifest says there are."""
    if not content.keys() & {"manifests", "layers"}:
        raise ValueError("it has neither manifests nor layers")
    blobs = [*content.get("layers", ())]
    if "config" in content:
        blobs.append(content["config"])
    children = [_Found(each["digest"], each["size"]) for each in content.get("manifests", ())]
    # What has addresses of its own is kept there, and is not the registry's to give.
    kept = [_Found(each["digest"], each["size"]) for each in blobs if not each.get("urls")]
    return children, kept
