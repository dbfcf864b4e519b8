"""Which images a lifecycle policy affects.

The rules, from https://docs.aws.amazon.com/AmazonECR/latest/userguide/LifecyclePolicies.html:

- All rules are evaluated at the same time, then applied by priority.
- An image is affected by one rule or by none. An image that meets the tagging requirements of a
  rule cannot be affected by a rule of lower priority, even if the former leaves it alone. A lower
  rule still counts it.
- A rule sees the images of its storage class only.
- An image that a manifest list references stays until the manifest list goes.
- Artifacts that refer to an image (signatures, SBOMs) go when their subject does. The guide does
  not say whether rules take them before that; here they do not, so that no rule for untagged images
  takes the signature of an image that stays. But a rule that keeps a number of images counts those
  that it selects, as users report (https://github.com/aws/containers-roadmap/issues/2613): of an
  image and its signature, "keep one image of any tag" counts two. The signature is the newer one,
  so the image goes, and the signature with it.
- Oldest first. An image that was archived and restored is as old as its restoration.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

import attrs

from ecr_client.local.lifecycle.policy import Action, CountType, StorageClass

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.lifecycle.policy import Policy, Rule

#: The largest number of days in a timedelta.
_MOST_DAYS = 999_999_999


@attrs.frozen(kw_only=True)
class Candidate:
    """The attributes of an image that lifecycle policies look at; all times are aware datetimes.

    Args:
        archived_at: When it was archived; None if it is in the standard storage class now.
        activated_at: When it was last restored from the archive; None for never.
        references: The digests of the manifests that it lists, if it is a manifest list.
        subject: The digest of the image that it refers to, if it is a reference artifact.
    """

    digest: str
    pushed_at: datetime
    tags: tuple[str, ...] = ()
    pulled_at: datetime | None = None
    activated_at: datetime | None = None
    archived_at: datetime | None = None
    references: tuple[str, ...] = ()
    subject: str | None = None

    @property
    def storage_class(self) -> StorageClass:
        """The storage class of the image."""
        return StorageClass.STANDARD if self.archived_at is None else StorageClass.ARCHIVE

    @property
    def active_since(self) -> datetime:
        """When the image was pushed, or restored from the archive."""
        return self.activated_at or self.pushed_at

    @property
    def used_at(self) -> datetime:
        """When the image was last pulled; if never, when it was pushed or restored."""
        if self.pulled_at is None:
            return self.active_since
        return max(self.pulled_at, self.activated_at or self.pulled_at)


@attrs.frozen
class Mark:
    """An image that a rule affects, and the rule."""

    image: Candidate
    rule: Rule


def evaluate(policy: Policy, images: Sequence[Candidate], now: datetime) -> list[Mark]:
    """Return the images that the policy affects now, oldest first, each once."""
    present = {image.digest for image in images}
    claimed: set[str] = set()
    marks: dict[str, Mark] = {}
    for rule in policy.rules:
        seen = [
            image
            for image in images
            if image.storage_class is rule.storage_class and rule.selects(image.tags)
        ]
        for image in _affected(rule, seen, now):
            if image.digest not in claimed and image.subject not in present:
                marks[image.digest] = Mark(image, rule)
        claimed.update(image.digest for image in seen)
    _keep_referenced(marks, images)
    return sorted(marks.values(), key=lambda mark: _age_key(mark.image))


def _affected(rule: Rule, seen: list[Candidate], now: datetime) -> list[Candidate]:
    """Return the selected images that a rule would affect if it were the only one."""
    if rule.count_type is CountType.IMAGE_COUNT_MORE_THAN:
        return sorted(seen, key=_age_key, reverse=True)[rule.count :]
    limit = timedelta(days=min(rule.count, _MOST_DAYS))
    return [image for image in seen if now - _since(rule, image) > limit]


def _since(rule: Rule, image: Candidate) -> datetime:
    if rule.count_type is CountType.SINCE_IMAGE_PULLED:
        return image.used_at
    if image.archived_at is not None:
        return image.archived_at
    return image.active_since


def _age_key(image: Candidate) -> tuple[datetime, str]:
    # The digest breaks ties, so that the result is deterministic.
    return (image.archived_at or image.active_since, image.digest)


def _keep_referenced(marks: dict[str, Mark], images: Sequence[Candidate]) -> None:
    """Remove the marks of images that are referenced by a manifest list which stays.

    "If an image is referenced by a manifest list, it cannot be expired or archived without the
    manifest list being deleted or archived first." A list that is archived can be restored, so what
    it references may be archived with it, but not deleted.
    """
    lists: dict[str, list[Candidate]] = {}
    for image in images:
        for digest in image.references:
            lists.setdefault(digest, []).append(image)
    again = True
    while again:  # lists may reference lists
        kept = [
            digest
            for digest, mark in marks.items()
            if any(not _goes(listing, mark.rule.action, marks) for listing in lists.get(digest, ()))
        ]
        for digest in kept:
            del marks[digest]
        again = bool(kept)


def _goes(listing: Candidate, action: Action, marks: dict[str, Mark]) -> bool:
    """Return whether a manifest list is deleted or archived with the images that it lists."""
    mark = marks.get(listing.digest)
    if action is Action.TRANSITION and listing.archived_at is not None:
        return True
    return mark is not None and (action is Action.TRANSITION or mark.rule.action is Action.EXPIRE)
