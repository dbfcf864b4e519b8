"""Scanning: settings, scans, and the findings that a test sets."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import (
    ImageArchivedException,
    ImageNotFoundException,
    InvalidParameterException,
    LimitExceededException,
    RepositoryNotFoundException,
    ScanNotFoundException,
    UnsupportedImageTypeException,
    ValidationException,
)
from ecr_client.local import LocalECR
from ecr_client.models import (
    ImageIdentifier,
    ImageScanningConfiguration,
    RegistryScanningRule,
    ScanningRepositoryFilter,
)

V1 = ImageIdentifier(image_tag="v1")
FINDINGS: list[dict[str, Any]] = [
    {
        "name": "CVE-2026-0001",
        "severity": "CRITICAL",
        "uri": "https://example.com/CVE-2026-0001",
        "attributes": [{"key": "package_name", "value": "zlib"}],
    },
    {"name": "CVE-2026-0002", "severity": "LOW"},
    {"name": "CVE-2026-0003", "severity": "LOW"},
]


def scanning_rule(frequency: str, *filters: str) -> RegistryScanningRule:
    return RegistryScanningRule(
        scan_frequency=frequency,
        repository_filters=[
            ScanningRepositoryFilter(filter=text, filter_type="WILDCARD") for text in filters
        ],
    )


def configure(client: ECRClient, *rules: RegistryScanningRule, scan_type: str = "BASIC") -> Any:
    return client.put_registry_scanning_configuration(scan_type=scan_type, rules=list(rules))


def scan(client: ECRClient) -> Any:
    return client.start_image_scan(repository_name="app", image_id=V1)


def found(client: ECRClient, **asked: Any) -> Any:
    return client.describe_image_scan_findings(repository_name="app", image_id=V1, **asked)


def test_finds_nothing_by_default(client: ECRClient, push: Any, clock: Any) -> None:
    """A scan is complete at once and finds nothing by default."""
    image = push.image("app", "v1")

    started = scan(client)
    result = found(client)

    assert (started.image_id.image_digest, started.image_id.image_tag) == (image, "v1")
    assert started.image_scan_status.status == "IN_PROGRESS"
    assert result.image_scan_status.status == "COMPLETE"
    assert result.image_scan_status.description == "The scan was completed successfully."
    assert result.image_scan_findings.image_scan_completed_at == clock.now
    assert result.image_scan_findings.findings == ()
    assert result.image_scan_findings.finding_severity_counts == {}


def test_finds_what_was_set(client: ECRClient, push: Any, ecr: LocalECR) -> None:
    """Findings come in pages with the numbers of all, and can be changed after the scan."""
    image = push.image("app", "v1")
    ecr.set_findings("app", image, FINDINGS)
    scan(client)
    first = found(client, max_results=2)
    second = found(client, max_results=2, next_token=first.next_token)
    ecr.set_findings("app", image, FINDINGS[:1])
    changed = found(client).image_scan_findings
    pages = [first.image_scan_findings, second.image_scan_findings]

    assert [one.name for page in pages for one in page.findings] == [
        one["name"] for one in FINDINGS
    ]
    assert pages[0].findings[0].attributes[0].value == "zlib"
    assert [page.finding_severity_counts for page in pages] == [{"CRITICAL": 1, "LOW": 2}] * 2
    assert second.next_token is None
    assert [one.name for one in changed.findings] == ["CVE-2026-0001"]
    assert changed.finding_severity_counts == {"CRITICAL": 1}


def test_a_scan_fails_on_demand(client: ECRClient, push: Any, ecr: LocalECR) -> None:
    """A test can set that scans fail, and why; without a scan there is nothing to describe."""
    image = push.image("app", "v1")
    ecr.set_findings("app", image, status="FAILED", description="UnsupportedImageError")
    with pytest.raises(ScanNotFoundException, match=image):
        found(client)
    scan(client)
    status = found(client).image_scan_status

    assert (status.status, status.description) == ("FAILED", "UnsupportedImageError")


def test_the_life_of_a_scan(client: ECRClient, push: Any, clock: Any, ecr: LocalECR) -> None:
    """A scan once a day is described with its image, and deleted with it."""
    image = push.image("app", "v1")
    manifest = client.batch_get_image(repository_name="app", image_ids=[V1]).images[0]
    before = client.describe_images(repository_name="app").image_details[0]
    ecr.set_findings("app", image, FINDINGS)
    scan(client)
    clock.advance(hours=23, minutes=59)
    with pytest.raises(LimitExceededException, match="scan quota per image has been exceeded"):
        scan(client)
    clock.advance(minutes=1)
    scan(client)
    after: Any = client.describe_images(repository_name="app").image_details[0]

    assert (before.image_scan_status, before.image_scan_findings_summary) == (None, None)
    assert after.image_scan_status.status == "COMPLETE"
    assert after.image_scan_findings_summary.finding_severity_counts == {"CRITICAL": 1, "LOW": 2}
    assert after.image_scan_findings_summary.image_scan_completed_at == clock.now
    client.batch_delete_image(repository_name="app", image_ids=[V1])
    push.manifest("app", str(manifest.image_manifest), "v1")
    with pytest.raises(ScanNotFoundException):
        found(client)


def test_unscannable_images(client: ECRClient, push: Any) -> None:
    """Images that are not there, indexes and archived images are refused, each in its way."""
    with pytest.raises(ImageNotFoundException, match="imageTag:'v1'"):
        scan(client)
    with pytest.raises(ImageNotFoundException):
        found(client)
    with pytest.raises(RepositoryNotFoundException):
        client.start_image_scan(repository_name="other", image_id=V1)
    with pytest.raises(InvalidParameterException):
        client.start_image_scan(repository_name="app", image_id=ImageIdentifier())

    push.index("app", push.image("app"), tag="v1")
    with pytest.raises(UnsupportedImageTypeException):
        scan(client)

    push.image("app", "v1")
    client.update_image_storage_class(
        repository_name="app", image_id=V1, target_storage_class="ARCHIVE"
    )
    with pytest.raises(ImageArchivedException):
        scan(client)


@pytest.mark.parametrize("by_rule", [True, False])
def test_scans_on_push(client: ECRClient, push: Any, clock: Any, by_rule: bool) -> None:
    """An image is scanned on its first push, if its repository or a rule says so."""
    if by_rule:
        configure(client, scanning_rule("SCAN_ON_PUSH", "*"))
    else:
        client.put_image_scanning_configuration(
            repository_name="app",
            image_scanning_configuration=ImageScanningConfiguration(scan_on_push=True),
        )
    push.image("app", "v1")
    pushed_at = clock.now
    clock.advance(hours=1)
    with pytest.raises(LimitExceededException):
        scan(client)
    clock.advance(days=2)
    manifest = client.batch_get_image(repository_name="app", image_ids=[V1]).images[0]
    push.manifest("app", str(manifest.image_manifest), "v2")

    assert found(client).image_scan_findings.image_scan_completed_at == pushed_at


def test_enhanced_scanning(client: ECRClient, push: Any, ecr: LocalECR, clock: Any) -> None:
    """Enhanced scanning goes on by itself, has findings of its own kind, and cannot be started."""
    rules = scanning_rule("CONTINUOUS_SCAN", "*")
    configure(client, rules, scan_type="ENHANCED")
    image = push.image("app", "v1")
    finding = {
        "title": "CVE-2026-0001 - zlib",
        "severity": "HIGH",
        "firstObservedAt": clock.now,
        "packageVulnerabilityDetails": {"cvss": [{"baseScore": 9.8, "version": "3.1"}]},
    }
    ecr.set_findings("app", image, FINDINGS, enhanced=[finding])

    result = found(client)
    [enhanced] = result.image_scan_findings.enhanced_findings

    assert result.image_scan_status.status == "ACTIVE"
    assert result.image_scan_findings.findings == ()
    assert result.image_scan_findings.finding_severity_counts == {"HIGH": 1}
    assert (enhanced.title, enhanced.first_observed_at) == (finding["title"], clock.now)
    assert enhanced.package_vulnerability_details.cvss[0].base_score == 9.8
    with pytest.raises(ValidationException, match="feature is disabled"):
        scan(client)


@pytest.mark.parametrize(
    ("scan_type", "frequencies", "message"),
    [
        ("BASIC", ["CONTINUOUS_SCAN"], "Invalid scan frequency for scanType BASIC"),
        ("ENHANCED", ["MANUAL"], "Invalid scan frequency for scanType ENHANCED"),
        ("BASIC", ["SCAN_ON_PUSH", "SCAN_ON_PUSH"], "duplicate scan frequencies"),
        ("FULL", [], "enum value set"),
        ("BASIC", ["SCAN_ON_PUSH", "MANUAL", "CONTINUOUS_SCAN"], "less than or equal to 2"),
    ],
)
def test_refuses_configurations(
    client: ECRClient, scan_type: str, frequencies: list[str], message: str
) -> None:
    """A type of scanning has its frequencies, each in one rule."""
    rules = [scanning_rule(frequency, "*") for frequency in frequencies]

    with pytest.raises(InvalidParameterException, match=message):
        configure(client, *rules, scan_type=scan_type)


# The table of https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")


@pytest.mark.parametrize(
    ("text", "fitting"),
    [
        ("prod", NAMES),
        ("*prod", ("prod", "repo-prod")),
        ("prod*", ("prod", "prod-repo", "prodrepo")),
        ("*prod*", NAMES),
        ("prod*repo", ("prod-repo", "prodrepo")),
    ],
)
def test_filters(client: ECRClient, text: str, fitting: tuple[str, ...]) -> None:
    """Filters fit the names that the user guide says they fit."""
    for name in NAMES:
        client.create_repository(repository_name=name)
    configure(client, scanning_rule("SCAN_ON_PUSH", text))

    response = client.batch_get_repository_scanning_configuration(repository_names=list(NAMES))

    assert response.failures == ()
    assert {
        one.repository_name for one in response.scanning_configurations if one.applied_scan_filters
    } == set(fitting)


def test_repositories_are_scanned_as_often_as_any_rule_says(
    client: ECRClient, connect: Callable[..., ECRClient]
) -> None:
    """Of several rules that fit, the one that scans most often counts; the filters are all told."""
    names = ["both", "pushed", "plain", "missing"]
    for name in names[:3]:
        client.create_repository(repository_name=name)
    configure(
        client,
        scanning_rule("SCAN_ON_PUSH", "*h*", "pu*"),
        scanning_rule("CONTINUOUS_SCAN", "bo*"),
        scan_type="ENHANCED",
    )

    response = client.batch_get_repository_scanning_configuration(repository_names=names)
    told = {
        one.repository_name: (
            one.scan_frequency,
            one.scan_on_push,
            [each.filter for each in one.applied_scan_filters],
        )
        for one in response.scanning_configurations
    }

    assert told == {
        "both": ("CONTINUOUS_SCAN", True, ["*h*", "bo*"]),
        "pushed": ("SCAN_ON_PUSH", True, ["*h*", "pu*"]),
        "plain": ("MANUAL", False, []),
    }
    assert response.scanning_configurations[0].repository_arn == (
        "arn:aws:ecr:us-east-1:123456789012:repository/both"
    )
    [failure] = response.failures
    assert (failure.repository_name, failure.failure_code) == ("missing", "REPOSITORY_NOT_FOUND")
