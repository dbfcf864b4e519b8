"""Scanning: how repositories are scanned, and scans, which find what `set_findings` has set."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

from ecr_client.local import pages
from ecr_client.local.api.image_ids import require_image, response_image_id
from ecr_client.local.errors import ServiceError, invalid_parameter
from ecr_client.local.store import ARCHIVED, image_key
from ecr_client.local.wildcards import matches

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ecr_client.local.context import Context
    from ecr_client.local.registry import RegistryKey
    from ecr_client.local.store import Repository, Store, StoredImage

BASIC = "BASIC"
ENHANCED = "ENHANCED"
_CONFIGURATION = "scanning-configuration"
_ONLY = ""
_FINDINGS = "findings"
_SCAN = "image/scan"
#: How often each type of scanning can scan.
_FREQUENCIES = {
    BASIC: ("SCAN_ON_PUSH", "MANUAL"),
    ENHANCED: ("CONTINUOUS_SCAN", "SCAN_ON_PUSH"),
}
#: "A basic image scan can only be started once per 24 hours on an individual image. This limit
#: includes if an image was scanned on initial push."
#: https://docs.aws.amazon.com/AmazonECR/latest/APIReference/API_StartImageScan.html
_SCANS_APART = timedelta(hours=24)
_DESCRIPTIONS = {
    "COMPLETE": "The scan was completed successfully.",
    "ACTIVE": "Continuous scan is selected for image.",
}
#: The member of an outcome that has the findings of each type of scanning.
_MEMBERS = {BASIC: "findings", ENHANCED: "enhanced"}


def set_findings(
    store: Store,
    registry: RegistryKey,
    repository: str,
    digest: str,
    findings: Sequence[Mapping[str, Any]] = (),
    *,
    enhanced: Sequence[Mapping[str, Any]] = (),
    status: str | None = None,
    description: str | None = None,
) -> None:
    """Set what scans of an image find, past scans included.

    This does not scan the image: StartImageScan and pushes do.

    Args:
        store: The store that keeps it.
        registry: The registry.
        repository: The repository's name.
        digest: The image's digest; the image may be pushed later.
        findings: The findings of basic scanning, in the form of the API:
            ``{"name": "CVE-...", "severity": ...}``.
        enhanced: The findings of enhanced scanning, in the form of the API. Datetimes are aware.
        status: The status that scans end with, such as ``FAILED``; None for success.
        description: The description of the status.
    """
    outcome = {
        "findings": [_plain(finding) for finding in findings],
        "enhanced": [_plain(finding) for finding in enhanced],
        "status": status,
        "description": description,
    }
    store.documents.put(registry, _FINDINGS, image_key(repository, digest), outcome)


def start_image_scan(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Scan an image at once; the response reports the scan as in progress, as the service does."""
    registry, name = context.registry(members), members["repositoryName"]
    with context.store.database.write():
        image = require_image(context, registry, members)
        if scan_type(context.store, registry) == ENHANCED:
            # Enhanced scanning has no manual scans.
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
        last = _last_scan(context.store, registry, name, image)
        if last is not None and context.clock() - last < _SCANS_APART:
            raise ServiceError(
                "LimitExceededException",
                "The scan quota per image has been exceeded. Wait and try again.",
            )
        _scan(context, registry, name, image)
    return {
        "registryId": registry.account,
        "repositoryName": name,
        "imageId": response_image_id(image, members),
        "imageScanStatus": {"status": "IN_PROGRESS"},
    }


def describe_image_scan_findings(context: Context, members: dict[str, Any]) -> dict[str, Any]:
    """Return the findings of the last scan of an image, in pages."""
    registry, name = context.registry(members), members["repositoryName"]
    image = require_image(context, registry, members)
    when = _last_scan(context.store, registry, name, image)
    if when is None:
        raise ServiceError(
            "ScanNotFoundException",
            f"Image scan does not exist for the image with '{{imageDigest:'{image.digest}',"
            f" imageTag:'{members['imageId'].get('imageTag') or 'null'}'}}' in the repository with"
            f" name '{name}' in the registry with id '{registry.account}'",
        )
    kind = scan_type(context.store, registry)
    key = image_key(name, image.digest)
    outcome = _outcome(context.store.documents.get(registry, _FINDINGS, key), kind)
    findings = outcome[_MEMBERS[kind]]
    found, more = pages.page_of(context, "DescribeImageScanFindings", members, findings)
    member = "enhancedFindings" if kind == ENHANCED else "findings"
    return {
        "registryId": registry.account,
        "repositoryName": name,
        "imageId": response_image_id(image, members),
        "imageScanStatus": _status(outcome),
        "imageScanFindings": {**_summary(findings, when), member: list(found)},
        **more,
    }


def scan_on_push(
    context: Context, registry: RegistryKey, repository: str, image: StoredImage
) -> None:
    """Scan a pushed image once, if the images of its repository are scanned on push."""
    store = context.store
    if image.platform_children or _last_scan(store, registry, repository, image) is not None:
        return
    if scan_frequency(store, store.repositories.require(registry, repository)) != "MANUAL":
        _scan(context, registry, repository, image)


