"""Copying whole images between repositories, accounts and regions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.images.mounting import mounting_between
from ecr_client.images.references import locate
from ecr_client.images.repository_target import RepositoryTarget
from ecr_client.images.sources import RepositorySource
from ecr_client.images.transfer import transfer

if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence

    from ecr_client import ECRClient
    from ecr_client.images.events import TransferEvent
    from ecr_client.images.transfer import TransferResult


def copy_image(
    source_client: ECRClient,
    source: str,
    target_client: ECRClient,
    target: str,
    *,
    tags: Sequence[str] = (),
    platforms: Sequence[str] | None = None,
    referrers: bool = False,
    create: bool = False,
    progress: Callable[[TransferEvent], object] | None = None,
    cancel: threading.Event | None = None,
    concurrency: int = 4,
) -> TransferResult:
    """Copy an image from one repository to another, without a local copy.

    Only what the target lacks is moved: each layer is streamed through memory from one to the
    other. Within one registry, layers are mounted without moving a byte if its account setting
    ``BLOB_MOUNTING`` is ``ENABLED``.

    Args:
        source_client: Calls the service where the image is.
        source: The image, with a tag or a digest.
        target_client: Calls the service at the target; may be the same client in one region.
        target: The repository; without a tag or a digest, the image gets the tag of the source.
        tags: Further tags.
        platforms: Only these platforms of an index, such as ``linux/arm64``; ``None`` for all.
        referrers: Whether to copy signatures, SBOMs and the like that refer to the image.
        create: Whether to create the repository if it does not exist.
        progress: Called with a ``TransferEvent`` at every step, one at a time, from several
            threads.
        cancel: An event; once it is set, the copy ends with a `TransferCancelledException`.
        concurrency: How many layers are moved at the same time, at least 1.

    Returns:
        What was copied.

    Raises:
        ImageSourceException: The image does not exist, or is malformed.
        LayerVerificationException: A layer does not match its digest; nothing was tagged.
        RepositoryNotFoundException: The target does not exist.
        ImageTagAlreadyExistsException: A tag is immutable and belongs to another image.
        TransferCancelledException: ``cancel`` was set.
        ValueError: An argument is invalid; nothing was sent.
        AmazonClientException: A call failed.
    """
    here = locate(source_client, source, "source", "source_client")
    there = locate(target_client, target, "target", "target_client")
    return transfer(
        RepositorySource(here),
        RepositoryTarget(there, create=create, mounting=mounting_between(here, there)),
        tag=there.tag if there.tag or there.digest else here.tag,
        tags=tags,
        expected=there.digest,
        platforms=platforms,
        referrers=referrers,
        progress=progress,
        cancel=cancel,
        concurrency=concurrency,
    )
