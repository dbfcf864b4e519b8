"""Pulling whole images."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ecr_client.images.layout_target import ArchiveTarget, LayoutTarget
from ecr_client.images.places import parse_place
from ecr_client.images.references import locate
from ecr_client.images.sources import RepositorySource
from ecr_client.images.transfer import transfer
from ecr_client.oci import Layout

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

    Sizes and digests are verified, and a file gets its name only when it is complete and right.
    What a layout has already is not pulled again, so a pull that was interrupted continues when it
    is repeated. Broken connections are resumed, expired URLs replaced.

    Args:
        client: Calls the service.
        reference: The image, with a tag or a digest.
        target: ``oci:PATH[:NAME]`` for an OCI layout, ``oci-archive:PATH[:NAME]`` or
            ``docker-archive:PATH[:NAME:TAG]`` for an archive, or the path of a layout alone.
            Without a name, the image is called by its tag. A layout keeps its other images, an
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
        ImageSourceException: There is no such image, or one that is malformed.
        LayerVerificationException: A layer is not what its digest says.
        TransferCancelledException: ``cancel`` was set.
        ValueError: An argument cannot be right, or the target is another kind of folder.
        FileExistsError: Another pull is just writing the archive.
        OSError: The target cannot be written, or has not enough space (``ENOSPC``).
        AmazonClientException: A call failed.
    """
    location = locate(client, reference)
    source = RepositorySource(location)
    place = parse_place(target)
    form = place.form if isinstance(target, str) and target.startswith(f"{place.form}:") else "oci"
    names = [name for name in [place.reference or location.tag] if name]
    opened: LayoutTarget | ArchiveTarget
    if form == "oci":
        opened = LayoutTarget(Layout(place.path))
    elif form == "oci-archive":
        opened = ArchiveTarget(place.path)
    else:
        from ecr_client.images.docker_archives import DockerArchiveTarget

        name = place.reference or (f"{location.repository}:{location.tag}" if location.tag else "")
        opened = DockerArchiveTarget(place.path, [name] if name else [])
    try:
        return transfer(
            source,
            opened,
            tags=names,
            expected=location.digest if platforms is None else None,
            platforms=platforms,
            referrers=referrers,
            progress=progress,
            cancel=cancel,
            concurrency=concurrency,
        )
    finally:
        opened.close()
