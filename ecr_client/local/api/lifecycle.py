"""Lifecycle policies: kept, and previewed. They are applied by `ecr_client.local.run_lifecycle`."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.lifecycle import Action, PolicyError, parse_policy
from ecr_client.local.operations import operation
from ecr_client.local.run_lifecycle import EVALUATED, KIND, marks_of

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.lifecycle import Mark, Policy
    from ecr_client.local.store import Scope, Store

_PREVIEW = "repository/lifecycle-preview"


def check_policy(text: str) -> Policy:
    """Give the policy that a text expresses.

    Raises:
        ServiceError: InvalidParameterException.
    """
    try:
        return parse_policy(text)
    except PolicyError as error:
        raise invalid_parameter(
            "LifecyclePolicyText", f"Lifecycle policy validation failure: {error}"
        ) from None


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
    text = _require(context.store, scope, name)
    evaluated = _evaluated(context.store, scope, name)
    return {**_answer(scope, name, text), "lastEvaluatedAt": evaluated}


@operation("DeleteLifecyclePolicy")
def delete_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Take the policy from a repository, and give what it was."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        text = _require(context.store, scope, name)
        evaluated = _evaluated(context.store, scope, name)
        context.store.documents.delete(scope, KIND, name)
        context.store.documents.delete(scope, EVALUATED, name)
    return {**_answer(scope, name, text), "lastEvaluatedAt": evaluated}


@operation("StartLifecyclePolicyPreview")
def start_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Work out what a policy would do now.

    The result is there at once, but said to be in progress, as the service says. So no preview is
    ever in the way of another one.
    """
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        context.store.repositories.require(scope, name)
        given = members.get("lifecyclePolicyText")
        policy = check_policy(given or _require(context.store, scope, name))
        marks = marks_of(context.store, scope, name, policy, context.clock())
        preview = {"text": policy.text(), "results": [_result(mark) for mark in marks]}
        context.store.documents.put(scope, _PREVIEW, name, preview)
    return {**_answer(scope, name, policy.text()), "status": "IN_PROGRESS"}


@operation("GetLifecyclePolicyPreview")
def get_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give the result of the preview that was started last, oldest images first, in pages."""
    scope, name = context.registry(members), members["repositoryName"]
    if "imageIds" in members:
        pages.refuse_with(members, "imageIds")
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
        if each
    )


def _summary(results: list[dict[str, Any]]) -> dict[str, Any]:
    """Give the numbers of images that the whole preview found, whatever the request filters."""
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


def _evaluated(store: Store, scope: Scope, name: str) -> datetime:
    """Give when the policy was applied last; the epoch if never, as the service says it."""
    seconds = store.documents.get(scope, EVALUATED, name) or 0
    return datetime.fromtimestamp(seconds, timezone.utc)


def _answer(scope: Scope, name: str, text: str) -> dict[str, Any]:
    return {"registryId": scope.account, "repositoryName": name, "lifecyclePolicyText": text}
