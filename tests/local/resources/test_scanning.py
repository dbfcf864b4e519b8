"""Scanning: settings, scans, and findings that a test sets."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client import exceptions as errors
from ecr_client.local import LocalECR

V1 = {"image_tag": "v1"}
URL = "https://example.com/CVE-2026-0001"
ZLIB = [{"key": "package_name", "value": "zlib"}]
FINDINGS: list[dict[str, Any]] = [
    {"name": "CVE-2026-0001", "severity": "CRITICAL", "uri": URL, "attributes": ZLIB},
    {"name": "CVE-2026-0002", "severity": "LOW"},
    {"name": "CVE-2026-0003", "severity": "LOW"},
]


def rule(frequency: str, *filters: str) -> dict[str, Any]:
    wanted = [{"filter": text, "filter_type": "WILDCARD"} for text in filters]
    return {"scan_frequency": frequency, "repository_filters": wanted}


def configure(client: Any, *rules: Any, scan_type: str = "BASIC") -> Any:
    return client.put_registry_scanning_configuration(scan_type=scan_type, rules=rules)


def scan(client: Any, **more: Any) -> Any:
    return client.start_image_scan(**{"image_id": V1, **more})


def found(client: Any, **members: Any) -> Any:
    return client.describe_image_scan_findings(image_id=V1, **members)


def test_finds_nothing_by_default(client: Any, push: Any, clock: Any) -> None:
    """By default, a scan completes at once and finds nothing."""
    image = push.image("app", "v1")
    started, result = scan(client), found(client)
    findings = result.image_scan_findings

    assert (started.image_id.image_digest, started.image_id.image_tag) == (image, "v1")
    assert started.image_scan_status.status == "IN_PROGRESS"
    assert result.image_scan_status.status == "COMPLETE"
    assert result.image_scan_status.description == "The scan was completed successfully."
    assert findings.image_scan_completed_at == clock.now
    assert (findings.findings, findings.finding_severity_counts) == ((), {})


def test_finds_what_was_set(client: Any, push: Any, ecr: LocalECR) -> None:
    """Findings are paged, have a total count, and can be changed after the scan."""
    image = push.image("app", "v1")
    ecr.set_findings("app", image, FINDINGS)
    scan(client)
    first = found(client, max_results=2)
    second = found(client, max_results=2, next_token=first.next_token)
    ecr.set_findings("app", image, FINDINGS[:1])
    changed = found(client).image_scan_findings
    pages = [first.image_scan_findings, second.image_scan_findings]
    names = [one["name"] for one in FINDINGS]

    assert [one.name for page in pages for one in page.findings] == names
    assert pages[0].findings[0].attributes[0].value == "zlib"
    assert [page.finding_severity_counts for page in pages] == [{"CRITICAL": 1, "LOW": 2}] * 2
    assert second.next_token is None
    assert [one.name for one in changed.findings] == names[:1]
    assert changed.finding_severity_counts == {"CRITICAL": 1}


def test_a_scan_fails_on_demand(client: Any, push: Any, ecr: LocalECR) -> None:
    """A test can make scans fail with a reason; without a scan there is nothing to describe."""
    image = push.image("app", "v1")
    ecr.set_findings("app", image, status="FAILED", description="UnsupportedImageError")
    with pytest.raises(errors.ScanNotFoundException, match=image):
        found(client)
    scan(client)
    status = found(client).image_scan_status

    assert (status.status, status.description) == ("FAILED", "UnsupportedImageError")


def test_scans(client: Any, push: Any, clock: Any, ecr: LocalECR) -> None:
    """An image can be scanned once a day; the scan is described and deleted with the image."""
    image = push.image("app", "v1")
    text = client.batch_get_image(image_ids=[V1]).images[0].image_manifest
    before = client.describe_images().image_details[0]
    ecr.set_findings("app", image, FINDINGS)
    scan(client)
    clock.advance(hours=23, minutes=59)
    with pytest.raises(
        errors.LimitExceededException, match="scan quota per image has been exceeded"
    ):
        scan(client)
    clock.advance(minutes=1)
    scan(client)
    after = client.describe_images().image_details[0]
    summary = after.image_scan_findings_summary

    assert (before.image_scan_status, before.image_scan_findings_summary) == (None, None)
    assert after.image_scan_status.status == "COMPLETE"
    assert summary.finding_severity_counts == {"CRITICAL": 1, "LOW": 2}
    assert summary.image_scan_completed_at == clock.now
    client.batch_delete_image(image_ids=[V1])
    push.manifest("app", text, "v1")
    with pytest.raises(errors.ScanNotFoundException):
        found(client)


def test_unscannable_images(client: Any, push: Any) -> None:
    """Missing images, indexes and archived images are refused, each with its own error."""
    with pytest.raises(errors.ImageNotFoundException, match="imageTag:'v1'"):
        scan(client)
    with pytest.raises(errors.ImageNotFoundException):
        found(client)
    with pytest.raises(errors.RepositoryNotFoundException):
        scan(client, repository_name="other")
    with pytest.raises(errors.InvalidParameterException):
        scan(client, image_id={})
    push.index("app", push.image("app"), tag="v1")
    with pytest.raises(errors.UnsupportedImageTypeException):
        scan(client)
    push.image("app", "v1")
    client.update_image_storage_class(image_id=V1, target_storage_class="ARCHIVE")
    with pytest.raises(errors.ImageArchivedException):
        scan(client)


@pytest.mark.parametrize("by_rule", [True, False])
def test_scans_on_push(client: Any, push: Any, clock: Any, by_rule: bool) -> None:
    """An image is scanned on its first push if its repository or a rule says so."""
    if by_rule:
        configure(client, rule("SCAN_ON_PUSH", "*"))
    else:
        client.put_image_scanning_configuration(image_scanning_configuration={"scan_on_push": True})
    push.image("app", "v1")
    pushed_at = clock.now
    clock.advance(hours=1)
    with pytest.raises(errors.LimitExceededException):
        scan(client)
    clock.advance(days=2)
    push.again("app", "v1", "v2")

    assert found(client).image_scan_findings.image_scan_completed_at == pushed_at


def test_enhanced_scanning(client: Any, push: Any, ecr: LocalECR, clock: Any) -> None:
    """Enhanced scanning is continuous, has other findings, and cannot be started."""
    configure(client, rule("CONTINUOUS_SCAN", "*"), scan_type="ENHANCED")
    image = push.image("app", "v1")
    finding = {
        "title": "CVE-2026-0001 - zlib",
        "severity": "HIGH",
        "firstObservedAt": clock.now,
        "packageVulnerabilityDetails": {"cvss": [{"baseScore": 9.8, "version": "3.1"}]},
    }
    ecr.set_findings("app", image, FINDINGS, enhanced=[finding])
    result = found(client)
    findings = result.image_scan_findings
    (enhanced,) = findings.enhanced_findings

    assert result.image_scan_status.status == "ACTIVE"
    assert (findings.findings, findings.finding_severity_counts) == ((), {"HIGH": 1})
    assert (enhanced.title, enhanced.first_observed_at) == (finding["title"], clock.now)
    assert enhanced.package_vulnerability_details.cvss[0].base_score == 9.8
    with pytest.raises(errors.ValidationException, match="feature is disabled"):
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
    client: Any, scan_type: str, frequencies: list[str], message: str
) -> None:
    """Each type of scanning allows certain frequencies, with one rule for each."""
    rules = [rule(frequency, "*") for frequency in frequencies]

    with pytest.raises(errors.InvalidParameterException, match=message):
        configure(client, *rules, scan_type=scan_type)


# The table of https://docs.aws.amazon.com/AmazonECR/latest/userguide/image-scanning-filters.html
NAMES = ("prod", "repo-prod", "prod-repo", "repo-prod-repo", "prodrepo")


def test_filters(client: Any) -> None:
    """Filters match the names that the user guide says they match."""
    for name in NAMES:
        client.create_repository(repository_name=name)
    for text, fitting in (
        ("prod", NAMES),
        ("*prod", ("prod", "repo-prod")),
        ("prod*", ("prod", "prod-repo", "prodrepo")),
        ("*prod*", NAMES),
        ("prod*repo", ("prod-repo", "prodrepo")),
    ):
        configure(client, rule("SCAN_ON_PUSH", text))
        response = client.batch_get_repository_scanning_configuration(repository_names=NAMES)
        matched = [one for one in response.scanning_configurations if one.applied_scan_filters]

        assert response.failures == ()
        assert {one.repository_name for one in matched} == set(fitting), text


def test_the_most_frequent_rule_wins(client: Any) -> None:
    """Of several matching rules, the most frequent one applies; all their filters are shown."""
    names = ["both", "pushed", "plain", "missing"]
    for name in names[:3]:
        client.create_repository(repository_name=name)
    rules = rule("SCAN_ON_PUSH", "*h*", "pu*"), rule("CONTINUOUS_SCAN", "bo*")
    configure(client, *rules, scan_type="ENHANCED")
    response = client.batch_get_repository_scanning_configuration(repository_names=names)
    both = response.scanning_configurations[0]
    shown = {
        one.repository_name: (
            one.scan_frequency,
            one.scan_on_push,
            [each.filter for each in one.applied_scan_filters],
        )
        for one in response.scanning_configurations
    }
    (failure,) = response.failures

    assert shown == {
        "both": ("CONTINUOUS_SCAN", True, ["*h*", "bo*"]),
        "pushed": ("SCAN_ON_PUSH", True, ["*h*", "pu*"]),
        "plain": ("MANUAL", False, []),
    }
    assert both.repository_arn == "arn:aws:ecr:us-east-1:123456789012:repository/both"
    assert (failure.repository_name, failure.failure_code) == ("missing", "REPOSITORY_NOT_FOUND")
