"""``python -m benchmarks`` measures everything and writes ``benchmarks/results.json``.

``--short`` runs every benchmark once with little work, and checks only that it runs and that the
counters hold, which do not depend on the machine. Each round starts every side in a fresh process,
one after the other, so that what else the machine does hits all alike.
"""

from __future__ import annotations

import argparse
import json
import os
import platform
import statistics
import sys
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks import counters
from benchmarks.cases import CASES, GROWTH, Case
from benchmarks.process import run, server

HERE = Path(__file__).parent
PACKAGES = ("attrs", "boto3", "botocore", "cattrs", "ecr-client", "requests", "urllib3")


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
    """Return medians per side, and ratios to boto3 with the spread over the rounds."""
    medians = {
        side: {name: statistics.median(each[name] for each in found) for name in case.measures}
        for side, found in rounds.items()
        if all(name in found[0] for name in case.measures)
    }
    ratios = {}
    for name, target in case.measures.items():
        pairs = zip(rounds["ecr_client"], rounds["boto3"], strict=True)
        each = sorted(ours[name] / theirs[name] for ours, theirs in pairs if theirs[name])
        if each:
            ratios[name] = {
                "ratio": statistics.median(each),
                "low": each[len(each) // 4],
                "high": each[(3 * len(each)) // 4],
                "target": target,
            }
    return {"title": case.title, "medians": medians, "ratios": ratios, "rounds": len(each)}


def shortened(case: Case) -> Case:
    """Return a case with as little work as shows that it runs."""
    small = {"count": 2, "threads": 2, "calls": 2}
    arguments = {name: small.get(name, value) for name, value in case.arguments.items()}
    return case._replace(arguments=arguments)


def growth(address: str, names: list[str], short: bool) -> dict[str, Any]:
    """Return how CPU time and memory grow with size, for ``ecr_client`` and boto3."""
    result: dict[str, Any] = {}
    for name in names:
        work, unit, points = GROWTH[name]
        points = points[:1] if short else points
        series: dict[str, list[dict[str, float]]] = {"ecr_client": [], "boto3": []}
        for size, path, arguments in points:
            for side, found in series.items():
                runs = [
                    run(side, work, address + path, arguments) for _ in range(1 if short else 3)
                ]
                best = {key: statistics.median(each[key] for each in runs) for key in runs[0]}
                found.append({"size": size, **best})
        result[name] = {"unit": unit, "work": work, "series": series}
    return result


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--short", action="store_true", help="run everything once, write nothing")
    parser.add_argument("--only", nargs="*", help="cases to run", choices=[*CASES, *GROWTH])
    parser.add_argument("--rounds", type=int, help="rounds per case instead of each case's own")
    parser.add_argument("--output", type=Path, default=HERE / "results.json")
    options = parser.parse_args()
    wanted = options.only or [*CASES, *GROWTH]
    results: dict[str, Any] = {
        "command": " ".join(["python -m benchmarks", *sys.argv[1:]]),
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
            for measured, ratio in found["ratios"].items():
                target = f", target {ratio['target']:.2f}" if ratio["target"] else ""
                print(f"{name:24} {measured:14} {ratio['ratio']:6.3f} of boto3{target}", flush=True)
        results["growth"] = growth(
            address, [name for name in GROWTH if name in wanted], options.short
        )
    if options.short:
        return counters.check()
    options.output.write_text(json.dumps(results, indent=1) + "\n", encoding="utf-8")
    print(f"written to {options.output}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
