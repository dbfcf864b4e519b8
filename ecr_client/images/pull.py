"""Pulling whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.images.places import open_target
from ecr_client.images.references import locate
from ecr_client.images.sources import RepositorySource
from ecr_client.images.transfer import transfer

if TYPE_CHECKING:
    import os
    import threading
    from collections.abc import Callable, Sequence

    from ecr_client import ECRClient
    from ecr_client.images.events import TransferEvent
    from ecr_client.images.transfer import TransferResult


def pull_image(
    client: ECRClient,
    reference: str,
    target: str | os.PathLike[str],
    *,
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Pull an image from a repository into a folder or an archive.

    Sizes and digests are verified, and a file gets its final name only once it is complete.
    What a layout has already is not pulled again, so running an interrupted pull again continues
    it. Interrupted downloads are resumed, expired URLs replaced.

    Args:
        client: Calls the service.
        reference: The image, with a tag or a digest.
        target: ``oci:PATH[:NAME]`` for an OCI layout, ``oci-archive:PATH[:NAME]`` or
            ``docker-archive:PATH[:NAME:TAG]`` for an archive, or the path of a layout alone.
            Without a name, the image is named after its tag. A layout keeps its other images, an
            archive is replaced. A Docker archive holds one platform.
        platforms: Only these platforms of an index, such as ``linux/arm64``; ``None`` for all. One
            platform is pulled as its own manifest, several as an index of them.
        referrers: Whether to pull signatures, SBOMs and the like that refer to the image.
        progress: Called with a ``TransferEvent`` at every step, one at a time, from several
            threads.
        cancel: An event; once it is set, the pull ends with a `TransferCancelledException`.
        concurrency: How many layers are read at the same time, at least 1; a single large one is
            read over as many connections.

    Returns:
        What was pulled.

    Raises:
        ImageSourceException: The image does not exist, or is malformed.
        LayerVerificationException: A layer does not match its digest.
        TransferCancelledException: ``cancel`` was set.
        ValueError: An argument is invalid, or the target is a folder, but not an OCI layout.
        FileExistsError: Another pull is writing the archive, another user has begun it, or its path
            is not that of a file, but of a folder or a device, for example.
        OSError: The target cannot be written, or does not have enough space (``ENOSPC``).
        AmazonClientException: A call failed.
    """
    location = locate(client, reference)
    source = RepositorySource(location)
    opened, name = open_target(target, location)
    try:
        return transfer(
            source,
            opened,
            tag=name,
            expected=location.digest if platforms is None else None,
            platforms=platforms,
            referrers=referrers,
            progress=progress,
            cancel=cancel,
            concurrency=concurrency,
        )
    finally:
        opened.close()
