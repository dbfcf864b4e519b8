"""Image manifests and indexes, in OCI and Docker forms: what a push has to know about them."""

from __future__ import annotations

import re
from typing import Any

import attrs
import orjson

from ecr_client.local.errors import ServiceError, invalid_parameter

OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_INDEX = "application/vnd.oci.image.index.v1+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
MANIFESTS = frozenset({OCI_MANIFEST, DOCKER_MANIFEST})
INDEXES = frozenset({OCI_INDEX, DOCKER_LIST})
_SCHEMA_1 = (
    "application/vnd.docker.distribution.manifest.v1+json",
    "application/vnd.docker.distribution.manifest.v1+prettyjws",
)
#: The longest manifest, in characters, by the model.
LONGEST = 4_194_304
#: By the image specification. A digest becomes a part of headers and paths.
_DIGEST = re.compile(r"(?P<algorithm>[a-z0-9]+([+._-][a-z0-9]+)*):(?P<encoded>[a-zA-Z0-9=_-]+)")
_SHA256 = re.compile(r"[0-9a-f]{64}")


@attrs.frozen(kw_only=True)
class Descriptor:
    """A reference to a blob or to another manifest."""

    digest: str
    size: int
    media_type: str
    urls: tuple[str, ...] = ()

    @property
    def elsewhere(self) -> bool:
        """Whether the bytes are fetched from other places and need not be in the registry."""
        return bool(self.urls)


@attrs.frozen(kw_only=True)
class Manifest:
    """A manifest that is well formed; whether what it names is there is another question."""

    media_type: str
    config: Descriptor | None = None
    layers: tuple[Descriptor, ...] = ()
    #: What an index lists.
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = attrs.Factory(dict)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """Configuration and layers that have to be in the repository, each once."""
        named = (self.config, *self.layers) if self.config else self.layers
        return tuple({blob.digest: blob for blob in named if not blob.elsewhere}.values())


def parse(data: bytes, media_type: str | None = None) -> Manifest:
    """Give what a manifest says.

    Args:
        data: The manifest as it was sent.
        media_type: What the caller says it is; needed if the manifest does not say so itself.

    Raises:
        ServiceError: InvalidParameterException.
    """
    document = _document(data)
    media_type = _media_type(document, media_type)
    if media_type in INDEXES:
        manifest = Manifest(media_type=media_type, manifests=_several(document, "manifests"))
    else:
        manifest = Manifest(
            media_type=media_type,
            config=_one(document, "config"),
            layers=_several(document, "layers"),
        )
    return attrs.evolve(
        manifest,
        subject=_one(document, "subject") if document.get("subject") is not None else None,
        artifact_type=_type(document, "artifactType"),
        annotations=_annotations(document),
    )


def _document(data: bytes) -> dict[str, Any]:
    try:
        text = data.decode()
        # Not the standard library's, which reads lone surrogates: no response could hold them.
        document = orjson.loads(text)
    except ValueError:
        raise invalid_parameter("ImageManifest", "Invalid JSON syntax") from None
    if not isinstance(document, dict):
        raise invalid_parameter("ImageManifest", "Invalid JSON syntax")
    if not 1 <= len(text) <= LONGEST:
        raise invalid_parameter(
            "imageManifest", f"Member must have length less than or equal to {LONGEST}"
        )
    return document


def _media_type(document: dict[str, Any], said: str | None) -> str:
    own = _text(document, "mediaType")
    if own is None and said is None and document.get("schemaVersion") != 1:
        raise ServiceError(
            "InvalidParameterException",
            "Invalid parameter at 'imageManifest' failed to satisfy constraint: 'the manifest has"
            " no mediaType, and imageManifestMediaType is not given'",
        )
    media_type = said or own
    if media_type in _SCHEMA_1 or document.get("schemaVersion") == 1:
        raise invalid_parameter(
            "imageManifest", "Docker Image Manifest V2 Schema 1 is not supported by the local ECR"
        )
    if own is not None and said is not None and own != said:
        raise invalid_parameter(
            "imageManifestMediaType", f"the manifest's mediaType '{own}' is not '{said}'"
        )
    if media_type not in MANIFESTS | INDEXES:
        raise invalid_parameter("imageManifestMediaType", f"unsupported media type '{media_type}'")
    if document.get("schemaVersion") != 2:
        raise _malformed("schemaVersion must be 2")
    assert media_type is not None
    return media_type


def _one(document: dict[str, Any], name: str) -> Descriptor:
    found = document.get(name)
    if not isinstance(found, dict):
        raise _malformed(f"{name} must be a descriptor")
    return _descriptor(found, name)


def _several(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    found = document.get(name)
    if not isinstance(found, list) or not all(isinstance(item, dict) for item in found):
        raise _malformed(f"{name} must be a list of descriptors")
    return tuple(_descriptor(item, f"{name}[{number}]") for number, item in enumerate(found))


def _descriptor(found: dict[str, Any], where: str) -> Descriptor:
    digest, size = found.get("digest"), found.get("size")
    if not isinstance(digest, str) or not _is_digest(digest):
        raise _malformed(f"{where}.digest must be a digest")
    if not isinstance(size, int) or isinstance(size, bool) or size < 0:
        raise _malformed(f"{where}.size must be a number of bytes")
    media_type = _type(found, "mediaType", where)
    if not media_type:
        raise _malformed(f"{where}.mediaType must be a media type")
    urls = found.get("urls") or []
    if not isinstance(urls, list) or not all(isinstance(url, str) for url in urls):
        raise _malformed(f"{where}.urls must be a list of addresses")
    return Descriptor(digest=digest, size=size, media_type=media_type, urls=tuple(urls))


def _is_digest(text: str) -> bool:
    found = _DIGEST.fullmatch(text)
    return found is not None and (
        found["algorithm"] != "sha256" or _SHA256.fullmatch(found["encoded"]) is not None
    )


def _type(document: dict[str, Any], name: str, where: str = "") -> str | None:
    """Return a media type, or None if there is none; the service takes none with parameters."""
    found = _text(document, name, where)
    if found is not None and ";" in found:
        raise _malformed(
            f"{where + '.' if where else ''}{name} must be a media type without parameters,"
            f" got '{found}'"
        )
    return found


def _text(document: dict[str, Any], name: str, where: str = "") -> str | None:
    found = document.get(name)
    if found is None:
        return None
    if not isinstance(found, str):
        raise _malformed(f"{where + '.' if where else ''}{name} must be a text")
    return found or None


def _annotations(document: dict[str, Any]) -> dict[str, str]:
    found = document.get("annotations") or {}
    if not isinstance(found, dict) or not all(isinstance(text, str) for text in found.values()):
        raise _malformed("annotations must be texts by name")
    return found


def _malformed(why: str) -> ServiceError:
    return invalid_parameter("imageManifest", f"Invalid image manifest: {why}")
