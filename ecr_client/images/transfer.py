"""Moving an image from a source to a target: the part that push, pull and copy share."""

from __future__ import annotations

import time
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from typing import TYPE_CHECKING, Protocol

import attrs

from ecr_client.exceptions import (
    ImageSourceException,
    InvalidLayerPartException,
    TransportException,
    UploadNotFoundException,
)
from ecr_client.images.arguments import (
    check_callbacks,
    check_count,
    check_flags,
    checked_platforms,
    checked_tags,
)
from ecr_client.images.events import (
    BlobFinished,
    BlobSkipped,
    BlobStarted,
    Reporter,
    TransferFinished,
    TransferStarted,
)
from ecr_client.images.trees import blobs_of, read_tree
from ecr_client.oci import Manifest

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from ecr_client.images.events import TransferEvent
    from ecr_client.images.sources import Source
    from ecr_client.images.trees import Node, Tree
    from ecr_client.oci import Descriptor

#: Blobs of at least this size may be moved over several connections.
LARGE = 64 * 1024 * 1024
_MAX_ATTEMPTS = 3
#: Errors after which a blob is moved again from its first byte.
_RESTARTS = (TransportException, InvalidLayerPartException, UploadNotFoundException)


@attrs.frozen(kw_only=True)
class TransferredLayer:
    """A layer of an image that was pushed, pulled or copied.

    Attributes:
        digest: The digest.
        size: The size in bytes.
        media_type: The media type.
        skipped: Whether its bytes were not moved because the target had them.
    """

    digest: str
    size: int
    media_type: str
    skipped: bool


@attrs.frozen(kw_only=True)
class TransferResult:
    """What was pushed, pulled or copied.

    Attributes:
        target: Where the image is now, as it was written.
        digest: The digest of the image's manifest or index.
        media_type: The media type of the manifest or index.
        tags: The tags, or the names in a layout, that were set.
        manifests: The digests of all manifests that belong to it.
        layers: The layers of all manifests, each once.
        bytes_moved: How many bytes of layers and configurations were moved.
        bytes_skipped: How many bytes were not moved, because the target had them.
        duration: How long the transfer took, in seconds.
    """

    target: str
    digest: str
    media_type: str
    tags: tuple[str, ...]
    manifests: tuple[str, ...]
    layers: tuple[TransferredLayer, ...]
    bytes_moved: int
    bytes_skipped: int
    duration: float


class Target(Protocol):
    """Where an image goes to."""

    @property
    def name(self) -> str:
        """The name of the target in error messages and results."""
        ...

    def find_missing(
        self, tree: Tree, tags: Sequence[str], reporter: Reporter
    ) -> Sequence[Descriptor]:
        """Return the blobs that have to be moved, after checking whatever can be checked first."""
        ...

    def write_blob(
        self, blob: Descriptor, source: Source, reporter: Reporter, streams: int
    ) -> None:
        """Move one blob; when this returns, the target holds it, and it is verified.

        Args:
            blob: The blob.
            source: Where the blob is.
            reporter: Notified of every piece.
            streams: Over how many connections the blob may be moved at the same time.
        """
        ...

    def write_manifest(self, node: Node) -> None:
        """Store a manifest without a tag."""
        ...

    def finish(self, tree: Tree, tags: Sequence[str]) -> None:
        """Store the root under its tags, which makes the image available."""
        ...


