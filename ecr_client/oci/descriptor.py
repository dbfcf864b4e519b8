"""Descriptors: references from one piece of content to another."""

from __future__ import annotations

from typing import Any

import attrs

from ecr_client.oci import _json
from ecr_client.oci.digest import Digest


@attrs.frozen(kw_only=True)
class Platform:
    """The platform that an image runs on.

    Attributes:
        os: The operating system, such as ``linux``.
        architecture: The processor, in Go's names, such as ``amd64`` or ``arm64``.
        variant: The variant of the processor, such as ``v8``.
        os_version: The version of the operating system; Windows images need it.
        os_features: Features of the operating system that the image needs, such as ``win32k``.
    """

    os: str
    architecture: str
    variant: str | None = None
    os_version: str | None = None
    os_features: tuple[str, ...] = ()

    @classmethod
    def parse(cls, text: str) -> Platform:
        """Return the platform that is written ``os/architecture`` or ``os/architecture/variant``.

        Raises:
            ValueError: The string has another form.
        """
        parts = text.split("/")
        if len(parts) not in (2, 3) or not all(parts):
            raise ValueError(f"a platform must be os/architecture[/variant], got {text!r}")
        return cls(os=parts[0], architecture=parts[1], variant=parts[2] if parts[2:] else None)

    @classmethod
    def from_json(cls, found: object, where: str = "platform") -> Platform:
        """Return the platform that a JSON object describes.

        Raises:
            ValueError: The value is not a platform; the message begins with ``where``.
        """
        if not isinstance(found, dict):
            raise ValueError(f"{where} must be an object, got {_json.kind(found)}")
        return cls(
            os=_json.string_member(found, "os", where) or "unknown",
            architecture=_json.string_member(found, "architecture", where) or "unknown",
            variant=_json.string_member(found, "variant", where),
            os_version=_json.string_member(found, "os.version", where),
            os_features=_json.strings_member(found, "os.features", where),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that describes the platform."""
        content = {
            "architecture": self.architecture,
            "os": self.os,
            "os.version": self.os_version,
            "os.features": list(self.os_features) or None,
            "variant": self.variant,
        }
        return {name: value for name, value in content.items() if value is not None}

    def matches(self, wanted: Platform) -> bool:
        """Return whether this platform fits a wanted one, whose absent members fit any value."""
        return all(
            not value or value == getattr(self, name)
            for name, value in attrs.asdict(wanted).items()
        )

    def __str__(self) -> str:
        return "/".join(filter(None, (self.os, self.architecture, self.variant)))


@attrs.frozen(kw_only=True)
class Descriptor:
    """A reference to a blob or to a manifest.

    Attributes:
        media_type: The media type of the content.
        digest: The digest of the content.
        size: The size of the content in bytes.
        urls: Other places to fetch the content from; then a registry need not have it.
        annotations: Arbitrary metadata.
        platform: The platform that the image runs on; in the manifests of an index.
        artifact_type: The type of the artifact, if the manifest is not one of a runnable image.
    """

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: dict[str, str] = attrs.field(factory=dict, hash=False)
    platform: Platform | None = None
    artifact_type: str | None = None

    @property
    def is_foreign(self) -> bool:
        """Whether the content is fetched from other places and need not be in the registry."""
        return bool(self.urls)

    @classmethod
    def of(cls, content: bytes, media_type: str) -> Descriptor:
        """Return the descriptor of some content."""
        return cls(media_type=media_type, digest=Digest.of(content), size=len(content))

    @classmethod
    def from_json(cls, found: object, where: str = "descriptor") -> Descriptor:
        """Return the descriptor that a JSON object holds.

        Raises:
            ValueError: The value is not a descriptor; the message begins with ``where``.
        """
        if not isinstance(found, dict):
            raise ValueError(f"{where} must be a descriptor, got {_json.kind(found)}")
        try:
            digest = Digest(found.get("digest", ""))
        except ValueError as error:
            raise ValueError(f"{where}.digest: {error}") from None
        size = found.get("size")
        if not isinstance(size, int) or isinstance(size, bool) or not 0 <= size < 2**63:
            raise ValueError(f"{where}.size must be a number of bytes, got {_json.kind(size)}")
        media_type = _json.media_type_member(found, "mediaType", where)
        if media_type is None:
            raise ValueError(f"{where}.mediaType must be a media type")
        platform = found.get("platform")
        return cls(
            media_type=media_type,
            digest=digest,
            size=size,
            urls=_json.strings_member(found, "urls", where),
            annotations=_json.map_member(found, "annotations", where),
            platform=platform and Platform.from_json(platform, f"{where}.platform"),
            artifact_type=_json.media_type_member(found, "artifactType", where),
        )

    def to_json(self) -> dict[str, Any]:
        """Return the JSON object that holds the descriptor."""
        content: dict[str, Any] = {
            "mediaType": self.media_type,
            "digest": str(self.digest),
            "size": self.size,
        }
        if self.urls:
            content["urls"] = list(self.urls)
        if self.annotations:
            content["annotations"] = self.annotations
        if self.platform is not None:
            content["platform"] = self.platform.to_json()
        if self.artifact_type is not None:
            content["artifactType"] = self.artifact_type
        return content
