"""``python -m benchmarks`` measures everything and writes ``benchmarks/results.json``.

``--short`` runs every benchmark once with little work, and checks only that it runs and that the
counters hold, which do not depend on the machine. Each round starts every side in a fresh process,
one after the other, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import counters
from benchmarks.cases import CASES, GROWTH, GROWTH_MEASURES, MEASURES, PEERS, WITHOUT_RATIO, Case
from benchmarks.process import run, server
from benchmarks.results import RESULTS, write

PACKAGES = (
    *("attrs", "boto3", "botocore", "capo-ecr", "cattrs", "ecr-client", "requests", "urllib3"),
    "zapros",
)


def measure(case: Case, address: str, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return, for each side, what each round measured; the sides take turns."""
    found: dict[str, list[dict[str, float]]] = {side: [] for side in case.sides}
    for number in range(rounds):
        # Every round begins with another side, so that none always profits from a warm cache.
        start = number % len(case.sides)
        for side in case.sides[start:] + case.sides[:start]:
            found[side].append(run(side, case.work, address + case.path, case.arguments))
    return found


def summary(case: Case, rounds: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return, for each measure, the median of each side, and the ratios to each peer."""
    measures = {}
    for name, target in case.measures.items():
        figures = {
            side: [each[name] for each in found]
            for side, found in rounds.items()
            if name in found[0]
        }
        measures[name] = {
            "target": target,
            "medians": {side: statistics.median(each) for side, each in figures.items()},
            "ratios": {
                peer: spread(figures["ecr_client"], figures[peer])
                for peer in PEERS
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
    each = sorted(our / their for our, their in zip(ours, theirs, strict=True))
    return {
        "ratio": statistics.median(each),
        "low": each[len(each) // 4],
        "high": each[(3 * len(each)) // 4],
    }


def described(measure: str, figures: dict[str, Any]) -> str:
    """Return a measure as one line: what `ecr_client` needs, and the ratio to each peer."""
    _, unit, factor = MEASURES[measure]
    parts = [f"{figures['medians']['ecr_client'] * factor:8.2f} {unit}"]
    for peer in PEERS:
        if peer in figures["ratios"]:
            parts.append(f"{figures['ratios'][peer]['ratio']:6.3f} of {peer}")
        elif peer in figures["medians"]:
            parts.append(f"{peer} {figures['medians'][peer] * factor:.2f} {unit}")
    if figures["target"]:
        parts.append(f"target {figures['target']:.2f} of boto3")
    return ", ".join(parts)


def shortened(case: Case) -> Case:
    """Return a case with as little work as shows that it runs."""
    small = {"count": 2, "threads": 2, "calls": 2}
    arguments = {name: small.get(name, value) for name, value in case.arguments.items()}
    return case._replace(arguments=arguments)


def growth(address: str, names: list[str], short: bool) -> dict[str, Any]:
    """Return how time and memory grow with size, for ``ecr_client`` and boto3."""
    result: dict[str, Any] = {}
    for name in names:
        work, unit, points = GROWTH[name]
        points = points[:1] if short else points
        measures = GROWTH_MEASURES[work]
        series: dict[str, dict[str, list[float]]] = {
            side: {"size": [], **{measure: [] for measure in measures}}
            for side in ("ecr_client", "boto3")
        }
        for size, path, arguments in points:
            for side, found in series.items():
                runs = [
                    run(side, work, address + path, arguments) for _ in range(1 if short else 3)
                ]
                found["size"].append(size)
                for measure in measures:
                    found[measure].append(statistics.median(each[measure] for each in runs))
        result[name] = {"unit": unit, "work": work, "series": series}
    return result


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="run everything once, write nothing")
    parser.add_argument("--only", nargs="*", help="cases to run", choices=[*CASES, *GROWTH])
    parser.add_argument("--rounds", type=int, help="rounds per case instead of each case's own")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    wanted = options.only or [*CASES, *GROWTH]
    results: dict[str, Any] = {
        # Where the results go is nobody's business.
        "command": "python -m benchmarks" + (f" --only {' '.join(wanted)}" if options.only else ""),
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "packages": {name: version(name) for name in PACKAGES},
        "cases": {},
    }
    with server() as address:
        for name in CASES:
            if name not in wanted:
                continue
            case = shortened(CASES[name]) if options.short else CASES[name]
            rounds = measure(case, address, 1 if options.short else options.rounds or case.rounds)
            results["cases"][name] = found = summary(case, rounds)
            for measured, figures in found["measures"].items():
                print(f"{name:24} {measured:14} {described(measured, figures)}", flush=True)
        results["growth"] = growth(
            address, [name for name in GROWTH if name in wanted], options.short
        )
    if options.short:
        return counters.check()
    write(results, options.output)
    print(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
