"""Selecting images of a repository, by what the service reports about them.

Selectors combine: ``untagged() & older_than(timedelta(days=30))``, ``tagged("pr-*") | untagged()``,
``~tagged("release-*")``.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING

import attrs

from ecr_client.images.arguments import check_count
from ecr_client.oci import Digest

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from ecr_client.models import ImageDetail


@attrs.frozen(kw_only=True)
class Candidates:
    """The images that a selector chooses from.

    Attributes:
        images: All images of a repository, the newest first.
        now: The time that ages are measured at.
    """

    images: Sequence[ImageDetail]
    now: datetime


@attrs.frozen(kw_only=True)
class Selector:
    """Chooses images; created by the functions of this module.

    Attributes:
        description: What the selector chooses, as plans show it.
    """

    description: str
    _choose: Callable[[Candidates], set[str]] = attrs.field(alias="choose", repr=False)

    def choose(self, candidates: Candidates) -> set[str]:
        """Return the digests of the images that are chosen."""
        return self._choose(candidates)

    def __and__(self, other: Selector) -> Selector:
        if not isinstance(other, Selector):
            return NotImplemented
        return Selector(
            description=f"({self.description} and {other.description})",
            choose=lambda candidates: self.choose(candidates) & other.choose(candidates),
        )

    def __or__(self, other: Selector) -> Selector:
        if not isinstance(other, Selector):
            return NotImplemented
        return Selector(
            description=f"({self.description} or {other.description})",
            choose=lambda candidates: self.choose(candidates) | other.choose(candidates),
        )

    def __invert__(self) -> Selector:
        return Selector(
            description=f"not {self.description}",
            choose=lambda candidates: (
                {_digest(image) for image in candidates.images} - self.choose(candidates)
            ),
        )

    def __bool__(self) -> bool:
        # ``untagged() and older_than(age)`` would be the latter alone, and delete tagged images.
        raise TypeError("combine selectors with &, | and ~, not with 'and', 'or' and 'not'")


def everything() -> Selector:
    """Select all images."""
    return _each("any image", lambda image, now: True)


def named(*digests: str) -> Selector:
    """Select the images with some digests.

    Args:
        *digests: Digests such as ``sha256:...``; those that no image has are ignored.
    """
    for each in digests:
        Digest(each)  # ``~named(...)`` of something else would be all images.
    return _each("named", lambda image, now: image.image_digest in digests)


def untagged() -> Selector:
    """Select images without a tag."""
    return _each("untagged", lambda image, now: not image.image_tags)


def tagged(pattern: str = "*") -> Selector:
    """Select images with a tag that matches a pattern.

    Args:
        pattern: As in a shell: ``*`` is any string, ``?`` any character, ``[ab]`` one of several.
    """
    if not isinstance(pattern, str) or not pattern:
        raise ValueError(f"pattern must be a string such as 'pr-*', got {pattern!r}")
    return _each(
        f"tagged '{pattern}'",
        lambda image, now: any(fnmatchcase(tag, pattern) for tag in image.image_tags),
    )


def older_than(age: timedelta) -> Selector:
    """Select images that were pushed longer ago than a given time.

    Args:
        age: For example ``timedelta(days=30)``.
    """
    _check_age(age)
    return _each(
        f"pushed more than {_shown(age)} ago",
        lambda image, now: now - image.image_pushed_at > age,
    )


def not_pulled_for(age: timedelta) -> Selector:
    """Select images that were last pulled, or pushed if never pulled, longer ago than a given time.

    The service records pulls with a delay of up to 24 hours.
    https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_ImageDetail.html

    Args:
        age: For example ``timedelta(days=90)``.
    """
    _check_age(age)

    def is_chosen(image: ImageDetail, now: datetime) -> bool:
        used = image.last_recorded_pull_time or image.image_pushed_at
        return now - used > age

    return _each(f"not pulled for {_shown(age)}", is_chosen)


def beyond_newest(count: int) -> Selector:
    """Select all images but the newest ones, by the time at which they were pushed.

    Args:
        count: How many are left out, at least 0.
    """
    check_count("count", count, 0)
    return Selector(
        description=f"beyond the newest {count}",
        choose=lambda candidates: {_digest(image) for image in candidates.images[count:]},
    )


def newest_first(images: Iterable[ImageDetail]) -> list[ImageDetail]:
    """Return images in the order of their pushes, the latest first."""
    return sorted(
        images,
        key=lambda image: (image.image_pushed_at, image.image_digest),
        reverse=True,
    )


def _each(description: str, is_chosen: Callable[[ImageDetail, datetime], bool]) -> Selector:
    return Selector(
        description=description,
        choose=lambda candidates: {
            _digest(image) for image in candidates.images if is_chosen(image, candidates.now)
        },
    )


def _digest(image: ImageDetail) -> str:
    return image.image_digest


def _shown(age: timedelta) -> str:
    return str(age).removesuffix(", 0:00:00")


def _check_age(age: timedelta) -> None:
    if not isinstance(age, timedelta) or age < timedelta(0):
        raise ValueError(f"age must be a timedelta of at least 0, got {age!r}")
