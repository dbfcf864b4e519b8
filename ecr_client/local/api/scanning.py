"""Scanning: how repositories are scanned, and scans, which find what `set_findings` has set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import hooks, pages
from ecr_client.local.api.image_ids import answered_id, require_image
from ecr_client.local.api.scanning_configuration import ENHANCED, scan_frequency, scan_type
from ecr_client.local.errors import ServiceError
from ecr_client.local.operations import operation
from ecr_client.local.store.documents import image_key
from ecr_client.local.store.image import ARCHIVED

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.store import Scope, Store, StoredImage

_FINDINGS = "findings"
_SCAN = "image/scan"
#: "A basic image scan can only be started once per 24 hours on an individual image. This limit
#: includes if an image was scanned on initial push."
#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
_SCANS_APART = timedelta(hours=24)
_DESCRIPTIONS = {
    "COMPLETE": "The scan was completed successfully.",
    "ACTIVE": "Continuous scan is selected for image.",
}


def set_findings(
    store: Store,
    scope: Scope,
    repository: str,
    digest: str,
    findings: Sequence[Mapping[str, Any]] = (),
    *,
    enhanced: Sequence[Mapping[str, Any]] = (),
    status: str | None = None,
    description: str | None = None,
) -> None:
    """Say what scans of an image find, those that are over included.

    It does not scan the image: that is for StartImageScan or a push.

    Args:
        store: Where it is kept.
        scope: The registry.
        repository: The repository's name.
        digest: Of the image; it may be pushed later.
        findings: Of basic scanning, as the API has them: ``{"name": "CVE-...", "severity": ...}``.
        enhanced: Of enhanced scanning, as the API has them. Datetimes are aware.
        status: How scans end, such as ``FAILED``; None for the one of a scan that succeeds.
        description: The text that goes with the status.
    """
    outcome = {
        "findings": [_plain(finding) for finding in findings],
        "enhanced": [_plain(finding) for finding in enhanced],
        "status": status,
        "description": description,
    }
    store.documents.put(scope, _FINDINGS, image_key(repository, digest), outcome)


@operation("StartImageScan")
def start_image_scan(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Scan an image; it is over at once, but said to be in progress, as the service says."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        image = require_image(context, scope, members)
        if scan_type(context.store, scope) == ENHANCED:
            # Enhanced scanning has no scans that are started by hand.
            raise ServiceError("ValidationException", "This feature is disabled")
        if image.status == ARCHIVED:
            raise ServiceError(
                "ImageArchivedException",
                f"The image with digest '{image.digest}' is archived and cannot be scanned",
            )
        if image.platform_children:
            raise ServiceError(
                "UnsupportedImageTypeException",
                f"The image with digest '{image.digest}' is of a type that cannot be scanned:"
                f" {image.media_type}",
            )
        last = _last_scan(context.store, scope, name, image)
        if last is not None and context.clock() - last < _SCANS_APART:
            raise ServiceError(
                "LimitExceededException",
                "The scan quota per image has been exceeded. Wait and try again.",
            )
        _scan(context, scope, name, image)
    return {
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": answered_id(image, members),
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }


@operation("DescribeImageScanFindings")
def describe_image_scan_findings(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Give what the last scan of an image has found, in pages."""
    scope, name = context.registry(members), members["repositoryName"]
    image = require_image(context, scope, members)
    when = _last_scan(context.store, scope, name, image)
    if when is None:
        raise ServiceError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{{imageDigest:'{image.digest}',"
            f" imageTag:'{members['imageId'].get('imageTag') or 'null'}'}}' in the repository with"
            f" name '{name}' in the registry with id '{scope.account}'",
        )
    outcome = _outcome(context.store, scope, name, image)
    kind = _kind(context.store, scope)
    found, more = pages.page_of(context, "DescribeImageScanFindings", members, outcome[kind])
    member = "enhancedFindings" if kind == "enhanced" else "findings"
    return {
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": answered_id(image, members),
        "imageScanStatus": _status(outcome),
        "imageScanFindings": {**_summary(outcome[kind], when), member: list(found)},
        **more,
    }


@hooks.on_push
def scan_on_push(context: Context, scope: Scope, repository: str, image: StoredImage) -> None:
    """Scan an image that was pushed to a repository whose images are scanned then, once."""
    store = context.store
    if image.platform_children or _last_scan(store, scope, repository, image) is not None:
        return
    if scan_frequency(store, store.repositories.require(scope, repository)) != "MANUAL":
        _scan(context, scope, repository, image)


@hooks.image_details
def scan_details(
    context: Context, scope: Scope, repository: str, image: StoredImage
) -> dict[str, Any]:
    """Give what DescribeImages says of the last scan of an image."""
    when = _last_scan(context.store, scope, repository, image)
    if when is None:
        return {}
    outcome = _outcome(context.store, scope, repository, image)
    return {
        "imageScanStatus": _status(outcome),
        "imageScanFindingsSummary": _summary(outcome[_kind(context.store, scope)], when),
    }


def _scan(context: Context, scope: Scope, name: str, image: StoredImage) -> None:
    key = image_key(name, image.digest)
    context.store.documents.put(scope, _SCAN, key, context.clock().timestamp())


def _last_scan(store: Store, scope: Scope, name: str, image: StoredImage) -> datetime | None:
    seconds = store.documents.get(scope, _SCAN, image_key(name, image.digest))
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def _kind(store: Store, scope: Scope) -> str:
    return "enhanced" if scan_type(store, scope) == ENHANCED else "findings"


def _outcome(store: Store, scope: Scope, name: str, image: StoredImage) -> dict[str, Any]:
    found: dict[str, Any] = store.documents.get(
        scope, _FINDINGS, image_key(name, image.digest)
    ) or {"findings": [], "enhanced": [], "status": None, "description": None}
    succeeded = "ACTIVE" if scan_type(store, scope) == ENHANCED else "COMPLETE"
    return {**found, "status": found["status"] or succeeded}


def _status(outcome: dict[str, Any]) -> dict[str, str]:
    status = outcome["status"]
    description = outcome["description"] or _DESCRIPTIONS.get(status)
    return {"status": status, **({"description": description} if description else {})}


def _summary(findings: Sequence[Mapping[str, Any]], when: datetime) -> dict[str, Any]:
    counts = Counter(str(finding.get("severity", "UNDEFINED")) for finding in findings)
    return {
        "imageScanCompletedAt": when,
        "vulnerabilitySourceUpdatedAt": when,
        "findingSeverityCounts": dict(counts),
    }


def _plain(value: Any) -> Any:
    """Give a value as JSON can express it: times are seconds of the epoch, as in the API."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value
