"""Scanning: its settings, and scans that find what a test has set."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from ecr_client.local import hooks, pages
from ecr_client.local.api.image_ids import answered_id, require_image
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.operations import operation
from ecr_client.local.store.documents import image_key
from ecr_client.local.store.image import ARCHIVED
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.store import Repository, Scope, Store, StoredImage

_CONFIGURATION = "scanning-configuration"
_ONLY = ""
_FINDINGS = "findings-to-find"
_SCAN = "image/scan"
_FREQUENCIES = {
    "BASIC": ("SCAN_ON_PUSH", "MANUAL"),
    "ENHANCED": ("SCAN_ON_PUSH", "CONTINUOUS_SCAN"),
}


def set_findings(
    store: Store, scope: Scope, repository: str, digest: str, findings: Sequence[dict[str, Any]]
) -> None:
    """Say what the next scan of an image finds.

    Args:
        store: Where it is kept.
        scope: The registry.
        repository: The repository's name.
        digest: Of the image; it may be pushed later.
        findings: In the form of the API: ``{"name": "CVE-...", "severity": "HIGH", ...}``.
    """
    store.documents.put(scope, _FINDINGS, image_key(repository, digest), list(findings))


@operation("PutRegistryScanningConfiguration")
def put_registry_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Say how the repositories of the registry are scanned."""
    scope = context.registry({})
    configuration = {
        "scanType": members.get("scanType", "BASIC"),
        "rules": members.get("rules", []),
    }
    allowed = _FREQUENCIES[configuration["scanType"]]
    for rule in configuration["rules"]:
        if rule["scanFrequency"] not in allowed:
            raise invalid_parameter(
                "rules.scanFrequency",
                f"{configuration['scanType']} scanning knows {' and '.join(allowed)}",
            )
    context.store.documents.put(scope, _CONFIGURATION, _ONLY, configuration)
    return {"registryScanningConfiguration": configuration}


@operation("GetRegistryScanningConfiguration")
def get_registry_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Give how the repositories of the registry are scanned."""
    scope = context.registry({})
    return {
        "registryId": scope.account,
        "scanningConfiguration": _configuration(context.store, scope),
    }


@operation("BatchGetRepositoryScanningConfiguration")
def batch_get_repository_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Tell how some repositories are scanned; those that are not there are among the failures."""
    scope = context.registry({})
    found, failures = [], []
    for name in members["repositoryNames"]:
        repository = context.store.repositories.get(scope, name)
        if repository is None:
            failures.append(
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": "The repository does not exist",
                }
            )
        else:
            found.append(_of_repository(context.store, scope, repository))
    return {"scanningConfigurations": found, "failures": failures}


@operation("StartImageScan")
def start_image_scan(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Scan an image; it is over at once, but said to be in progress, as the service says."""
    scope, name = context.registry(members), members["repositoryName"]
    with context.store.write():
        image = require_image(context, scope, members)
        if image.status == ARCHIVED:
            raise ServiceError("ImageArchivedException", "The image is archived")
        if image.platform_children:
            raise ServiceError("UnsupportedImageTypeException", "A manifest list cannot be scanned")
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
    scan = context.store.documents.get(scope, _SCAN, image_key(name, image.digest))
    if scan is None:
        raise ServiceError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with digest '{image.digest}' in the"
            f" repository with name '{name}' in the registry with id '{scope.account}'",
        )
    found, more = pages.page_of(context, "DescribeImageScanFindings", members, scan["findings"])
    return {
        "registryId": scope.account,
        "repositoryName": name,
        "imageId": answered_id(image, members),
        "imageScanStatus": {
            "status": "COMPLETE",
            "description": "The scan was completed successfully.",
        },
        "imageScanFindings": {**_summary(scan), "findings": list(found)},
        **more,
    }


@hooks.on_push
def scan_on_push(context: Context, scope: Scope, repository: str, image: StoredImage) -> None:
    """Scan an image that was pushed to a repository whose images are scanned then."""
    settings = _of_repository(
        context.store, scope, context.store.repositories.require(scope, repository)
    )
    if settings["scanFrequency"] != "MANUAL" and not image.platform_children:
        _scan(context, scope, repository, image)


@hooks.image_details
def scan_details(
    context: Context, scope: Scope, repository: str, image: StoredImage
) -> dict[str, Any]:
    """Give what DescribeImages says of the last scan of an image."""
    scan = context.store.documents.get(scope, _SCAN, image_key(repository, image.digest))
    if scan is None:
        return {}
    return {
        "imageScanStatus": {"status": "COMPLETE"},
        "imageScanFindingsSummary": _summary(scan),
    }


def _scan(context: Context, scope: Scope, name: str, image: StoredImage) -> None:
    key = image_key(name, image.digest)
    findings = context.store.documents.get(scope, _FINDINGS, key) or []
    scan = {"at": context.clock().timestamp(), "findings": findings}
    context.store.documents.put(scope, _SCAN, key, scan)


def _summary(scan: dict[str, Any]) -> dict[str, Any]:
    counts = Counter(finding.get("severity", "UNDEFINED") for finding in scan["findings"])
    return {
        "imageScanCompletedAt": scan["at"],
        "vulnerabilitySourceUpdatedAt": scan["at"],
        "findingSeverityCounts": dict(counts),
    }


def _configuration(store: Store, scope: Scope) -> dict[str, Any]:
    return store.documents.get(scope, _CONFIGURATION, _ONLY) or {"scanType": "BASIC", "rules": []}


def _of_repository(store: Store, scope: Scope, repository: Repository) -> dict[str, Any]:
    applied, frequencies = [], set()
    for rule in _configuration(store, scope)["rules"]:
        fitting = [
            each for each in rule["repositoryFilters"] if matches(each["filter"], repository.name)
        ]
        applied += fitting
        if fitting:
            frequencies.add(rule["scanFrequency"])
    if repository.scan_on_push:
        frequencies.add("SCAN_ON_PUSH")
    order = ("CONTINUOUS_SCAN", "SCAN_ON_PUSH", "MANUAL")
    frequency = next((each for each in order if each in frequencies), "MANUAL")
    return {
        "repositoryArn": repository.arn,
        "repositoryName": repository.name,
        "scanOnPush": frequency == "SCAN_ON_PUSH",
        "scanFrequency": frequency,
        "appliedScanFilters": applied,
    }
