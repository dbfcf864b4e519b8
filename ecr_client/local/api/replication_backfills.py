"""Replication backfills: copying what was pushed before a destination was configured.

A backfill moves on by the server's clock, whenever somebody looks at it: it is PREPARING for a
second, and then makes up to `BATCH` copies a second. What was to be copied is decided when it
starts. Failure codes are those of the errors that stood in the way.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.replication import copy_image, destinations
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation
from ecr_client.local.repository_templates import repository_for
from ecr_client.local.store import Scope
from ecr_client.local.store.image import ACTIVE

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Store

_KIND = "replication-backfill"
#: How long a backfill is prepared, how long a batch of copies takes, and how many those are. The
#: service says of none of them how long or how many.
PREPARING_TIME = timedelta(seconds=1)
BATCH_TIME = timedelta(seconds=1)
BATCH = 100
#: "A registry can have at most 10 replication backfills in progress at once."
MOST_IN_PROGRESS = 10
#: Of at least so many replications, so large a share may not fail, or the backfill does.
_FEWEST, _SHARE = 100, 0.5
#: "Replication backfills that have reached a terminal status are retained for 90 days."
_RETAINED = timedelta(days=90)
_PAGE = 25
_PREPARING, _IN_PROGRESS, _STOPPING = "PREPARING", "IN_PROGRESS", "STOPPING"
_COMPLETE, _FAILED, _STOPPED = "COMPLETE", "FAILED", "STOPPED"
_TOO_MANY_FAILURES = "TooManyReplicationFailures"

#: A backfill as JSON knows it: ``id``, ``destination``, ``startedAt``, ``status``, ``items`` (what
#: is to be copied: repository, digest, tag), ``results`` in the order of the items, how many of
#: them ``failed``, and, from when there is one, ``stoppedAt`` (when it was told to stop),
#: ``endedAt`` and ``failureCode``. Times are microseconds since 1970: sums of them are exact.
Backfill = dict[str, Any]


@operation("StartReplicationBackfill")
def start_replication_backfill(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Begin to copy the images of a registry that a rule replicates to a destination."""
    scope, store = context.registry(members), context.store
    wanted = members["destination"]
    destination = Scope(wanted["registryId"], wanted["region"])
    with store.write():
        if destination not in destinations(store, scope):
            raise ServiceError(
                "ValidationException",
                f"The destination {destination.account} in {destination.region} is not configured"
                f" in the replication configuration of the registry with id '{scope.account}'",
            )
        running = [each for each in _backfills(context, scope) if "endedAt" not in each]
        if any(each["destination"]["region"] == destination.region for each in running):
            raise ServiceError(
                "ReplicationBackfillInProgressException",
                f"A replication backfill to the region {destination.region} is already in progress",
            )
        if len(running) >= MOST_IN_PROGRESS:
            raise ServiceError(
                "LimitExceededException",
                f"A registry has at most {MOST_IN_PROGRESS} replication backfills in progress",
            )
        backfill: Backfill = {
            "id": str(uuid.uuid4()),
            "destination": {"region": destination.region, "registryId": destination.account},
            "startedAt": _now(context),
            "status": _PREPARING,
            "items": _items(store, scope, destination),
            "results": [],
            "failed": 0,
        }
        _save(store, scope, backfill)
    return _answer(scope, backfill, "startedAt")


