"""What belongs to an image: its manifests, in the order in which they can be stored, and blobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from ecr_client.exceptions import ImageSourceException
from ecr_client.oci import Descriptor, Index, Manifest, Platform
from ecr_client.oci.media_types import INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client.images.sources import Source

_MAX_DEPTH = 8
_MAX_MANIFESTS = 1000
_MAX_BYTES = 64 * 1024 * 1024
#: BuildKit's annotation of an attestation with the digest of what it attests.
_ATTESTED = "vnd.docker.reference.digest"


@attrs.frozen(kw_only=True)
class Node:
    """A manifest or an index.

    Attributes:
        descriptor: Its descriptor, with the platform if an index names one.
        content: Its bytes.
        document: The parsed content.
    """

    descriptor: Descriptor
    content: bytes = attrs.field(repr=False)
    document: Manifest | Index


@attrs.frozen(kw_only=True)
class Tree:
    """An image and everything that belongs to it.

    Attributes:
        root: What a tag points to.
        nodes: All others, each after those that it refers to.
    """

    root: Node
    nodes: tuple[Node, ...]

    @property
    def all_nodes(self) -> tuple[Node, ...]:
        """The nodes and the root."""
        return (*self.nodes, self.root)


def blobs_of(nodes: Sequence[Node]) -> tuple[Descriptor, ...]:
    """Return the blobs of some manifests, each once.

    Raises:
        ImageSourceException: Two manifests declare different sizes of a blob, or a blob is empty.
    """
    found: dict[str, Descriptor] = {}
    for node in nodes:
        if isinstance(node.document, Index):
            continue
        for blob in node.document.blobs:
            if found.setdefault(blob.digest, blob).size != blob.size:
                raise ImageSourceException(
                    f"two manifests declare different sizes of {blob.digest}"
                )
            if blob.size == 0:
                raise ImageSourceException(
                    f"the blob {blob.digest} is empty, which the service refuses"
                )
    return tuple(found.values())


def read_tree(
    source: Source, *, platforms: Sequence[str] | None = None, referrers: bool = False
) -> Tree:
    """Read all manifests of an image.

    Args:
        source: Where the image is.
        platforms: The wanted platforms, such as ``linux/arm64``; ``None`` for all. For one
            platform, the root is its manifest; for several, an index of only these.
        referrers: Whether to include signatures, SBOMs and the like.

    Raises:
        ImageSourceException: A manifest is missing, corrupt or malformed; there is no image for a
            platform, or more than one.
        ValueError: A platform is malformed.
    """
    wanted = None if platforms is None else [Platform.parse(each) for each in platforms]
    reading = _Reading(source, referrers)
    root = reading.read(source.find_root())
    if wanted is not None:
        root = _select(source.name, root, wanted, reading)
    nodes = [node for node in reading.below(root, 0) if node is not root]
    return Tree(root=root, nodes=tuple(nodes))


class _Reading:
    """Reads the manifests of an image, each once and within limits."""

    def __init__(self, source: Source, referrers: bool) -> None:
        self._source = source
        self._referrers = referrers
        self._nodes: dict[str, Node] = {}
        self._visited: set[str] = set()
        self._bytes = 0

    def read(self, descriptor: Descriptor) -> Node:
        node = self._nodes.get(descriptor.digest)
        if node is None:
            content, document = self._source.read_manifest(descriptor)
            node = Node(descriptor=descriptor, content=content, document=document)
            self._nodes[descriptor.digest] = node
            self._bytes += len(content)
        if len(self._nodes) > _MAX_MANIFESTS or self._bytes > _MAX_BYTES:
            raise ImageSourceException(
                f"{self._source.name} has more than {_MAX_MANIFESTS} manifests, or more than"
                f" {_MAX_BYTES} bytes of them"
            )
        return node

    def listed(self, index: Index, depth: int = 0) -> Iterator[Descriptor]:
        """Yield the descriptors in an index, with those of nested indexes in their place."""
        self._check_depth(depth)
        for each in index.manifests:
            document = self.read(each).document if each.media_type in INDEXES else None
            if isinstance(document, Index):
                yield from self.listed(document, depth + 1)
            else:
                yield each

    def below(self, node: Node, depth: int) -> Iterator[Node]:
        """Yield what a node needs, each once, then the node, then what refers to it."""
        self._check_depth(depth)
        if node.descriptor.digest in self._visited:
            return
        self._visited.add(node.descriptor.digest)
        children = node.document.manifests if isinstance(node.document, Index) else ()
        for child in children:
            if not child.is_foreign:
                yield from self.below(self.read(child), depth + 1)
        yield node
        if self._referrers:
            for referrer in self._source.find_referrers(node.descriptor.digest):
                yield from self.below(self.read(referrer), depth + 1)

    def _check_depth(self, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise ImageSourceException(
                f"{self._source.name} has indexes nested more than {_MAX_DEPTH} deep"
            )


def _select(name: str, root: Node, wanted: list[Platform], reading: _Reading) -> Node:
    """Return the manifest for a platform, or an index of those for several."""
    if not isinstance(root.document, Index):
        raise ImageSourceException(f"{name} is a single manifest, not an index with platforms")
    listed = tuple(reading.listed(root.document))
    kept: list[Descriptor] = []
    for platform in wanted:
        found = [each for each in listed if each.platform and each.platform.matches(platform)]
        exact = [each for each in found if each.platform == platform]
        if len(exact) == 1:
            found = exact
        if len(found) != 1:
            known = ", ".join(dict.fromkeys(str(each.platform) for each in listed if each.platform))
            problem = "no image" if not found else f"{len(found)} images"
            raise ImageSourceException(f"{name} has {problem} for {platform}; it has: {known}")
        kept += [each for each in found if each not in kept]
    if len(kept) == 1:  # Two names may stand for one platform.
        return reading.read(kept[0])
    digests = {each.digest for each in kept}
    chosen = [
        each
        for each in listed
        if each.digest in digests or each.annotations.get(_ATTESTED) in digests
    ]
    document = attrs.evolve(root.document, manifests=tuple(chosen))
    content = document.to_bytes()
    return Node(
        descriptor=Descriptor.of(content, document.media_type), content=content, document=document
    )
