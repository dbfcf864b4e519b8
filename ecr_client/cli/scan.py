"""``ecr scan``: vulnerabilities of images."""

from __future__ import annotations

from typing import Any

import click

from ecr_client.cli.errors import FINDINGS, CommandError
from ecr_client.cli.options import Group, Options, group, image_members, timeout_option
from ecr_client.cli.output import merged
from ecr_client.cli.tables import Column, Table, number

command: Group = group("scan", "Scan images, and show the findings.")

#: The lowest first. An unknown severity ranks above all of them.
_SEVERITIES = ("UNDEFINED", "INFORMATIONAL", "LOW", "MEDIUM", "HIGH", "CRITICAL")
_STYLES: dict[str, dict[str, Any]] = {
    "CRITICAL": {"fg": "red", "bold": True},
    "HIGH": {"fg": "red"},
    "MEDIUM": {"fg": "magenta"},
}


class _Severity(click.Choice[str]):
    """A severity, in upper or lower case."""

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the severity in upper case."""
        return super().convert(str(value).upper(), param, ctx)


@command.command("start")
@click.argument("reference")
@click.pass_obj
def start(options: Options, reference: str) -> None:
    """Start a scan of an image."""
    with options.find(reference) as (client, found):
        document = merged([client.start_image_scan(**image_members(found))])
    options.show(document, lambda: _status(document))


@command.command("wait")
@click.argument("reference")
@timeout_option
@click.pass_obj
def wait(options: Options, reference: str, timeout: float) -> None:
    """Wait until the scan of an image is complete."""
    with options.find(reference) as (client, found):
        result = client.wait_until_image_scan_complete(**image_members(found), max_wait=timeout)
    document = merged([result])
    options.show(document, lambda: f"{_status(document)}\n{_summary(_counts(document))}")


@command.command("findings")
@click.argument("reference")
@click.option(
    "--fail-on",
    type=_Severity(_SEVERITIES[::-1]),
    metavar="SEVERITY",
    help="Exit with status 6 if there is a finding of this severity or a higher one: "
    f"{', '.join(_SEVERITIES[:0:-1])}.",
)
@click.pass_obj
def findings(options: Options, reference: str, fail_on: str | None) -> None:
    """Show the findings of the last scan, the most severe first."""
    with options.find(reference) as (client, found):
        members = image_members(found)
        document = merged(client.paginate_describe_image_scan_findings(**members).pages())
    status = document.get("imageScanStatus", {}).get("status")
    if fail_on is not None and status not in ("COMPLETE", "ACTIVE"):
        raise CommandError(
            f"the scan of {reference} must be COMPLETE, but is {status}; see 'ecr scan wait --help'"
        )
    counts = _counts(document)
    options.show(document, lambda: _table(document, counts))
    if fail_on is not None:
        severe = {
            severity: count
            for severity, count in counts.items()
            if count and _rank(severity) >= _rank(fail_on)
        }
        if severe:
            raise CommandError(f"{reference} has {_summary(severe)}", FINDINGS)


def _status(document: dict[str, Any]) -> str:
    status = document.get("imageScanStatus", {})
    return ": ".join(filter(None, (status.get("status"), status.get("description"))))


def _found(document: dict[str, Any]) -> list[dict[str, Any]]:
    found = document.get("imageScanFindings", {})
    return [*found.get("findings", []), *found.get("enhancedFindings", [])]


def _counts(document: dict[str, Any]) -> dict[str, int]:
    """Return how many findings there are of each severity, the highest first."""
    reported = document.get("imageScanFindings", {}).get("findingSeverityCounts", {})
    listed: dict[str, int] = {}
    for each in _found(document):
        severity = each.get("severity", "UNDEFINED")
        listed[severity] = listed.get(severity, 0) + 1
    names = sorted({*reported, *listed}, key=_rank, reverse=True)
    return {name: max(reported.get(name, 0), listed.get(name, 0)) for name in names}


def _rank(severity: str) -> int:
    return _SEVERITIES.index(severity) if severity in _SEVERITIES else len(_SEVERITIES)


def _summary(counts: dict[str, int]) -> str:
    if not any(counts.values()):
        return "no findings"
    total = number(sum(counts.values()), "finding")
    return f"{total}: {', '.join(f'{count} {severity}' for severity, count in counts.items())}"


def _table(document: dict[str, Any], counts: dict[str, int]) -> Table:
    ordered = sorted(_found(document), key=lambda each: -_rank(each.get("severity", "UNDEFINED")))
    return Table(
        [
            Column("SEVERITY", styles=_STYLES),
            Column("NAME"),
            Column("PACKAGE", cut="end"),
            Column("VERSION", cut="end"),
            Column("FIXED IN", cut="end"),
            Column("LINK", spare=True),
        ],
        [_row(each) for each in ordered],
        footer=_summary(counts),
    )


def _row(finding: dict[str, Any]) -> tuple[str, ...]:
    severity = finding.get("severity", "UNDEFINED")
    details = finding.get("packageVulnerabilityDetails")
    if details is not None:  # of enhanced scanning
        package: dict[str, str] = next(iter(details.get("vulnerablePackages", [])), {})
        return (
            severity,
            details.get("vulnerabilityId") or finding.get("title", ""),
            package.get("name", ""),
            package.get("version", ""),
            package.get("fixedInVersion", ""),
            details.get("sourceUrl", ""),
        )
    attributes = {each["key"]: each.get("value", "") for each in finding.get("attributes", [])}
    return (
        severity,
        finding.get("name") or finding.get("title", ""),
        attributes.get("package_name", ""),
        attributes.get("package_version", ""),
        "",
        finding.get("uri", ""),
    )