def transfer(
    source: Source,
    target: Target,
    *,
    tag: str | None,
    tags: Sequence[str] = (),
    expected: str | None,
    platforms: Sequence[str] | None,
    referrers: bool,
    progress: Callable[[TransferEvent], object] | None,
    cancel: threading.Event | None,
    concurrency: int,
) -> TransferResult:
    """Move an image and return what was done.

    Blobs go first, several at a time, then manifests, each after those that it refers to, and the
    tags last: an interrupted transfer leaves no tag, and the next one moves only what is missing.

    Args:
        source: Where the image is.
        target: Where the image goes to.
        tag: The tag or the name that it gets; ``None`` for none.
        tags: Further tags.
        expected: The digest that the image must have; ``None`` for any.
        platforms: Which platforms of an index; ``None`` for all.
        referrers: Whether manifests that refer to the image are moved as well.
        progress: Called with each event.
        cancel: Ends the transfer once it is set.
        concurrency: How many blobs are moved at the same time.
    """
    check_count("concurrency", concurrency)
    check_flags(referrers=referrers)
    check_callbacks(progress, cancel)
    tags, platforms = checked_tags(tags), checked_platforms(platforms)
    names = tuple(dict.fromkeys([tag, *tags] if tag else tags))
    started = time.monotonic()
    reporter = Reporter(progress, cancel)
    reporter.check()
    tree = read_tree(source, platforms=platforms, referrers=referrers)
    digest = tree.root.descriptor.digest
    if expected not in (None, digest):
        raise ImageSourceException(f"{source.name} is the image {digest}, not {expected}")
    blobs = blobs_of(tree.all_nodes)
    missing = target.find_missing(tree, names, reporter)
    for blob in missing:
        source.check_blob(blob)
    reporter.event(TransferStarted(blobs=len(missing), bytes=sum(blob.size for blob in missing)))
    to_move = {blob.digest for blob in missing}
    for blob in blobs:
        if blob.digest not in to_move:
            reporter.event(BlobSkipped(digest=blob.digest, size=blob.size))
    _move_blobs(missing, source, target, concurrency, reporter)
    for node in tree.nodes:
        reporter.check()
        target.write_manifest(node)
    reporter.check()
    target.finish(tree, names)
    reporter.event(TransferFinished(digest=digest))
    return TransferResult(
        target=target.name,
        digest=digest,
        media_type=tree.root.document.media_type,
        tags=names,
        manifests=tuple(node.descriptor.digest for node in tree.all_nodes),
        layers=_layers(tree, reporter.skipped),
        bytes_moved=reporter.bytes_moved,
        bytes_skipped=reporter.bytes_skipped,
        duration=time.monotonic() - started,
    )


def _move_blobs(
    blobs: Sequence[Descriptor],
    source: Source,
    target: Target,
    concurrency: int,
    reporter: Reporter,
) -> None:
    """Move blobs, the largest first, since they take longest."""
    # A single large blob may take all connections.
    streams = max(1, concurrency // max(1, sum(blob.size >= LARGE for blob in blobs)))

    def move(blob: Descriptor) -> None:
        reporter.check()
        reporter.event(BlobStarted(digest=blob.digest, size=blob.size))
        for attempts_left in reversed(range(_MAX_ATTEMPTS)):
            try:
                target.write_blob(blob, source, reporter, streams if blob.size >= LARGE else 1)
                break
            except _RESTARTS as error:
                if not attempts_left:
                    raise
                reporter.retried(blob.digest, error)
        reporter.event(BlobFinished(digest=blob.digest, size=blob.size))

    run_parallel(move, sorted(blobs, key=lambda blob: -blob.size), concurrency, reporter)


def run_parallel(
    work: Callable[[Descriptor], None],
    blobs: Sequence[Descriptor],
    concurrency: int,
    reporter: Reporter,
) -> None:
    """Call a function for each blob, several at a time; the first error ends all and is raised."""
    if not blobs:
        return
    with ThreadPoolExecutor(min(concurrency, len(blobs)), "ecr-client-transfer") as pool:
        futures = [pool.submit(work, blob) for blob in blobs]
        try:
            done = wait(futures, return_when=FIRST_EXCEPTION).done
            while done:
                done.pop().result()
        finally:
            # Also after an interrupt: the others end at their next piece, before the pool does.
            if not all(future.done() for future in futures):
                reporter.stop()
                for future in futures:
                    future.cancel()
            futures.clear()  # An error refers to this frame, and a future to its error.


def _layers(tree: Tree, skipped: set[str]) -> tuple[TransferredLayer, ...]:
    found = {
        layer.digest: TransferredLayer(
            digest=layer.digest,
            size=layer.size,
            media_type=layer.media_type,
            skipped=layer.digest in skipped,
        )
        for node in tree.all_nodes
        if isinstance(node.document, Manifest)
        for layer in node.document.layers
        if not layer.is_foreign
    }
    return tuple(found.values())
