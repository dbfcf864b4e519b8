"""Lifecycle policies and their previews. `ecr_client.local.run_lifecycle` applies policies."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.lifecycle import Action, PolicyError, parse_policy
from ecr_client.local.run_lifecycle import EVALUATED, KIND, marks_of

if TYPE_CHECKING:
    from ecr_client.local.context import Context
    from ecr_client.local.lifecycle import Mark, Policy
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import Store

_PREVIEW = "repository/lifecycle-preview"


def check_policy(text: str) -> Policy:
    """Return the policy that a document expresses.

    Raises:
        ServiceError: InvalidParameterException.
    """
    try:
        return parse_policy(text)
    except PolicyError as error:
        raise invalid_parameter(
            "LifecyclePolicyText", f"Lifecycle policy validation failure: {error}"
        ) from None


def put_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Set the policy of a repository, replacing an earlier one."""
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        context.store.repositories.require(registry, name)
        text = check_policy(members["lifecyclePolicyText"]).text()
        context.store.documents.put(registry, KIND, name, text)
    return _response(registry, name, text)


def get_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the policy of a repository, and when it was last applied."""
    registry, name = context.registry(members), members["repositoryName"]
    text = _require(context.store, registry, name)
    evaluated = _evaluated(context.store, registry, name)
    return {**_response(registry, name, text), "lastEvaluatedAt": evaluated}


def delete_lifecycle_policy(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Delete the policy of a repository, and return what it was."""
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        text = _require(context.store, registry, name)
        evaluated = _evaluated(context.store, registry, name)
        context.store.documents.delete(registry, KIND, name)
        context.store.documents.delete(registry, EVALUATED, name)
    return {**_response(registry, name, text), "lastEvaluatedAt": evaluated}


def start_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Compute what a policy would do now.

    The preview is complete at once but reported as in progress, as by the service, so that no
    preview ever prevents another one.
    """
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        context.store.repositories.require(registry, name)
        given = members.get("lifecyclePolicyText")
        policy = check_policy(given or _require(context.store, registry, name))
        marks = marks_of(context.store, registry, name, policy, context.clock())
        preview = {"text": policy.text(), "results": [_result(mark) for mark in marks]}
        context.store.documents.put(registry, _PREVIEW, name, preview)
    return {**_response(registry, name, policy.text()), "status": "IN_PROGRESS"}


def get_lifecycle_policy_preview(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the result of the latest preview, oldest images first, in pages."""
    registry, name = context.registry(members), members["repositoryName"]
    if "imageIds" in members:
        pages.refuse_with(members, "imageIds")
    context.store.repositories.require(registry, name)
    preview = context.store.documents.get(registry, _PREVIEW, name)
    if preview is None:
        raise ServiceError(
            "LifecyclePolicyPreviewNotFoundException",
            f"Lifecycle policy preview does not exist for the repository with name '{name}' in the"
            f" registry with id '{registry.account}'",
        )
    results = [result for result in preview["results"] if _matches(result, members)]
    found, more = pages.page_of(context, "GetLifecyclePolicyPreview", members, results)
    return {
        **_response(registry, name, preview["text"]),
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


def _matches(result: dict[str, Any], members: dict[str, Any]) -> bool:
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
    """Return the numbers of images in the whole preview, whatever the request filters."""
    expiring = sum(result["action"]["type"] == "EXPIRE" for result in results)
    summary: dict[str, Any] = {"expiringImageTotalCount": expiring}
    if len(results) > expiring:
        summary["transitioningImageTotalCounts"] = [
            {"targetStorageClass": "ARCHIVE", "imageTotalCount": len(results) - expiring}
        ]
    return summary


def _require(store: Store, registry: RegistryKey, name: str) -> str:
    store.repositories.require(registry, name)
    text: str | None = store.documents.get(registry, KIND, name)
    if text is None:
        raise ServiceError(
            "LifecyclePolicyNotFoundException",
            f"Lifecycle policy does not exist for the repository with name '{name}' in the registry"
            f" with id '{registry.account}'",
        )
    return text


def _evaluated(store: Store, registry: RegistryKey, name: str) -> datetime:
    """Return when the policy was last applied; 1970 if never, as the service does."""
    seconds = store.documents.get(registry, EVALUATED, name) or 0
    return datetime.fromtimestamp(seconds, timezone.utc)


def _response(registry: RegistryKey, name: str, text: str) -> dict[str, Any]:
    return {"registryId": registry.account, "repositoryName": name, "lifecyclePolicyText": text}
