"""Scan an image, wait for the result, and fail if it has critical findings, as a gate in CI.

    python examples/scan_gate.py team/app 1.0 --severity CRITICAL HIGH

The exit status is 1 if there are such findings. A scan that fails raises, so that it does not pass
for a clean one.

Permissions: ecr:StartImageScan (basic scanning), ecr:DescribeImageScanFindings
"""

import sys
from argparse import ArgumentParser, RawDescriptionHelpFormatter
from collections.abc import Collection

from ecr_client import ECRClient
from ecr_client.exceptions import LimitExceededException, ValidationException
from ecr_client.models import EnhancedImageScanFinding, ImageIdentifier, ImageScanFinding

Finding = ImageScanFinding | EnhancedImageScanFinding


def main(
    client: ECRClient, repository: str, tag: str, severities: Collection[str] = ("CRITICAL",)
) -> list[Finding]:
    """Print the findings of some severities, and return them."""
    image = ImageIdentifier(image_tag=tag)
    try:
        client.start_image_scan(repository_name=repository, image_id=image)
    except (LimitExceededException, ValidationException) as error:
        # It was scanned today, or is scanned continuously.
        print(f"no new scan: {error.error_message}")
    result = client.wait_until_image_scan_complete(
        repository_name=repository, image_id=image, max_wait=600
    )
    print(f"scan: {result.image_scan_status.status if result.image_scan_status else 'unknown'}")
    findings = client.paginate_describe_image_scan_findings(
        repository_name=repository, image_id=image
    )
    serious = [finding for finding in findings if finding.severity in severities]
    for finding in serious:
        # Amazon Inspector gives titles, basic scanning gives names.
        name = finding.name if isinstance(finding, ImageScanFinding) else finding.title
        print(f"{finding.severity} {name}")
    return serious


if __name__ == "__main__":
    parser = ArgumentParser(description=__doc__, formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("repository")
    parser.add_argument("tag")
    parser.add_argument("--severity", nargs="+", default=["CRITICAL"])
    given = parser.parse_args()
    with ECRClient() as client:
        sys.exit(1 if main(client, given.repository, given.tag, given.severity) else 0)
