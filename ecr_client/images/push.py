"""Pushing whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.images.places import open_source
from ecr_client.images.references import locate
from ecr_client.images.repository_target import RepositoryTarget
from ecr_client.images.transfer import transfer

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence

    from ecr_client import ECRClient
    from ecr_client.images.events import TransferEvent
    from ecr_client.images.transfer import TransferResult


def push_image(
    client: ECRClient,
    source: str | os.PathLike[str],
    reference: str,
    *,
    tags: Sequence[str] = (),
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    create: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Push an image to a repository, with nothing but the API of the service.

    Only what the repository lacks is sent. Layers go first, then manifests, then tags, so no tag
    ever points to an incomplete image; running an interrupted push again continues it.
    All digests of the source are verified on the way.

    Args:
        client: Calls the service.
        source: ``oci:PATH[:NAME]``, ``oci-archive:PATH[:NAME]``, ``docker-archive:PATH[:NAME]``, or
            a path alone: a folder is an OCI layout, a file an archive.
        reference: Where to push to; with a tag, with a digest that the image must have, or neither.
        tags: Further tags.
        platforms: Only these platforms of an index, such as ``linux/arm64``; ``None`` for all. One
            platform is pushed as its own manifest, several as an index of them.
        referrers: Whether to push signatures, SBOMs and the like that refer to the image.
        create: Whether to create the repository if it does not exist.
        progress: Called with a ``TransferEvent`` at every step, one at a time, from several
            threads.
        cancel: An event; once it is set, the push ends with a `TransferCancelledException`.
        concurrency: How many layers are sent at the same time, at least 1. Each takes about
            40 MiB of memory, four times the size of a part.

    Returns:
        What was pushed.

    Raises:
        ImageSourceException: The source is malformed, incomplete or corrupt; nothing was tagged.
        RepositoryNotFoundException: The repository does not exist.
        ImageTagAlreadyExistsException: A tag is immutable and belongs to another image.
        TransferCancelledException: ``cancel`` was set.
        ValueError: An argument is invalid; nothing was sent.
        OSError: The source cannot be read.
        AmazonClientException: A call failed.
    """
    location = locate(client, reference)
    opened = open_source(source)
    try:
        return transfer(
            opened,
            RepositoryTarget(location, create=create),
            tag=location.tag,
            tags=tags,
            expected=location.digest,
            platforms=platforms,
            referrers=referrers,
            progress=progress,
            cancel=cancel,
            concurrency=concurrency,
        )
    finally:
        opened.close()
