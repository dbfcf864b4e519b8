"""Applying the lifecycle policies of repositories, as the service does about once a day."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from ecr_client.local.lifecycle import Action, Candidate, evaluate, parse_policy
from ecr_client.local.registry import RegistryKey
from ecr_client.local.store import ARCHIVED, ImageRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_client.local.lifecycle import Mark, Policy
    from ecr_client.local.store import Store, StoredImage

logger: logging.Logger = logging.getLogger("ecr_client.local")

#: The kind of the document with the policy of a repository.
KIND = "repository/lifecycle-policy"
#: The kind of the document with the time of the last run, in seconds since 1970.
EVALUATED = "repository/lifecycle-evaluated"


@attrs.frozen(kw_only=True)
class Affected:
    """An image that a lifecycle policy has deleted or archived.

    Args:
        action: ``EXPIRE`` or ``TRANSITION``.
        rule_priority: The priority of the rule. For a reference artifact, that of the rule which
            affected its subject.
    """

    account: str
    region: str
    repository: str
    digest: str
    tags: tuple[str, ...]
    action: str
    rule_priority: int


def run_lifecycle(store: Store) -> list[Affected]:
    """Apply the policy of every repository now, and return the affected images."""
    return [
        affected
        for registry in store.repositories.registries()
        for name, _ in store.documents.list(registry, KIND)
        for affected in _run(store, registry, name)
    ]


def marks_of(
    store: Store, registry: RegistryKey, name: str, policy: Policy, now: datetime
) -> list[Mark]:
    """Return the images of a repository that a policy affects now."""
    images = store.images.list(registry, name)
    return evaluate(policy, [_candidate(image) for image in images], now)


def _candidate(image: StoredImage) -> Candidate:
    return Candidate(
        digest=image.digest,
        pushed_at=image.pushed_at,
        tags=image.tags,
        pulled_at=image.last_pulled_at,
        activated_at=image.activated_at,
        archived_at=image.archived_at if image.status == ARCHIVED else None,
        references=image.platform_children,
        subject=image.subject,
    )


def _run(store: Store, registry: RegistryKey, name: str) -> list[Affected]:
    """Apply the policy of one repository in one transaction, so that no push interferes."""
    now = store.clock()
    with store.database.write():
        text = store.documents.get(registry, KIND, name)
        if text is None:  # deleted in the meantime
            return []
        marks = marks_of(store, registry, name, parse_policy(text), now)
        affected = [
            Affected(
                account=registry.account,
                region=registry.region,
                repository=name,
                digest=image.digest,
                tags=image.tags,
                action=mark.rule.action.value.upper(),
                rule_priority=mark.rule.priority,
            )
            for mark in _lists_first(marks)
            for image in _apply(store, registry, name, mark.image.digest, mark.rule.action)
        ]
        store.documents.put(registry, EVALUATED, name, now.timestamp())
    return affected


def _lists_first(marks: list[Mark]) -> list[Mark]:
    """Return marks in an order in which no manifest list follows an image that it lists."""
    ordered: dict[str, Mark] = {}
    by_digest = {mark.image.digest: mark for mark in marks}

    def place(mark: Mark) -> None:
        if mark.image.digest in ordered:
            return
        for child in mark.image.references:
            if child in by_digest:
                place(by_digest[child])
        ordered[mark.image.digest] = mark

    for mark in reversed(marks):
        place(mark)
    return list(ordered.values())[::-1]


def _apply(
    store: Store, registry: RegistryKey, name: str, digest: str, action: Action
) -> list[StoredImage]:
    """Delete or archive an image with the artifacts that refer to it, and return all of them."""
    image = store.images.get(registry, name, digest=digest)
    if image is None or (action is Action.TRANSITION and image.status == ARCHIVED):
        return []
    if action is Action.TRANSITION:
        store.images.set_status(registry, name, digest, ARCHIVED)
    else:
        try:
            store.images.delete(registry, name, digest=digest)
        except ImageRefusedError as error:
            # Only an artifact that a manifest list references besides its subject gets here.
            logger.info("the lifecycle policy of %s keeps %s: %s", name, digest, error)
            return []
    referrers = store.images.referrers(registry, name, digest)
    return [image] + [
        affected
        for referrer in referrers
        for affected in _apply(store, registry, name, referrer.digest, action)
    ]