def scan_summaries(
    store: Store, registry: RegistryKey, repository: str, digests: Sequence[str]
) -> dict[str, dict[str, Any]]:
    """Return the members of DescribeImages about the last scans of images, by their digests."""
    keys = {image_key(repository, digest): digest for digest in digests}
    scans = store.documents.get_many(registry, _SCAN, list(keys))
    if not scans:
        return {}
    findings = store.documents.get_many(registry, _FINDINGS, list(scans))
    kind = scan_type(store, registry)
    summaries = {}
    for key, seconds in scans.items():
        outcome = _outcome(findings.get(key), kind)
        when = datetime.fromtimestamp(seconds, timezone.utc)
        summaries[keys[key]] = {
            "imageScanStatus": _status(outcome),
            "imageScanFindingsSummary": _summary(outcome[_MEMBERS[kind]], when),
        }
    return summaries


def scan_type(store: Store, registry: RegistryKey) -> str:
    """Return the scan type of a registry."""
    return str(_configuration(store, registry)["scanType"])


def scan_frequency(store: Store, repository: Repository) -> str:
    """Return the scan frequency of a repository; of several rules the highest one."""
    frequencies = {rule["scanFrequency"] for rule, _ in _applied(store, repository)}
    # Enhanced scanning ignores the repository's own setting.
    if repository.scan_on_push and scan_type(store, repository.registry) == BASIC:
        frequencies.add("SCAN_ON_PUSH")
    order = ("CONTINUOUS_SCAN", "SCAN_ON_PUSH")
    return next((each for each in order if each in frequencies), "MANUAL")


def put_registry_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Set how the repositories of the principal's registry are scanned."""
    kind, rules = members.get("scanType", BASIC), members.get("rules", [])
    frequencies = [rule["scanFrequency"] for rule in rules]
    for frequency in frequencies:
        if frequency not in _FREQUENCIES[kind]:
            raise _refused(f"Invalid scan frequency for scanType {kind}: {frequency}")
        if frequencies.count(frequency) > 1:
            raise _refused(f"Invalid input. Contains duplicate scan frequencies: [{frequency}]")
    configuration = {"scanType": kind, "rules": rules}
    context.store.documents.put(context.registry({}), _CONFIGURATION, _ONLY, configuration)
    return {"registryScanningConfiguration": configuration}


def get_registry_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Return how the repositories of the principal's registry are scanned."""
    registry = context.registry({})
    configuration = _configuration(context.store, registry)
    return {"registryId": registry.account, "scanningConfiguration": configuration}


def batch_get_repository_scanning_configuration(
    context: Context, members: dict[str, Any]
) -> dict[str, Any]:
    """Return how some repositories are scanned; missing ones are among the failures."""
    registry = context.registry({})
    found, failures = [], []
    for name in members["repositoryNames"]:
        repository = context.store.repositories.get(registry, name)
        if repository is None:
            failures.append(
                {
                    "repositoryName": name,
                    "failureCode": "REPOSITORY_NOT_FOUND",
                    "failureReason": f"The repository with name '{name}' does not exist in the"
                    f" registry with id '{registry.account}'",
                }
            )
        else:
            found.append(_described(context.store, repository))
    return {"scanningConfigurations": found, "failures": failures}


def _scan(context: Context, registry: RegistryKey, name: str, image: StoredImage) -> None:
    key = image_key(name, image.digest)
    context.store.documents.put(registry, _SCAN, key, context.clock().timestamp())


def _last_scan(
    store: Store, registry: RegistryKey, name: str, image: StoredImage
) -> datetime | None:
    seconds = store.documents.get(registry, _SCAN, image_key(name, image.digest))
    return None if seconds is None else datetime.fromtimestamp(seconds, timezone.utc)


def _outcome(found: dict[str, Any] | None, kind: str) -> dict[str, Any]:
    """Return what `set_findings` has set, or an outcome without findings."""
    outcome = found or {"findings": [], "enhanced": [], "status": None, "description": None}
    succeeded = "ACTIVE" if kind == ENHANCED else "COMPLETE"
    return {**outcome, "status": outcome["status"] or succeeded}


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
    """Return a value in the form of JSON: times are seconds since 1970, as in the API."""
    if isinstance(value, datetime):
        return value.timestamp()
    if isinstance(value, Mapping):
        return {name: _plain(item) for name, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(item) for item in value]
    return value


def _described(store: Store, repository: Repository) -> dict[str, Any]:
    frequency = scan_frequency(store, repository)
    return {
        "repositoryArn": repository.arn,
        "repositoryName": repository.name,
        "scanOnPush": frequency != "MANUAL",
        "scanFrequency": frequency,
        "appliedScanFilters": [
            one for _, filters in _applied(store, repository) for one in filters
        ],
    }


def _applied(
    store: Store, repository: Repository
) -> list[tuple[dict[str, Any], list[dict[str, str]]]]:
    """Return the rules that apply to a repository, each with its filters that match."""
    found = [
        (
            rule,
            [one for one in rule["repositoryFilters"] if _matches(one["filter"], repository.name)],
        )
        for rule in _configuration(store, repository.registry)["rules"]
    ]
    return [(rule, filters) for rule, filters in found if filters]


def _matches(text: str, name: str) -> bool:
    """Return whether a filter matches a name.

    A filter without an asterisk matches every name that contains it.
    https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
    """
    return matches(text, name) if "*" in text else text in name


def _configuration(store: Store, registry: RegistryKey) -> dict[str, Any]:
    return store.documents.get(registry, _CONFIGURATION, _ONLY) or {"scanType": BASIC, "rules": []}


def _refused(why: str) -> ServiceError:
    return invalid_parameter("rules", why)
