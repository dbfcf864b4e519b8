"""Verification of stored images: all digests and sizes."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any, NamedTuple

import orjson

from ecr_client._common.display import brief, one_line
from ecr_client.exceptions import (
    LayerInaccessibleException,
    LayersNotFoundException,
    LayerVerificationException,
    TransportException,
)
from ecr_client.models import ImageIdentifier
from ecr_client.oci import Digest, Reference
from ecr_client.oci.manifest import MAX_MANIFEST_LENGTH
from ecr_client.oci.media_types import INDEXES, MANIFESTS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_client import ECRClient

#: Without these, the service may convert a manifest to another type.
MANIFEST_TYPES = tuple(sorted(INDEXES | MANIFESTS))
#: The service's limit for a layer, 52,000 MiB.
LARGEST_SIZE = 52_000 * 1024 * 1024
#: Limits for manifests and blobs of an image and for nested indexes, far above those in use.
MAX_DESCRIPTORS, DEEPEST_INDEX = 10_000, 8


class _Expected(NamedTuple):
    """The digest and the size of a manifest or a blob."""

    digest: str
    size: int


def assert_image_valid(client: ECRClient, reference: str) -> None:
    """Check that a stored image is complete and has the right digests and sizes.

    Manifests come from BatchGetImage; configurations and layers are downloaded, but not kept. The
    check is bounded: a manifest may have 4,194,304 characters, a blob as many bytes as its manifest
    declares, and an image 10,000 manifests and blobs, in indexes nested up to 8 levels.

    Args:
        client: A client that may read the repository.
        reference: ``repository:tag`` or ``repository@sha256:...``.

    Raises:
        AssertionError: The image is not valid; the message lists all problems.
        ValueError: The reference is malformed.
        AmazonClientException: The service refused a call, or could not be reached.
    """
    repository, identifier = _parse(reference)
    check = _Check(client, repository)
    check.image(identifier)
    if check.problems:
        lines = "".join(f"\n  {problem}" for problem in check.problems)
        raise AssertionError(f"{reference} is not valid:{lines}")


def _parse(reference: str) -> tuple[str, ImageIdentifier]:
    found = Reference.parse(reference)
    if found.registry is not None or (found.tag is None and found.digest is None):
        raise ValueError(
            f"the reference must be repository:tag or repository@digest, got {reference!r}"
        )
    # The digest takes precedence, as everywhere.
    tag = None if found.digest else found.tag
    return found.repository, ImageIdentifier(image_tag=tag, image_digest=found.digest)


class _Check:
    """The check of one image, which collects all problems."""

    def __init__(self, client: ECRClient, repository: str) -> None:
        self.problems: list[str] = []
        self._client = client
        self._repository = repository
        self._named = 0
        #: The sizes of the manifests and blobs that were checked, if they are known.
        self._sizes: dict[str, int | None] = {}

    def image(self, identifier: ImageIdentifier) -> None:
        """Check a manifest and everything that it references."""
        level = self._manifest(identifier, None)
        for _ in range(DEEPEST_INDEX):
            level = [child for each in level for child in self._child(each)]
        if level:
            self._note(f"manifest {level[0].digest} is in more than {DEEPEST_INDEX} indexes")

    def _child(self, expected: _Expected) -> list[_Expected]:
        """Check a manifest of an index; return the manifests that it references itself."""
        if not self._is_new(f"manifest {expected.digest}", expected):
            return []
        return self._manifest(ImageIdentifier(image_digest=expected.digest), expected.size)

    def _manifest(self, identifier: ImageIdentifier, size: int | None) -> list[_Expected]:
        """Check a manifest and its blobs; return the manifests that it references."""
        name = f"manifest {identifier.image_digest or identifier.image_tag}"
        result = self._client.batch_get_image(
            repository_name=self._repository,
            image_ids=[identifier],
            accepted_media_types=MANIFEST_TYPES,
        )
        if not result.images:
            reasons = [f"{each.failure_code}: {each.failure_reason}" for each in result.failures]
            self._note(f"{name} is missing ({', '.join(reasons)})")
            return []
        image = result.images[0]
        text = image.image_manifest
        if len(text) > MAX_MANIFEST_LENGTH:
            self._note(f"{name} has {len(text)} characters, more than {MAX_MANIFEST_LENGTH}")
            return []
        # Lone surrogates have no UTF-8; parsing refuses them.
        content = text.encode("utf-8", "surrogatepass")
        listed = image.image_id.image_digest
        found = _digest(content, listed)
        self._sizes[f"manifest {found}"] = self._sizes[name] = len(content)
        if listed != found:
            self._note(f"{name} has the digest {found}, but is listed as {listed}")
        self._check_size(name, len(content), size)
        requested = identifier.image_digest
        if requested not in (None, _digest(content, requested)):
            self._note(f"{name} has the content of {_digest(content, requested)}")
        return self._contents(name, content)

    def _contents(self, name: str, content: bytes) -> list[_Expected]:
        """Check the blobs of a manifest; return the manifests that it references."""
        children = []
        try:
            named = list(_named_by(_parsed(content)))
            self._named += len(named)
            if self._named > MAX_DESCRIPTORS:
                raise ValueError(f"the image has more than {MAX_DESCRIPTORS} manifests and blobs")
        except (ValueError, RecursionError) as error:
            self._note(f"{name} cannot be read ({error})")
            return []
        for place, value in named:
            try:
                descriptor, is_elsewhere = _descriptor(place, value)
            except ValueError as error:
                self._note(f"{name} cannot be read ({error})")
                continue
            if place.startswith("manifests"):
                children.append(descriptor)
            elif not is_elsewhere and self._is_new(f"blob {descriptor.digest}", descriptor):
                self._blob(descriptor)
        return children

    def _blob(self, expected: _Expected) -> None:
        name = f"blob {expected.digest}"
        try:
            with self._client.download_layer(
                repository_name=self._repository, layer_digest=expected.digest
            ) as layer:
                try:
                    for _ in layer.iter_bytes():
                        if layer.position > expected.size:
                            break
                except LayerVerificationException as error:
                    self._note(f"{name} is corrupt ({error})")
                size = layer.position if layer.size is None else layer.size
                self._sizes[name] = size
                if layer.size is None and size > expected.size:
                    self._note(f"{name} has more than {expected.size} bytes")
                else:
                    self._check_size(name, size, expected.size)
        except (LayerInaccessibleException, LayersNotFoundException) as error:
            self._note(f"{name} is missing ({error})")
        except TransportException as error:
            self._note(f"{name} cannot be downloaded ({error})")

    def _is_new(self, name: str, expected: _Expected) -> bool:
        """Return whether a manifest or a blob has not been checked yet; else check its size."""
        if name not in self._sizes:
            self._sizes[name] = None
            return True
        found = self._sizes[name]
        if found is not None:
            self._check_size(name, found, expected.size)
        return False

    def _check_size(self, name: str, found: int, expected: int | None) -> None:
        if expected not in (None, found):
            self._note(f"{name} has {found} bytes instead of {expected}")

    def _note(self, problem: str) -> None:
        # Manifests and error messages of the service may contain anything.
        self.problems.append(one_line(problem))


def _digest(content: bytes, like: str | None) -> str:
    """Return the digest of a manifest by the algorithm of another digest, or by SHA-256."""
    algorithm = "sha512" if (like or "").startswith("sha512:") else "sha256"
    return f"{algorithm}:{hashlib.new(algorithm, content).hexdigest()}"


def _parsed(content: bytes) -> Any:
    """Return the content of a manifest.

    Raises:
        ValueError: The content is not JSON, or parsers may read it differently.
    """
    # The stricter parser, which refuses NaN and lone surrogates.
    orjson.loads(content)
    return json.loads(content, object_pairs_hook=_without_duplicates)


def _without_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for name, value in pairs:
        if name in found:
            raise ValueError(f"an object has the member {brief(name)} twice")
        found[name] = value
    return found


def _named_by(content: object) -> Iterator[tuple[str, object]]:
    """Yield the descriptors of a manifest with their paths.

    Raises:
        ValueError: The content is not a manifest.
    """
    if not isinstance(content, dict) or not content.keys() & {"manifests", "layers"}:
        raise ValueError("it has neither manifests nor layers")
    for member in ("manifests", "layers"):
        listed = content.get(member, [])
        if not isinstance(listed, list):
            raise ValueError(f"{member} must be a list, got {brief(listed)}")
        for index, each in enumerate(listed):
            yield f"{member}[{index}]", each
    if "config" in content:
        yield "config", content["config"]


def _descriptor(place: str, value: object) -> tuple[_Expected, bool]:
    """Return a descriptor, and whether its content has URLs outside of the registry.

    Raises:
        ValueError: The value is not a descriptor.
    """
    if not isinstance(value, dict):
        raise ValueError(f"{place} must be an object, got {brief(value)}")
    named, size, urls = (value.get(name) for name in ("digest", "size", "urls"))
    try:
        digest = Digest(str(named))
        digest.hasher()
    except ValueError:
        raise ValueError(
            f"{place}.digest must be sha256:... or sha512:..., got {brief(named)}"
        ) from None
    # Not isinstance: a bool is an int.
    if type(size) is not int or not 0 <= size <= LARGEST_SIZE:
        raise ValueError(f"{place}.size must be from 0 to {LARGEST_SIZE} bytes, got {brief(size)}")
    if urls is not None and not isinstance(urls, list):
        raise ValueError(f"{place}.urls must be a list, got {brief(urls)}")
    return _Expected(digest, size), bool(urls)
