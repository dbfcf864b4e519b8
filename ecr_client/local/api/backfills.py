"""Replication backfills: copies of images pushed before a destination was configured.

A backfill progresses by the server's clock, whenever it is looked at: it is PREPARING for a second,
and then makes up to `BATCH` copies a second. What is copied is decided when it starts. The failure
code of a copy is that of the error that prevented it.
https://docs.aws.amazon.com/AmazonECR/latest/userguide/replication-backfill.html
"""

from __future__ import annotations

import uuid
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.replication import copy_image, destinations
from ecr_client.local.errors import ServiceError
from ecr_client.local.registry import RegistryKey
from ecr_client.local.repository_templates import repository_for
from ecr_client.local.store import ACTIVE

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.store import Store

_KIND = "replication-backfill"
#: How long a backfill is prepared, how long a batch takes, and how many copies it has. The service
#: documents none of them.
PREPARING_TIME = timedelta(seconds=1)
BATCH_TIME = timedelta(seconds=1)
BATCH = 100
#: "A registry can have at most 10 replication backfills in progress at once."
MOST_IN_PROGRESS = 10
#: A backfill fails once this share of at least this many copies has failed.
_FEWEST, _SHARE = 100, 0.5
#: "Replication backfills that have reached a terminal status are retained for 90 days."
_RETAINED = timedelta(days=90)
_PAGE = 25
_PREPARING, _IN_PROGRESS, _STOPPING = "PREPARING", "IN_PROGRESS", "STOPPING"
_COMPLETE, _FAILED, _STOPPED = "COMPLETE", "FAILED", "STOPPED"
_TOO_MANY_FAILURES = "TooManyReplicationFailures"

#: A backfill in the form of JSON: ``id``, ``destination``, ``startedAt``, ``status``, ``items``
#: (repository, digest and tag of each copy), ``results`` in the order of the items, the number of
#: ``failed`` ones, and, once they are known, ``stoppedAt`` (when it was told to stop), ``endedAt``
#: and ``failureCode``. Times are microseconds since 1970, so that their sums are exact.
Backfill = dict[str, Any]


