"""Deleting images with a plan: what would be deleted, what is kept, and why."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import attrs

from ecr_client.exceptions import PartialFailureException
from ecr_client.images.arguments import check_time
from ecr_client.images.references import locate
from ecr_client.images.selectors import Candidates, Selector, newest_first
from ecr_client.images.sources import ACCEPTED
from ecr_client.models import ImageFailureCode, ImageIdentifier
from ecr_client.oci import Index, parse_manifest
from ecr_client.oci.media_types import INDEXES

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ecr_client import ECRClient
    from ecr_client.images.references import Location
    from ecr_client.models import ImageDetail, ImageFailure

_BATCH = 100


@attrs.frozen(kw_only=True)
class PlannedImage:
    """An image of a repository, and what a plan does with it.

    Attributes:
        digest: The digest.
        tags: Its tags.
        size: Its size in bytes, as the service reports it.
        pushed_at: When it was pushed.
        is_deleted: Whether the plan deletes it.
        reason: Why the image is deleted or kept.
    """

    digest: str
    tags: tuple[str, ...]
    size: int
    pushed_at: datetime | None
    is_deleted: bool
    reason: str

    def __str__(self) -> str:
        verb = "delete" if self.is_deleted else "keep"
        tags = f" ({', '.join(self.tags)})" if self.tags else ""
        return f"{verb} {self.digest}{tags}: {self.reason}"


@attrs.frozen(kw_only=True)
class DeletionResult:
    """What was deleted.

    Attributes:
        deleted: The digests of the deleted images, in the order of their deletion.
        failures: The images that the service did not delete, with its reasons.
    """

    deleted: tuple[str, ...]
    failures: tuple[ImageFailure, ...] = ()

    def raise_for_failures(self) -> DeletionResult:
        """Return this result if every image was deleted.

        Raises:
            PartialFailureException: Some images were not deleted.
        """
        if self.failures:
            raise PartialFailureException(self.failures, self)
        return self


@attrs.frozen(kw_only=True)
class DeletionPlan:
    """What would be deleted from a repository; as a string, one line for each image.

    Attributes:
        repository: The name of the repository.
        images: All images of the repository: those that will be deleted first, in their order, then
            those that stay.
    """

    repository: str
    images: tuple[PlannedImage, ...]
    _location: Location = attrs.field(alias="location", repr=False, eq=False)

    @property
    def deleted(self) -> tuple[PlannedImage, ...]:
        """The images that will be deleted."""
        return tuple(image for image in self.images if image.is_deleted)

    @property
    def size(self) -> int:
        """The size in bytes of the images that will be deleted, as the service reports it."""
        return sum(image.size for image in self.deleted)

    def execute(self) -> DeletionResult:
        """Delete the images, 100 in a call, and return what was deleted.

        An image that no longer exists counts as deleted. An image that an index pushed meanwhile
        refers to is not deleted by the service, and is among the failures.

        Raises:
            AmazonClientException: A call failed; earlier calls have deleted their images.
        """
        deleted: list[str] = []
        failures: list[ImageFailure] = []
        digests = [image.digest for image in self.deleted]
        for start in range(0, len(digests), _BATCH):
            batch = digests[start : start + _BATCH]
            result = self._location.client.batch_delete_image(
                repository_name=self._location.repository,
                registry_id=self._location.registry_id,
                image_ids=[ImageIdentifier(image_digest=digest) for digest in batch],
            )
            failed = {
                failure.image_id.image_digest: failure
                for failure in result.failures
                if failure.image_id is not None
                and failure.failure_code != ImageFailureCode.IMAGE_NOT_FOUND
            }
            deleted += [digest for digest in batch if digest not in failed]
            failures += failed.values()
        return DeletionResult(deleted=tuple(deleted), failures=tuple(failures))

    def __str__(self) -> str:
        heading = f"{self.repository}: delete {len(self.deleted)} of {len(self.images)} images"
        return "\n".join([heading, *(f"  {image}" for image in self.images)])


def plan_deletion(
    client: ECRClient, repository: str, selector: Selector, *, now: datetime | None = None
) -> DeletionPlan:
    """Return which images of a repository a selector would delete; nothing is deleted.

    An image that an index lists stays as long as the index does, and a signature or another
    referrer as long as its image does, even if the selector chooses them.

    Args:
        client: Calls the service.
        repository: The name, or a reference without tag and digest.
        selector: Chooses what to delete; see `ecr_client.images.selectors`.
        now: The time that ages are measured at, with a time zone; ``None`` for the current time.

    Raises:
        RepositoryNotFoundException: The repository does not exist.
        ValueError: The reference names an image, the selector is not one, or ``now`` has no time
            zone.
        AmazonClientException: A call failed.
    """
    if not isinstance(selector, Selector):
        raise ValueError(
            f"selector must come from ecr_client.images.selectors, got {type(selector).__name__}"
        )
    check_time("now", now)
    location = locate(client, repository, "repository")
    if location.tag is not None or location.digest is not None:
        raise ValueError(f"repository must not name an image, got {repository!r}")
    images = newest_first(location.images())
    now = now or datetime.now(timezone.utc)
    chosen = selector.choose(Candidates(images=images, now=now))
    parents = _parents(location, images)
    return DeletionPlan(
        repository=location.repository,
        images=tuple(_planned(images, chosen, selector.description, parents)),
        location=location,
    )


def _parents(location: Location, images: Sequence[ImageDetail]) -> dict[str, list[tuple[str, str]]]:
    """Return what keeps each image: by its digest, other images and how they are related."""
    parents: dict[str, list[tuple[str, str]]] = {}
    for image in images:
        if image.subject_manifest_digest:
            relation = (image.subject_manifest_digest, "refers to")
            parents.setdefault(image.image_digest, []).append(relation)
    indexes = [image.image_digest for image in images if image.image_manifest_media_type in INDEXES]
    if not indexes:
        return parents
    found = location.client.batch_get_image_all(
        repository_name=location.repository,
        registry_id=location.registry_id,
        image_ids=[ImageIdentifier(image_digest=digest) for digest in indexes],
        accepted_media_types=ACCEPTED,
    )
    for each in found.images:
        document = parse_manifest(each.image_manifest, each.image_manifest_media_type)
        digest = each.image_id.image_digest
        if digest is not None and isinstance(document, Index):
            for child in document.manifests:
                parents.setdefault(child.digest, []).append((digest, "is listed by"))
    return parents


def _planned(
    images: Sequence[ImageDetail],
    chosen: set[str],
    description: str,
    parents: dict[str, list[tuple[str, str]]],
) -> Iterator[PlannedImage]:
    known = {image.image_digest: image for image in images}
    deleted, kept_by = set(chosen), {}
    # What is kept keeps others, to any depth: look again until nothing changes.
    while True:
        found = {
            digest: (other, relation)
            for digest in deleted
            for other, relation in parents.get(digest, ())
            if other in known and other not in deleted
        }
        if not found:
            break
        kept_by.update(found)
        deleted -= found.keys()
    for digest in _parents_first(deleted, parents):
        yield _image(known[digest], True, description)
    for digest, image in known.items():
        if digest in deleted:
            continue
        if digest in kept_by:
            other, relation = kept_by[digest]
            reason = f"{description}, but it {relation} {other}, which is kept"
        else:
            reason = f"not {description}"
        yield _image(image, False, reason)


def _parents_first(deleted: set[str], parents: dict[str, list[tuple[str, str]]]) -> list[str]:
    """Return digests in an order in which an index comes before the manifests that it lists."""
    ordered: dict[str, None] = {}

    def add(digest: str) -> None:
        if digest in ordered:
            return
        for other, relation in parents.get(digest, ()):
            if relation == "is listed by" and other in deleted:
                add(other)
        ordered[digest] = None

    for digest in sorted(deleted):
        add(digest)
    return list(ordered)


def _image(image: ImageDetail, is_deleted: bool, reason: str) -> PlannedImage:
    return PlannedImage(
        digest=image.image_digest,
        tags=tuple(image.image_tags),
        size=image.image_size_in_bytes or 0,
        pushed_at=image.image_pushed_at,
        is_deleted=is_deleted,
        reason=reason,
    )
