"""Manifests of images and artifacts, and indexes of manifests, in the OCI and Docker formats."""

from __future__ import annotations

import json
from typing import Any, Final

import attrs

from ecr_client.oci import _json, media_types
from ecr_client.oci.descriptor import Descriptor

#: The maximum number of characters of a manifest; the service's limit.
MAX_MANIFEST_LENGTH: Final = 4_194_304


@attrs.frozen(kw_only=True)
class Manifest:
    """The manifest of one image or artifact.

    Attributes:
        media_type: The media type, one of OCI or Docker manifests.
        config: The configuration.
        layers: The layers, the lowest first.
        subject: The manifest that this one refers to, as a signature or an SBOM does to an image.
        artifact_type: The type of the artifact, if it is not a runnable image.
        annotations: Arbitrary metadata.
    """

    media_type: str = media_types.OCI_MANIFEST
    config: Descriptor
    layers: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = attrs.field(factory=dict, hash=False)

    @property
    def blobs(self) -> tuple[Descriptor, ...]:
        """The layers and the configuration that a registry must have, each once, in this order."""
        named = (*self.layers, self.config)
        return tuple({blob.digest: blob for blob in named if not blob.is_foreign}.values())

    def to_bytes(self) -> bytes:
        """Return the manifest as a JSON document; equal manifests result in equal bytes."""
        content: dict[str, Any] = {
            "config": self.config.to_json(),
            "layers": [layer.to_json() for layer in self.layers],
        }
        return _write(self, content)


@attrs.frozen(kw_only=True)
class Index:
    """A list of manifests, usually of one image for several platforms.

    Attributes:
        media_type: The media type, one of OCI indexes or Docker manifest lists.
        manifests: The manifests, which can be indexes as well.
        subject: The manifest that this index refers to.
        artifact_type: The type of the artifact, if it is not a runnable image.
        annotations: Arbitrary metadata.
    """

    media_type: str = media_types.OCI_INDEX
    manifests: tuple[Descriptor, ...] = ()
    subject: Descriptor | None = None
    artifact_type: str | None = None
    annotations: dict[str, str] = attrs.field(factory=dict, hash=False)

    def to_bytes(self) -> bytes:
        """Return the index as a JSON document; equal indexes result in equal bytes."""
        return _write(self, {"manifests": [each.to_json() for each in self.manifests]})


def parse_manifest(content: bytes | str, media_type: str | None = None) -> Manifest | Index:
    """Return the manifest or the index that a JSON document holds.

    Whether the registry has the content that it refers to is not checked.

    Args:
        content: The document.
        media_type: The type by which the document is known, for example from its descriptor;
            needed if the document does not declare its type itself.

    Raises:
        ValueError: The document is neither, or declares another type than ``media_type``. The
            message says what is wrong.
    """
    try:
        text = content.decode() if isinstance(content, bytes) else content
    except UnicodeDecodeError:
        raise ValueError("it is not UTF-8") from None
    if not 1 <= len(text) <= MAX_MANIFEST_LENGTH:
        raise ValueError(f"it must have 1 to {MAX_MANIFEST_LENGTH:,} characters, got {len(text):,}")
    document = _json.read_object(text)
    media_type = _media_type(document, media_type)
    shared: dict[str, Any] = {
        "media_type": media_type,
        "subject": _optional(document, "subject"),
        "artifact_type": _json.media_type_member(document, "artifactType"),
        "annotations": _json.map_member(document, "annotations"),
    }
    if media_type in media_types.INDEXES:
        _refuse(document, "layers", "config")
        return Index(manifests=_descriptors(document, "manifests"), **shared)
    _refuse(document, "manifests")
    return Manifest(
        config=Descriptor.from_json(document.get("config"), "config"),
        layers=_descriptors(document, "layers"),
        **shared,
    )


def _media_type(document: dict[str, Any], given: str | None) -> str:
    version = document.get("schemaVersion")
    if version == 1 or given in media_types.DOCKER_SCHEMA_1:
        raise ValueError("Docker Image Manifest V2 Schema 1 is not supported; push the image again")
    own = _json.string_member(document, "mediaType")
    media_type = own or given
    if media_type is None:
        raise ValueError("it has no mediaType, and none was given")
    if given is not None and own is not None and given != own:
        raise ValueError(f"its mediaType is '{own}', but it is declared as '{given}'")
    if media_type not in media_types.MANIFESTS | media_types.INDEXES:
        raise ValueError(f"unsupported media type '{media_type[:200]}'")
    if version != 2 or isinstance(version, bool):
        raise ValueError("schemaVersion must be 2")
    return media_type


def _refuse(document: dict[str, Any], *names: str) -> None:
    """Refuse a document that some readers would take for a manifest and others for an index."""
    for name in names:
        if document.get(name) is not None:
            raise ValueError(f"a document of its media type must not have '{name}'")


def _optional(document: dict[str, Any], name: str) -> Descriptor | None:
    found = document.get(name)
    return None if found is None else Descriptor.from_json(found, name)


def _descriptors(document: dict[str, Any], name: str) -> tuple[Descriptor, ...]:
    found = document.get(name)
    if not isinstance(found, list):
        raise ValueError(f"{name} must be a list of descriptors, got {_json.kind(found)}")
    return tuple(Descriptor.from_json(each, f"{name}[{at}]") for at, each in enumerate(found))


def _write(document: Manifest | Index, content: dict[str, Any]) -> bytes:
    whole: dict[str, Any] = {"schemaVersion": 2, "mediaType": document.media_type}
    if document.artifact_type is not None:
        whole["artifactType"] = document.artifact_type
    whole |= content
    if document.subject is not None:
        whole["subject"] = document.subject.to_json()
    if document.annotations:
        whole["annotations"] = document.annotations
    return json.dumps(whole, ensure_ascii=False, separators=(",", ":")).encode()