@operation("StopReplicationBackfill")
def stop_replication_backfill(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """End a backfill, at once while it is prepared, otherwise after the copies being made."""
    scope, store = context.registry(members), context.store
    with store.write():
        backfill = _require(context, scope, members["replicationBackfillId"])
        if backfill["status"] not in (_PREPARING, _IN_PROGRESS):
            raise ServiceError(
                "ReplicationBackfillInvalidStatusException",
                f"The replication backfill with id '{backfill['id']}' cannot be stopped because its"
                f" status is {backfill['status']}",
            )
        backfill["stoppedAt"] = _now(context)
        if backfill["status"] == _PREPARING:
            backfill |= {"status": _STOPPED, "endedAt": backfill["stoppedAt"]}
        else:
            backfill["status"] = _STOPPING
        _save(store, scope, backfill)
    return _answer(scope, backfill, "startedAt")


@operation("ListReplicationBackfills")
def list_replication_backfills(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the backfills of a registry in the order in which they were started, in pages."""
    scope = context.registry(members)
    with context.store.write():
        backfills = _backfills(context, scope)

    def fetch(after: list[Any] | None, size: int) -> list[Backfill]:
        return [each for each in backfills if after is None or _position(each) > after][:size]

    found, more = pages.page(
        context,
        "ListReplicationBackfills",
        {"maxResults": _PAGE, **members},
        fetch,
        _position,
    )
    summaries = [_answer(None, each, "progress", "startedAt", "endedAt") for each in found]
    return {"registryId": scope.account, "backfills": summaries, **more}


@operation("DescribeReplicationBackfillResults")
def describe_replication_backfill_results(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Return how far a backfill has come, and what became of each image once it has ended."""
    scope, wanted = context.registry(members), members.get("resultStatusFilter")
    with context.store.write():
        backfill = _require(context, scope, members["replicationBackfillId"])
    results = [
        each
        for each in backfill["results"]
        if "endedAt" in backfill and wanted in (None, each["status"])
    ]
    found, more = pages.page_of(context, "DescribeReplicationBackfillResults", members, results)
    answer = _answer(scope, backfill, "progress", "startedAt", "endedAt")
    return {**answer, "results": list(found), **more}


def _items(store: Store, scope: Scope, destination: Scope) -> list[list[str | None]]:
    """Return repository, digest and tag of each copy to make.

    An image that an index lists goes with the index, unless it has tags of its own.
    """
    items: list[list[str | None]] = []
    for repository in store.repositories.list(scope):
        if destination not in destinations(store, scope, repository.name):
            continue
        images = store.images.list(scope, repository.name, status=ACTIVE)
        listed = {digest for image in images for digest in image.platform_children}
        for image in images:
            tags = image.tags or (() if image.digest in listed else (None,))
            items += [[repository.name, image.digest, tag] for tag in tags]
    return items


def _backfills(context: Context, scope: Scope) -> list[Backfill]:
    """Return the backfills that are retained, as they are now, in the order of their start."""
    now, found = _now(context), []
    for key, backfill in context.store.documents.list(scope, _KIND):
        _advance(context, scope, backfill)
        if now - backfill.get("endedAt", now) > _micros(_RETAINED):
            context.store.documents.delete(scope, _KIND, key)
        else:
            found.append(backfill)
    return sorted(found, key=_position)


def _require(context: Context, scope: Scope, backfill_id: str) -> Backfill:
    for backfill in _backfills(context, scope):
        if backfill["id"] == backfill_id.lower():
            return backfill
    raise ServiceError(
        "ReplicationBackfillNotFoundException",
        f"The replication backfill with id '{backfill_id}' does not exist in the registry with id"
        f" '{scope.account}'",
    )


def _advance(context: Context, scope: Scope, backfill: Backfill) -> None:
    """Make the copies whose time has come, and set the status that the backfill has now."""
    begins = backfill["startedAt"] + _micros(PREPARING_TIME)
    now, batch = _now(context), _micros(BATCH_TIME)
    if "endedAt" in backfill or now < begins:
        return
    items, results = backfill["items"], backfill["results"]
    over, last = (now - begins) // batch, None
    if "stoppedAt" in backfill:
        # The copies that were being made at that moment are made to the end.
        last = (backfill["stoppedAt"] - begins) // batch + 1
    due = BATCH * (over if last is None else min(over, last))
    while len(results) < min(len(items), due) and not _has_failed(backfill):
        result = _replicate(context, scope, backfill["destination"], *items[len(results)])
        results.append(result)
        backfill["failed"] += result["status"] == _FAILED
    # The last batch may be a smaller one, and takes as long.
    ended_at = begins - (-len(results) // BATCH) * batch
    if _has_failed(backfill):
        backfill |= {"status": _FAILED, "failureCode": _TOO_MANY_FAILURES, "endedAt": ended_at}
    elif last is not None:
        if over >= last:
            backfill |= {"status": _STOPPED, "endedAt": begins + last * batch}
    elif len(results) == len(items):
        backfill |= {"status": _COMPLETE, "endedAt": ended_at}
    else:
        backfill["status"] = _IN_PROGRESS
    _save(context.store, scope, backfill)


def _has_failed(backfill: Backfill) -> bool:
    made = len(backfill["results"])
    return made >= _FEWEST and backfill["failed"] >= made * _SHARE


def _replicate(
    context: Context,
    scope: Scope,
    destination: dict[str, str],
    repository: str,
    digest: str,
    tag: str | None,
) -> dict[str, Any]:
    """Copy an image under one of its tags, and return what became of it."""
    store, target = context.store, Scope(destination["registryId"], destination["region"])
    named = {"imageDigest": digest, **({"imageTag": tag} if tag else {})}
    result: dict[str, Any] = {"repositoryName": repository, "imageId": named, "status": _COMPLETE}
    try:
        # It may have been deleted since the start, or its repository.
        image = store.images.get(scope, repository, tag=tag, digest=digest)
        if image is None:
            raise ServiceError("ImageNotFoundException", "The image does not exist any more")
        check = context.permissions.check_replication
        check(scope, target, repository, "ReplicateImage")
        if store.repositories.get(target, repository) is None:
            check(scope, target, repository, "CreateRepository")
            repository_for(store, target, repository, "REPLICATION")
        if image.platform_children:
            codes = result["subImageFailureCodes"] = []
            for child in image.platform_children:
                codes += _replicate_child(store, scope, target, repository, child)
            result["subImageFailureCodes"] = sorted(set(codes))
        with store.write():
            copy_image(store, scope, target, repository, image, tag)
    except ServiceError as error:
        result |= {"status": _FAILED, "failureCode": error.code}
    return result


def _replicate_child(
    store: Store, scope: Scope, target: Scope, repository: str, digest: str
) -> list[str]:
    """Copy an image that an index lists, and return the code of the error if there was one."""
    child = store.images.get(scope, repository, digest=digest)
    if child is None:  # an index may list what was never pushed
        return []
    try:
        with store.write():
            copy_image(store, scope, target, repository, child, None)
    except ServiceError as error:
        return [error.code]
    return []


def _progress(backfill: Backfill) -> dict[str, Any] | None:
    """Return the counts; None before the copies to make are known, which PREPARING pretends."""
    begins = backfill["startedAt"] + _micros(PREPARING_TIME)
    if backfill["status"] == _PREPARING or backfill.get("endedAt", begins) < begins:
        return None
    made, failed = len(backfill["results"]), backfill["failed"]
    codes = {each["failureCode"] for each in backfill["results"] if each["status"] == _FAILED}
    return {
        "totalReplicationCount": len(backfill["items"]),
        "completedReplicationCount": made - failed,
        "failedReplicationCount": failed,
        "failureCodes": sorted(codes),
    }


def _answer(scope: Scope | None, backfill: Backfill, *members: str) -> dict[str, Any]:
    """Return the members of an answer about a backfill, without those that are null."""
    found = {
        "registryId": None if scope is None else scope.account,
        "replicationBackfillId": backfill["id"],
        "destination": backfill["destination"],
        "status": backfill["status"],
        "failureCode": backfill.get("failureCode"),
        "progress": _progress(backfill) if "progress" in members else None,
        "startedAt": _time(backfill["startedAt"]),
        "endedAt": _time(backfill.get("endedAt")) if "endedAt" in members else None,
    }
    return {name: value for name, value in found.items() if value is not None}


def _position(backfill: Backfill) -> list[Any]:
    return [backfill["startedAt"], backfill["id"]]


def _save(store: Store, scope: Scope, backfill: Backfill) -> None:
    store.documents.put(scope, _KIND, backfill["id"], backfill)


def _now(context: Context) -> int:
    return round(context.clock().timestamp() * 1_000_000)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1_000_000, timezone.utc)
