"""The table of a soak, as the documentation shows it."""

from __future__ import annotations

import statistics
from typing import Any


def table(results: dict[str, Any]) -> str:
    """Return the results as Markdown."""
    calls, faults, checked = results["calls"], results["faults"], results["checked"]
    faulty = sum(count for kind, count in faults.items() if kind != "none")
    kinds = len(faults) - ("none" in faults)
    errors = ", ".join(f"{count} {name}" for name, count in sorted(results["errors"].items()))
    rows = [
        ("calls", f"{sum(calls.values()):,} of {len(calls)} operations"),
        ("requests with a fault", f"{faulty:,} of {sum(faults.values()):,}, of {kinds} kinds"),
        ("calls that failed nevertheless", errors or "none"),
        (
            "acknowledged writes, read back by digest",
            f"{checked['images']:,} images and {checked['latest']:,} moved tags",
        ),
        (
            "acknowledged deletes, confirmed to be gone",
            f"{checked['gone']:,} images and {checked['repositories_gone']:,} repositories",
        ),
        ("lost, wrong or undocumented", f"**{len(results['problems'])}**"),
    ]
    rows += [(name, _trend(results, name)) for name in results["samples"]]
    lines = [
        f"`{results['command']}` on Python {results['python']} ({results['machine']}): "
        f"{results['threads']} threads share one client for {results['minutes']:g} minutes, "
        f"and {results['rate']:.0%} of the requests meet a fault.",
        "",
        "| what | result |",
        "|---|---|",
        *(f"| {name} | {text} |" for name, text in rows),
    ]
    return "\n".join(lines) + "\n"


def _trend(results: dict[str, Any], name: str) -> str:
    values = [each[name] for each in results["series"]]
    half = len(values) // 2
    first, second = (statistics.fmean(part) for part in (values[:half], values[half:]))
    return (
        f"{first:.1f} on average in the first half, {second:.1f} in the second, "
        f"with a slope of {results['samples'][name]['slope']:+.2f} a minute"
    )
