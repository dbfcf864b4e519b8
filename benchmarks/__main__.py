"""``python -m benchmarks`` measures everything and writes ``benchmarks/results.json``.

``--short`` runs every benchmark once with a small workload, and checks only that it runs and that
the counters hold, which do not depend on the machine. Each round starts every side in a fresh
process, one after the other, so that other load on the machine affects all sides alike.
"""

from __future__ import annotations

import statistics
import sys
from typing import Any

from benchmarks import counters
from benchmarks.cases import CASES, GROWTH, GROWTH_MEASURES
from benchmarks.process import run, server
from benchmarks.results import write
from benchmarks.rounds import compare, options

PACKAGES = (
    *("attrs", "boto3", "botocore", "capo-ecr", "cattrs", "ecr-client", "requests", "urllib3"),
    "zapros",
)


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
    chosen = options("python -m benchmarks", __doc__, [*CASES, *GROWTH])
    with server() as address:
        results = compare(chosen, CASES, PACKAGES, address)
        wanted = [name for name in GROWTH if name in chosen.only]
        results["growth"] = growth(address, wanted, chosen.short)
    if chosen.short:
        return counters.check()
    write("blocking", results, chosen.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