def start_replication_backfill(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Start to copy the images of a registry that a rule replicates to a destination."""
    registry, store = context.registry(members), context.store
    wanted = members["destination"]
    destination = RegistryKey(wanted["registryId"], wanted["region"])
    with store.database.write():
        if destination not in destinations(store, registry):
            raise ServiceError(
                "ValidationException",
                f"The destination {destination.account} in {destination.region} is not configured"
                f" in the replication configuration of the registry with id '{registry.account}'",
            )
        running = [each for each in _backfills(context, registry) if "endedAt" not in each]
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
            "items": _items(store, registry, destination),
            "results": [],
            "failed": 0,
        }
        _save(store, registry, backfill)
    return _response(registry, backfill, "startedAt")


def stop_replication_backfill(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Stop a backfill, at once while it is prepared, otherwise after the current batch."""
    registry, store = context.registry(members), context.store
    with store.database.write():
        backfill = _require(context, registry, members["replicationBackfillId"])
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
        _save(store, registry, backfill)
    return _response(registry, backfill, "startedAt")


def list_replication_backfills(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the backfills of a registry in the order in which they were started, in pages."""
    registry = context.registry(members)
    with context.store.database.write():
        backfills = _backfills(context, registry)

    def fetch(after: list[Any] | None, size: int) -> list[Backfill]:
        return [each for each in backfills if after is None or _position(each) > after][:size]

    found, more = pages.page(
        context,
        "ListReplicationBackfills",
        {"maxResults": _PAGE, **members},
        fetch,
        _position,
    )
    summaries = [_response(None, each, "progress", "startedAt", "endedAt") for each in found]
    return {"registryId": registry.account, "backfills": summaries, **more}


def describe_replication_backfill_results(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Return the progress of a backfill, and the result of each copy once it has ended."""
    registry, wanted = context.registry(members), members.get("resultStatusFilter")
    with context.store.database.write():
        backfill = _require(context, registry, members["replicationBackfillId"])
    results = [
        each
        for each in backfill["results"]
        if "endedAt" in backfill and wanted in (None, each["status"])
    ]
    found, more = pages.page_of(context, "DescribeReplicationBackfillResults", members, results)
    response = _response(registry, backfill, "progress", "startedAt", "endedAt")
    return {**response, "results": list(found), **more}


def _items(store: Store, registry: RegistryKey, destination: RegistryKey) -> list[list[str | None]]:
    """Return repository, digest and tag of each copy to make.

    An image that an index lists is copied with the index, unless it has tags of its own.
    """
    items: list[list[str | None]] = []
    for repository in store.repositories.list(registry):
        if destination not in destinations(store, registry, repository.name):
            continue
        images = store.images.list(registry, repository.name, status=ACTIVE)
        listed = {digest for image in images for digest in image.platform_children}
        for image in images:
            tags = image.tags or (() if image.digest in listed else (None,))
            items += [[repository.name, image.digest, tag] for tag in tags]
    return items


def _backfills(context: Context, registry: RegistryKey) -> list[Backfill]:
    """Return the backfills that are retained, as they are now, in the order of their start."""
    now, found = _now(context), []
    for key, backfill in context.store.documents.list(registry, _KIND):
        _advance(context, registry, backfill)
        if now - backfill.get("endedAt", now) > _micros(_RETAINED):
            context.store.documents.delete(registry, _KIND, key)
        else:
            found.append(backfill)
    return sorted(found, key=_position)


def _require(context: Context, registry: RegistryKey, backfill_id: str) -> Backfill:
    for backfill in _backfills(context, registry):
        if backfill["id"] == backfill_id.lower():
            return backfill
    raise ServiceError(
        "ReplicationBackfillNotFoundException",
        f"The replication backfill with id '{backfill_id}' does not exist in the registry with id"
        f" '{registry.account}'",
    )


def _advance(context: Context, registry: RegistryKey, backfill: Backfill) -> None:
    """Make the copies that are due, and set the current status of the backfill."""
    begins = backfill["startedAt"] + _micros(PREPARING_TIME)
    now, batch = _now(context), _micros(BATCH_TIME)
    if "endedAt" in backfill or now < begins:
        return
    items, results = backfill["items"], backfill["results"]
    over, last = (now - begins) // batch, None
    if "stoppedAt" in backfill:
        # The batch of that moment is finished.
        last = (backfill["stoppedAt"] - begins) // batch + 1
    due = BATCH * (over if last is None else min(over, last))
    while len(results) < min(len(items), due) and not _has_failed(backfill):
        result = _replicate(context, registry, backfill["destination"], *items[len(results)])
        results.append(result)
        backfill["failed"] += result["status"] == _FAILED
    # The last batch may be smaller, and takes as long.
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
    _save(context.store, registry, backfill)


def _has_failed(backfill: Backfill) -> bool:
    made = len(backfill["results"])
    return made >= _FEWEST and backfill["failed"] >= made * _SHARE


def _replicate(
    context: Context,
    registry: RegistryKey,
    destination: dict[str, str],
    repository: str,
    digest: str,
    tag: str | None,
) -> dict[str, Any]:
    """Copy an image under one of its tags, and return the result."""
    store, target = context.store, RegistryKey(destination["registryId"], destination["region"])
    named = {"imageDigest": digest, **({"imageTag": tag} if tag else {})}
    result: dict[str, Any] = {"repositoryName": repository, "imageId": named, "status": _COMPLETE}
    try:
        # The image or its repository may have been deleted since the start.
        image = store.images.get(registry, repository, tag=tag, digest=digest)
        if image is None:
            raise ServiceError("ImageNotFoundException", "The image does not exist any more")
        check = context.permissions.check_replication
        check(registry, target, repository, "ReplicateImage")
        if store.repositories.get(target, repository) is None:
            check(registry, target, repository, "CreateRepository")
            repository_for(store, target, repository, "REPLICATION")
        if image.platform_children:
            codes = result["subImageFailureCodes"] = []
            for child in image.platform_children:
                codes += _replicate_child(store, registry, target, repository, child)
            result["subImageFailureCodes"] = sorted(set(codes))
        with store.database.write():
            copy_image(store, registry, target, repository, image, tag)
    except ServiceError as error:
        result |= {"status": _FAILED, "failureCode": error.code}
    return result


def _replicate_child(
    store: Store, registry: RegistryKey, target: RegistryKey, repository: str, digest: str
) -> list[str]:
    """Copy an image that an index lists, and return the failure code if there is one."""
    child = store.images.get(registry, repository, digest=digest)
    if child is None:  # an index may list what was never pushed
        return []
    try:
        with store.database.write():
            copy_image(store, registry, target, repository, child, None)
    except ServiceError as error:
        return [error.code]
    return []


def _progress(backfill: Backfill) -> dict[str, Any] | None:
    """Return the counts, or None during PREPARING, when the service does not know them yet."""
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


def _response(registry: RegistryKey | None, backfill: Backfill, *members: str) -> dict[str, Any]:
    """Return the members of a response about a backfill, without nulls."""
    found = {
        "registryId": None if registry is None else registry.account,
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


def _save(store: Store, registry: RegistryKey, backfill: Backfill) -> None:
    store.documents.put(registry, _KIND, backfill["id"], backfill)


def _now(context: Context) -> int:
    return round(context.clock().timestamp() * 1_000_000)


def _micros(span: timedelta) -> int:
    return span // timedelta(microseconds=1)


def _time(micros: int | None) -> datetime | None:
    return None if micros is None else datetime.fromtimestamp(micros / 1_000_000, timezone.utc)
