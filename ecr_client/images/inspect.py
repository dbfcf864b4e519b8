"""Inspecting images."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

import attrs
import orjson

from ecr_client.exceptions import ImageSourceException
from ecr_client.images.references import locate
from ecr_client.images.sources import RepositorySource, fill
from ecr_client.images.trees import blobs_of, read_tree
from ecr_client.oci import Descriptor, Manifest, Platform
from ecr_client.oci.media_types import CONFIGS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client import ECRClient
    from ecr_client.images.trees import Node

_MAX_CONFIG = 4 * 1024 * 1024


@attrs.frozen(kw_only=True)
class InspectedManifest:
    """The manifest for one platform, or of an artifact.

    Attributes:
        digest: The digest of the manifest.
        media_type: Its media type.
        platform: The platform that it runs on; ``None`` for an artifact.
        artifact_type: The type of the artifact, if it is not a runnable image.
        config: The configuration as parsed JSON; empty for an artifact.
        layers: The layers, the lowest first.
        size: The total size of configuration and layers in bytes.
        annotations: Arbitrary metadata.
    """

    digest: str
    media_type: str
    platform: Platform | None
    artifact_type: str | None
    config: dict[str, Any] = attrs.field(hash=False)
    layers: tuple[Descriptor, ...]
    size: int
    annotations: dict[str, str] = attrs.field(hash=False)


@attrs.frozen(kw_only=True)
class InspectedImage:
    """An image, with all its platforms.

    Attributes:
        reference: The reference that was passed.
        digest: The digest of the image's manifest or index.
        media_type: Its media type.
        manifests: One for each platform.
        size: The size of all configurations and layers in bytes, each counted once.
        shared_size: How many of these belong to more than one manifest.
        annotations: Arbitrary metadata.
    """

    reference: str
    digest: str
    media_type: str
    manifests: tuple[InspectedManifest, ...]
    size: int
    shared_size: int
    annotations: dict[str, str] = attrs.field(hash=False)

    @property
    def platforms(self) -> tuple[str, ...]:
        """The platforms that the image runs on, such as ``linux/arm64``."""
        return tuple(str(each.platform) for each in self.manifests if each.platform is not None)


def inspect_image(client: ECRClient, reference: str) -> InspectedImage:
    """Return what an image consists of. Only manifests and configurations are read, no layers.

    Args:
        client: Calls the service.
        reference: The image, with a tag or a digest.

    Raises:
        ImageSourceException: The image does not exist, or is malformed.
        ValueError: The reference is malformed, or belongs to another registry than the client's.
        AmazonClientException: A call failed.
    """
    location = locate(client, reference)
    source = RepositorySource(location)
    tree = read_tree(source)
    nodes = [node for node in tree.all_nodes if isinstance(node.document, Manifest)]
    uses = Counter(
        blob.digest
        for node in nodes
        if isinstance(node.document, Manifest)
        for blob in node.document.blobs
    )
    blobs = blobs_of(nodes)
    return InspectedImage(
        reference=reference,
        digest=tree.root.descriptor.digest,
        media_type=tree.root.document.media_type,
        manifests=_manifests(source, nodes),
        size=sum(blob.size for blob in blobs),
        shared_size=sum(blob.size for blob in blobs if uses[blob.digest] > 1),
        annotations=tree.root.document.annotations,
    )


def _manifests(source: RepositorySource, nodes: Sequence[Node]) -> tuple[InspectedManifest, ...]:
    found = []
    for node in nodes:
        document = node.document
        assert isinstance(document, Manifest)
        config = _read_config(source, document.config)
        platform = node.descriptor.platform
        if platform is None and "os" in config and "architecture" in config:
            platform = Platform.from_json(config, f"the configuration of {node.descriptor.digest}")
        found.append(
            InspectedManifest(
                digest=node.descriptor.digest,
                media_type=document.media_type,
                platform=platform,
                artifact_type=document.artifact_type,
                config=config,
                layers=document.layers,
                size=sum(blob.size for blob in document.blobs),
                annotations=document.annotations,
            )
        )
    return tuple(found)


def _read_config(source: RepositorySource, config: Descriptor) -> dict[str, Any]:
    if config.media_type not in CONFIGS:
        return {}
    if config.size > _MAX_CONFIG:
        raise ImageSourceException(
            f"the configuration {config.digest} must have at most {_MAX_CONFIG:,} bytes, got"
            f" {config.size:,}"
        )
    with source.open_blob(config) as reader:
        content = fill(reader, memoryview(bytearray(config.size)))
    try:
        found = orjson.loads(content)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise ImageSourceException(f"the configuration {config.digest} is not a JSON object")
    return found
