"""``python -m benchmarks.report`` makes the tables and plots of the docs from the results."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
RESULTS = ROOT / "benchmarks" / "results.json"
OUTPUT = ROOT / "docs" / "performance"

#: What a measure is called, what its unit is, and by how much a figure is multiplied for it.
MEASURES = {
    "process_cpu": ("CPU, whole process", "ms", 1000.0),
    "process_wall": ("wall, whole process", "ms", 1000.0),
    "cpu": ("CPU", "ms", 1000.0),
    "wall": ("wall", "ms", 1000.0),
    "rss": ("memory of the process", "MiB", 1 / 2**20),
    "rss_growth": ("growth of the process", "MiB", 1 / 2**20),
    "peak_per_part": ("peak above the part", "x the part", 1.0),
    "peak": ("peak of the process", "MiB", 1 / 2**20),
}
#: What is plotted of each work: time and memory.
GROWTH_MEASURES = {
    "repeat": ("cpu", "peak"),
    "paging": ("cpu", "rss_growth"),
    "upload": ("cpu", "peak_per_part"),
    "threads": ("wall", "peak"),
}


def tables(results: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    packages = ", ".join(f"{name} {text}" for name, text in results["packages"].items())
    lines = [
        f"Measured with `{results['command']}` on Python {results['python']} "
        f"({results['machine']}; {packages}).",
        "",
        "| work | measure | ecr_client | boto3 | bare parts | ratio | middle half | target |",
        "|---|---|---|---|---|---|---|---|",
    ]
    for case in results["cases"].values():
        for measure, ratio in case["ratios"].items():
            name, unit, factor = MEASURES[measure]
            cells = [case["title"], f"{name}, {unit}"]
            for side in ("ecr_client", "boto3", "bare"):
                value = case["medians"].get(side, {}).get(measure)
                cells.append("" if value is None else f"{value * factor:.2f}")
            # What hardly grows at all has no ratio worth telling.
            if measure == "rss_growth":
                cells += ["", "", ""]
            else:
                target = ratio["target"]
                cells.append(f"**{ratio['ratio']:.2f}**")
                cells.append(f"{ratio['low']:.2f} to {ratio['high']:.2f}")
                cells.append("" if target is None else f"{target:.2f}")
            lines.append(f"| {' | '.join(cells)} |")
    bound = results["cases"].get("upload", {}).get("medians", {}).get("bound")
    if bound:
        lines += [
            "",
            f"The least that the upload can cost (see the text): {bound['cpu'] * 1000:.1f} ms.",
        ]
    return "\n".join(lines) + "\n"


def plots(results: dict[str, Any]) -> None:
    """Write one picture for each way in which cost grows."""
    import matplotlib as mpl

    mpl.use("svg")
    # The same results give the same file.
    mpl.rcParams["svg.hashsalt"] = "ecr_client"
    from matplotlib import pyplot

    for name, growth in results["growth"].items():
        figure, axes = pyplot.subplots(1, 2, figsize=(9, 3.2))
        for axis, key in zip(axes, GROWTH_MEASURES[growth["work"]], strict=True):
            title, unit, factor = MEASURES[key]
            for side, points in growth["series"].items():
                axis.plot(
                    [point["size"] for point in points],
                    [point[key] * factor for point in points],
                    marker="o",
                    label=side,
                )
            axis.set_xlabel(growth["unit"])
            axis.set_ylabel(f"{title}, {unit}")
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            axis.legend()
        figure.tight_layout()
        figure.savefig(OUTPUT / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


def main() -> int:
    """Write everything."""
    results = json.loads(RESULTS.read_text(encoding="utf-8"))
    OUTPUT.mkdir(exist_ok=True)
    (OUTPUT / "results.md").write_text(tables(results), encoding="utf-8")
    plots(results)
    return 0


if __name__ == "__main__":
    sys.exit(main())
