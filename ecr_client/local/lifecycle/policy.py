"""The parsed form of a lifecycle policy."""

from __future__ import annotations

import json
from enum import Enum
from typing import TYPE_CHECKING, Any

import attrs

from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from collections.abc import Iterable


class TagStatus(str, Enum):
    """Which images a rule looks at, by whether they have tags."""

    TAGGED = "tagged"
    UNTAGGED = "untagged"
    ANY = "any"


class CountType(str, Enum):
    """What a rule's number counts: images, or days since something happened to an image."""

    IMAGE_COUNT_MORE_THAN = "imageCountMoreThan"
    SINCE_IMAGE_PUSHED = "sinceImagePushed"
    SINCE_IMAGE_PULLED = "sinceImagePulled"
    SINCE_IMAGE_TRANSITIONED = "sinceImageTransitioned"


class StorageClass(str, Enum):
    """Where a rule's images are stored."""

    STANDARD = "standard"
    ARCHIVE = "archive"


class Action(str, Enum):
    """What happens to the images that a rule affects: they are deleted, or archived."""

    EXPIRE = "expire"
    TRANSITION = "transition"


@attrs.frozen(kw_only=True)
class Rule:
    """One rule of a policy.

    Args:
        priority: The smaller the number, the higher the priority.
        tags: The prefixes or patterns, all of which an image must match.
        by_pattern: Whether `tags` is the document's ``tagPatternList`` or its ``tagPrefixList``.
        count: A number of images or of days, see `CountType`.
    """

    priority: int
    description: str | None
    tag_status: TagStatus
    tags: tuple[str, ...]
    by_pattern: bool
    storage_class: StorageClass
    count_type: CountType
    count: int
    action: Action

    def selects(self, tags: Iterable[str]) -> bool:
        """Return whether an image with these tags meets the rule's tagging requirements.

        Every pattern or prefix has to match some tag; one tag may match several of them.
        """
        present = tuple(tags)
        if self.tag_status is TagStatus.ANY:
            return True
        if self.tag_status is TagStatus.UNTAGGED:
            return not present
        matching = matches if self.by_pattern else _has_prefix
        return all(any(matching(one, tag) for tag in present) for one in self.tags)

    def document(self) -> dict[str, Any]:
        """Return the rule in the form of a policy document."""
        selection: dict[str, Any] = {"tagStatus": self.tag_status.value}
        if self.tags:
            selection["tagPatternList" if self.by_pattern else "tagPrefixList"] = list(self.tags)
        if self.storage_class is not StorageClass.STANDARD:
            selection["storageClass"] = self.storage_class.value
        selection["countType"] = self.count_type.value
        if self.count_type is not CountType.IMAGE_COUNT_MORE_THAN:
            selection["countUnit"] = "days"
        selection["countNumber"] = self.count
        action = {"type": self.action.value}
        if self.action is Action.TRANSITION:
            action["targetStorageClass"] = StorageClass.ARCHIVE.value
        described = {} if self.description is None else {"description": self.description}
        return {
            "rulePriority": self.priority,
            **described,
            "selection": selection,
            "action": action,
        }


def _has_prefix(prefix: str, tag: str) -> bool:
    return tag.startswith(prefix)


@attrs.frozen
class Policy:
    """A valid policy: its rules, highest priority first."""

    rules: tuple[Rule, ...]

    def text(self) -> str:
        """Return the document in the form in which the service returns it.

        Rules are sorted by priority and nothing is indented, whatever was sent: Terraform's
        documentation of aws_ecr_lifecycle_policy warns of the former, and the examples of
        put-lifecycle-policy in the AWS CLI's reference show the latter.
        """
        document = {"rules": [rule.document() for rule in self.rules]}
        return json.dumps(document, separators=(",", ":"), ensure_ascii=False)
