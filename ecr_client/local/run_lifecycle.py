"""Applying the lifecycle policies of repositories, which the service does once a day or so."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

import attrs

from ecr_client.local.lifecycle import Action, Candidate, evaluate, parse_policy
from ecr_client.local.store.image import ARCHIVED, ImageRefusedError
from ecr_client.local.store.scope import Scope

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_client.local.lifecycle import Mark, Policy
    from ecr_client.local.store import Store, StoredImage

logger = logging.getLogger("ecr_client.local")

#: The kind of document that holds the policy of a repository.
KIND = "repository/lifecycle-policy"
#: The kind of document that tells when the policy was applied last, in seconds of the epoch.
EVALUATED = "repository/lifecycle-evaluated"


@attrs.frozen(kw_only=True)
class Affected:
    """An image that a lifecycle policy has deleted or archived.

    Args:
        action: ``EXPIRE`` or ``TRANSITION``.
        rule_priority: Which rule of the policy it was. Of a reference artifact, the one that
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
    """Apply the policy of every repository as of now, and give the images that are affected."""
    with store.read() as connection:
        rows = connection.execute("SELECT DISTINCT account, region FROM repositories").fetchall()
    scopes = sorted(Scope(row["account"], row["region"]) for row in rows)
    return [
        affected
        for scope in scopes
        for name, _ in store.documents.list(scope, KIND)
        for affected in _run(store, scope, name)
    ]


def marks_of(store: Store, scope: Scope, name: str, policy: Policy, now: datetime) -> list[Mark]:
    """Give the images of a repository that a policy affects now."""
    images = store.images.list(scope, name)
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


def _run(store: Store, scope: Scope, name: str) -> list[Affected]:
    """Apply the policy of one repository, in one transaction: no push comes in between."""
    now = store.clock()
    with store.write():
        text = store.documents.get(scope, KIND, name)
        if text is None:  # taken away in the meantime
            return []
        marks = marks_of(store, scope, name, parse_policy(text), now)
        affected = [
            Affected(
                account=scope.account,
                region=scope.region,
                repository=name,
                digest=image.digest,
                tags=image.tags,
                action=mark.rule.action.value.upper(),
                rule_priority=mark.rule.priority,
            )
            for mark in _lists_first(marks)
            for image in _apply(store, scope, name, mark.image.digest, mark.rule.action)
        ]
        store.documents.put(scope, EVALUATED, name, now.timestamp())
    return affected


def _lists_first(marks: list[Mark]) -> list[Mark]:
    """Order marks so that no manifest list comes after what it references."""
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


def _apply(store: Store, scope: Scope, name: str, digest: str, action: Action) -> list[StoredImage]:
    """Delete or archive an image with the artifacts that refer to it, and give what is affected."""
    image = store.images.get(scope, name, digest=digest)
    if image is None or (action is Action.TRANSITION and image.status == ARCHIVED):
        return []
    if action is Action.TRANSITION:
        store.images.set_status(scope, name, digest, ARCHIVED)
    else:
        try:
            store.images.delete(scope, name, digest=digest)
        except ImageRefusedError as error:
            # Only an artifact comes here that a manifest list references besides its subject.
            logger.info("lifecycle policy of %s leaves %s: %s", name, digest, error)
            return []
    referrers = store.images.referrers(scope, name, digest)
    return [image] + [
        gone
        for referrer in referrers
        for gone in _apply(store, scope, name, referrer.digest, action)
    ]
