"""Runs cases in rounds, and compares the sides within each: what all comparisons have in common."""

from __future__ import annotations

import argparse
import math
import os
import platform
import statistics
from collections.abc import Iterable, Mapping
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.cases import MEASURES, WITHOUT_RATIO, Case
from benchmarks.process import run
from benchmarks.results import RESULTS


def options(command: str, description: str | None, choices: Iterable[str]) -> argparse.Namespace:
    """Return the options of a command, with the names of what is wanted as ``only``."""
    parser = argparse.ArgumentParser(prog=command, description=description)
    parser.add_argument("--short", action="store_true", help="run everything once, write nothing")
    parser.add_argument("--only", nargs="*", help="cases to run", choices=[*choices])
    parser.add_argument("--rounds", type=int, help="rounds per case instead of each case's own")
    parser.add_argument("--output", type=Path, default=RESULTS)
    chosen = parser.parse_args()
    # The command is recorded with the results, without the path of the output.
    chosen.command = command + (f" --only {' '.join(chosen.only)}" if chosen.only else "")
    chosen.only = chosen.only or [*choices]
    return chosen


def machine() -> dict[str, str]:
    """Return the Python and the machine that everything runs on."""
    return {
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
    }


def compare(
    chosen: argparse.Namespace, cases: Mapping[str, Case], packages: Iterable[str], address: str
) -> dict[str, Any]:
    """Return the results of all cases that are wanted, and print them on the way."""
    results: dict[str, Any] = {
        "command": chosen.command,
        **machine(),
        "packages": {name: version(name) for name in packages},
        "cases": {},
    }
    for name, case in cases.items():
        if name not in chosen.only:
            continue
        if chosen.short:
            case = shortened(case)
        rounds = measure(case, address, 1 if chosen.short else chosen.rounds or case.rounds)
        results["cases"][name] = found = summary(case, rounds)
        for measured, figures in found["measures"].items():
            print(f"{name:24} {measured:14} {described(measured, figures)}", flush=True)
    return results


def measure(case: Case, address: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return, for each side, what each round measured; the sides take turns."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in case.sides}
    for number in range(rounds):
        # Every round begins with another side, so that none always profits from a warm cache.
        start = number % len(case.sides)
        for side in case.sides[start:] + case.sides[:start]:
            url = address + case.path
            found[side].append(run(side, case.work, url, case.arguments, case.worker))
    return found


def summary(case: Case, rounds: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return, for each measure, the median of each side, and the ratios to each peer."""
    measures = {}
    for name, targets in case.measures.items():
        figures = {
            side: [each[name] for each in found]
            for side, found in rounds.items()
            if name in found[0]
        }
        measures[name] = {
            "targets": targets,
            "medians": {side: statistics.median(each) for side, each in figures.items()},
            "ratios": {
                peer: spread(figures["ecr_client"], figures[peer])
                for peer in case.peers
                if name not in WITHOUT_RATIO and peer in figures
            },
        }
    return {
        "title": case.title,
        "rounds": len(rounds["ecr_client"]),
        "measures": measures,
    }


def spread(ours: list[float], theirs: list[float]) -> dict[str, float]:
    """Return the median of the ratios of all rounds, and the range of the middle half of them."""
    # The kernel may count a few milliseconds of CPU as none, which only short runs take.
    each = sorted(
        our / their if their else math.inf for our, their in zip(ours, theirs, strict=True)
    )
    return {
        "ratio": statistics.median(each),
        "low": each[len(each) // 4],
        "high": each[(3 * len(each)) // 4],
    }


def described(measure: str, figures: dict[str, Any]) -> str:
    """Return a measure as one line: what `ecr_client` needs, and the ratio to each peer."""
    _, unit, factor = MEASURES[measure]
    targets = figures["targets"]
    parts = []
    for side, median in figures["medians"].items():
        own = f"{median * factor:.2f} {unit}"
        ratio = figures["ratios"].get(side)
        limit = targets.get(side)
        if ratio is None:
            wanted = "" if limit is None else f" (target {limit * factor:g} {unit})"
            parts.append(f"{side} {own}{wanted}")
        else:
            wanted = "" if limit is None else f" (target {limit:.2f})"
            parts.append(f"{ratio['ratio']:.3f} of {side}'s {own}{wanted}")
    return ", ".join(parts)


def shortened(case: Case) -> Case:
    """Return a case with as little work as shows that it runs."""
    small = {"count": 2, "threads": 2, "tasks": 2, "calls": 2}
    arguments = {name: small.get(name, value) for name, value in case.arguments.items()}
    return case._replace(arguments=arguments)
