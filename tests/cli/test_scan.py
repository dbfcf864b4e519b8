"""``ecr scan``."""

from __future__ import annotations

from typing import Any

import pytest

from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage

FINDINGS = [
    {"name": "CVE-2024-1", "severity": "LOW", "uri": "https://example.org/1"},
    {
        "name": "CVE-2024-2",
        "severity": "HIGH",
        "attributes": [
            {"key": "package_name", "value": "openssl"},
            {"key": "package_version", "value": "3.0\x1b[31m"},
        ],
    },
]
ENHANCED = [
    {
        "severity": "CRITICAL",
        "title": "CVE-2024-3 - zlib",
        "packageVulnerabilityDetails": {
            "vulnerabilityId": "CVE-2024-3",
            "vulnerablePackages": [{"name": "zlib", "version": "1", "fixedInVersion": "2"}],
        },
    }
]


@pytest.fixture
def platform(local_ecr: LocalECR, pushed: RandomImage) -> str:
    """Return the reference of a platform of the image, with findings set for it."""
    digest = pushed.manifests[0].descriptor.digest
    local_ecr.set_findings("team/app", digest, FINDINGS)
    return f"team/app@{digest}"


@pytest.fixture
def scanned(ecr: Any, platform: str) -> str:
    """Scan the platform, and return its reference."""
    assert ecr("scan", "start", platform).status == 0
    assert ecr("scan", "wait", platform).status == 0
    return platform


def test_wait(ecr: Any, platform: str) -> None:
    """A scan is started, awaited and summarized."""
    started = ecr("scan", "start", platform)
    ended = ecr("scan", "wait", platform)

    assert started.out == "IN_PROGRESS\n"
    assert ended.out.splitlines()[1] == "2 findings: 1 HIGH, 1 LOW"


def test_findings(ecr: Any, scanned: str) -> None:
    """The most severe findings come first, and terminal control characters are replaced."""
    table = ecr("scan", "findings", scanned).out.splitlines()
    document = ecr("scan", "findings", scanned, "--output", "json").json

    assert table[1].split() == ["HIGH", "CVE-2024-2", "openssl", "3.0\N{REPLACEMENT CHARACTER}[31m"]
    assert table[2].split() == ["LOW", "CVE-2024-1", "https://example.org/1"]
    assert len(document["imageScanFindings"]["findings"]) == 2


@pytest.mark.parametrize(
    ("severity", "status"), [("CRITICAL", 0), ("HIGH", 6), ("medium", 6), ("UNDEFINED", 6)]
)
def test_fail_on(ecr: Any, scanned: str, severity: str, status: int) -> None:
    """A finding of that severity or above has its own exit status."""
    ended = ecr("scan", "findings", scanned, "--fail-on", severity)

    assert ended.status == status
    assert (" has 1 finding: 1 HIGH\n" in ended.err) == (severity in ("HIGH", "medium"))
    assert "CVE-2024-2" in ended.out


def test_fail_on_without_a_scan(ecr: Any, local_ecr: LocalECR, platform: str) -> None:
    """A missing or failed scan does not pass as one without findings."""
    missing = ecr("scan", "findings", platform, "--fail-on", "HIGH")
    local_ecr.set_findings("team/app", platform.partition("@")[2], status="FAILED")
    ecr("scan", "start", platform)
    failed = ecr("scan", "findings", platform, "--fail-on", "HIGH")

    assert (missing.status, failed.status) == (3, 1)
    assert "start one with 'ecr scan start'" in missing.err
    assert "must be COMPLETE, but is FAILED" in failed.err


def test_enhanced_findings(ecr: Any, local_ecr: LocalECR, scanned: str) -> None:
    """Findings of enhanced scanning are in the same table."""
    local_ecr.set_findings("team/app", scanned.partition("@")[2], enhanced=ENHANCED)
    with local_ecr.client() as client:
        client.put_registry_scanning_configuration(scan_type="ENHANCED")
    table = ecr("scan", "findings", scanned).out.splitlines()

    assert table[1].split() == ["CRITICAL", "CVE-2024-3", "zlib", "1", "2"]


def test_failed_scan(ecr: Any, local_ecr: LocalECR, platform: str) -> None:
    """A failed scan ends the wait with status 3."""
    digest = platform.partition("@")[2]
    local_ecr.set_findings("team/app", digest, status="FAILED", description="no space")
    ecr("scan", "start", platform)
    ended = ecr("scan", "wait", platform)

    assert ended.status == 3
    assert "FAILED" in ended.err
