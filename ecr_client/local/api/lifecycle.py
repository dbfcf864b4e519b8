"""Lifecycle policies: kept, previewed, and applied when they are told to be."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.lifecycle import Action, Candidate, Mark, PolicyError, evaluate, parse_policy
from ecr_client.local.operations import operation
from ecr_client.local.store.image import ARCHIVED, ImageRefusedError

if TYPE_CHECKING:
    from datetime import datetime

    from ecr_client.local.context import Context
    from ecr_client.local.lifecycle import Policy
    from ecr_client.local.store import Scope, Store, StoredImage

#: The kind of document that holds the policy of a repository.
KIND = "repository/lifecycle-policy"
_EVALUATED = "repository/lifecycle-evaluated"
_PREVIEW = "repository/lifecycle-preview"


def check_policy(text: str) -> Policy:
    """Give the policy that a text expresses.

    Raises:
        ServiceError: InvalidParameterException.
    """
    try:
        return parse_policy(text)
    except PolicyError as error:
        raise invalid_parameter("LifecyclePolicyText", str(error)) from None


def run_lifecycle(store: Store, scope: Scope, now: datetime) -> int:
    """Apply every lifecycle policy of a registry, and give how many images were affected."""
    affected = 0
    for name, text in store.documents.list(scope, KIND):
        with store.write():
            marks = _marks(store, scope, name, parse_policy(text), now)
            # Lists go before what they list.
            for mark in sorted(marks, key=lambda mark: not mark.image.references):
                affected += _apply(store, scope, name, mark)
            store.documents.put(scope, _EVALUATED, name, now.timestamp())
    return affected


@operation("PutLifecyclePolicy")
def put_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give a repository a policy in place of the one that it had."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        context.store.repositories.require(scope, name)
        text = check_policy(members["lifecyclePolicyText"]).text()
        context.store.documents.put(scope, KIND, name, text)
    return _answer(scope, name, text)


@operation("GetLifecyclePolicy")
def get_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the policy of a repository, and when it was applied last."""
    scope, name = context.registry(members), members["repositoryName"]
    return {
        **_answer(scope, name, _require(context.store, scope, name)),
        **_evaluated(context.store, scope, name),
    }


@operation("DeleteLifecyclePolicy")
def delete_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take the policy from a repository, and give what it was."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        text = _require(context.store, scope, name)
        evaluated = _evaluated(context.store, scope, name)
        context.store.documents.delete(scope, KIND, name)
        context.store.documents.delete(scope, _EVALUATED, name)
    return {**_answer(scope, name, text), **evaluated}


@operation("StartLifecyclePolicyPreview")
def start_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Work out what a policy would do now; the result is there at once."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        context.store.repositories.require(scope, name)
        given = members.get("lifecyclePolicyText")
        policy = check_policy(given or _require(context.store, scope, name))
        marks = _marks(context.store, scope, name, policy, context.clock())
        preview = {"text": policy.text(), "results": [_result(mark) for mark in marks]}
        context.store.documents.put(scope, _PREVIEW, name, preview)
    return {**_answer(scope, name, policy.text()), "status": "IN_PROGRESS"}


@operation("GetLifecyclePolicyPreview")
def get_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the result of the preview that was started last."""
    scope, name = context.registry(members), members["repositoryName"]
    context.store.repositories.require(scope, name)
    preview = context.store.documents.get(scope, _PREVIEW, name)
    if preview is None:
        raise ServiceError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{name}' in the"
            f" registry with id '{scope.account}'",
        )
    results = [result for result in preview["results"] if _is_wanted(result, members)]
    found, more = pages.page_of(context, "GetLifecyclePolicyPreview", members, results)
    return {
        **_answer(scope, name, preview["text"]),
        "status": "COMPLETE",
        "previewResults": list(found),
        "summary": _summary(preview["results"]),
        **more,
    }


def _marks(store: Store, scope: Scope, name: str, policy: Policy, now: datetime) -> list[Mark]:
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


def _apply(store: Store, scope: Scope, name: str, mark: Mark) -> bool:
    digest = mark.image.digest
    if mark.rule.action is Action.TRANSITION:
        store.images.set_status(scope, name, digest, ARCHIVED)
        return True
    try:
        store.images.delete(scope, name, digest=digest)
    except ImageRefusedError:
        # A list that needs it stays after all.
        return False
    for referrer in store.images.referrers(scope, name, digest):
        store.images.delete(scope, name, digest=referrer.digest)
    return True


def _result(mark: Mark) -> dict[str, Any]:
    action: dict[str, Any] = {"type": mark.rule.action.value.upper()}
    if mark.rule.action is Action.TRANSITION:
        action["targetStorageClass"] = "ARCHIVE"
    return {
        "imageTags": list(mark.image.tags),
        "imageDigest": mark.image.digest,
        "imagePushedAt": mark.image.pushed_at.timestamp(),
        "action": action,
        "appliedRulePriority": mark.rule.priority,
        "storageClass": mark.image.storage_class.value.upper(),
    }


def _is_wanted(result: dict[str, Any], members: dict[str, Any]) -> bool:
    status = members.get("filter", {}).get("tagStatus", "ANY")
    if status != "ANY" and (status == "TAGGED") != bool(result["imageTags"]):
        return False
    return "imageIds" not in members or any(
        each.get("imageDigest", result["imageDigest"]) == result["imageDigest"]
        and ("imageTag" not in each or each["imageTag"] in result["imageTags"])
        for each in members["imageIds"]
    )


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    expiring = sum(result["action"]["type"] == "EXPIRE" for result in results)
    summary: dict[str, Any] = {"expiringImageTotalCount": expiring}
    if len(results) > expiring:
        summary["transitioningImageTotalCounts"] = [
            {"targetStorageClass": "ARCHIVE", "imageTotalCount": len(results) - expiring}
        ]
    return summary


def _require(store: Store, scope: Scope, name: str) -> str:
    store.repositories.require(scope, name)
    text: str | None = store.documents.get(scope, KIND, name)
    if text is None:
        raise ServiceError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{name}' in the registry"
            f" with id '{scope.account}'",
        )
    return text


def _evaluated(store: Store, scope: Scope, name: str) -> dict[str, Any]:
    when = store.documents.get(scope, _EVALUATED, name)
    return {} if when is None else {"lastEvaluatedAt": when}


def _answer(scope: Scope, name: str, text: str) -> dict[str, Any]:
    return {"registryId": scope.account, "repositoryName": name, "lifecyclePolicyText": text}
