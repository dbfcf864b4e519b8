"""``python -m benchmarks.report`` makes the tables and plots of the docs from the results."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

from benchmarks.cases import GROWTH_MEASURES, MEASURES, PEERS
from benchmarks.results import IMAGES, RESULTS, read

OUTPUT = Path(__file__).resolve().parent.parent / "docs" / "performance"

#: What the tables call a side.
SIDES = {"ecr_client": "ecr_client", "boto3": "boto3", "capo": "capo-ecr", "bare": "bare parts"}

IMAGE_TITLES = (
    *("work", "wall, s", "ratio to skopeo", "ratio to the bound", "ratio to pull and push"),
    *("ratio of CPU to skopeo", "memory, MiB", "target"),
)


def tables(results: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    packages = ", ".join(f"{name} {text}" for name, text in results["packages"].items())
    titles = [
        "work",
        "measure",
        *SIDES.values(),
        *(f"ratio to {SIDES[peer]}" for peer in PEERS),
        "target",
    ]
    lines = [
        f"Measured with `{results['command']}` on Python {results['python']} "
        f"({results['machine']}; {packages}).",
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    for case in results["cases"].values():
        for measure, figures in case["measures"].items():
            lines.append(f"| {' | '.join(cells(case['title'], measure, figures))} |")
    bounds = [
        f"{case['title']}: {case['measures']['cpu']['medians']['bound'] * 1000:.1f} ms"
        for case in results["cases"].values()
        if "bound" in case["measures"].get("cpu", {}).get("medians", {})
    ]
    if bounds:
        lines += ["", f"The least CPU that these can cost (see the text): {'; '.join(bounds)}."]
    return "\n".join(lines) + "\n"


def cells(title: str, measure: str, figures: dict[str, Any]) -> list[str]:
    """Return the cells of one row."""
    name, unit, factor = MEASURES[measure]
    row = [title, f"{name}, {unit}"]
    for side in SIDES:
        value = figures["medians"].get(side)
        row.append("" if value is None else f"{value * factor:.2f}")
    for peer in PEERS:
        ratio = figures["ratios"].get(peer)
        if ratio is None:
            row.append("")
        else:
            middle, low, high = (shown(ratio[each]) for each in ("ratio", "low", "high"))
            row.append(f"**{middle}** ({low} to {high})")
    target = figures["target"]
    row.append("" if target is None else f"{target:.2f}")
    return row


def image_table(results: dict[str, Any]) -> str:
    """Return the table of whole images as Markdown."""
    lines = [
        f"Measured with `python -m benchmarks.images` on Python {results['python']} "
        f"({results['machine']}; skopeo {results['skopeo']}).",
        "",
        f"| {' | '.join(IMAGE_TITLES)} |",
        "|---" * len(IMAGE_TITLES) + "|",
    ]
    for case in results["cases"].values():
        ratios = case["ratios"]
        cells = [case["title"], f"{case['medians']['ecr_client']['wall']:.2f}"]
        cells += [_ratio(ratios, side, "wall") for side in ("skopeo", "bound", "pull and push")]
        cells += [_ratio(ratios, "skopeo", "cpu"), f"{case['peak_growth'] / 2**20:.0f}"]
        cells.append("" if case["target"] is None else f"{case['target']:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ratio(ratios: dict[str, Any], side: str, measure: str) -> str:
    if side not in ratios:
        return ""
    middle, low, high = (shown(ratios[side][measure][each]) for each in ("ratio", "low", "high"))
    return f"**{middle}** ({low} to {high})"


def shown(ratio: float) -> str:
    """Return a ratio with two decimals, or four if it is small."""
    return f"{ratio:.{2 if ratio >= 0.01 else 4}f}"


def plots(results: dict[str, Any], folder: Path) -> None:
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
                figures = [value * factor for value in points[key]]
                axis.plot(points["size"], figures, marker="o", label=SIDES[side])
            axis.set_xlabel(growth["unit"])
            axis.set_ylabel(f"{title}, {unit}")
            axis.set_xlim(left=0)
            axis.set_ylim(bottom=0)
            axis.legend()
        figure.tight_layout()
        figure.savefig(folder / f"{name}.svg", metadata={"Date": None})
        pyplot.close(figure)


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.report", description=__doc__)
    parser.add_argument("--results", type=Path, default=RESULTS, help="what was measured")
    parser.add_argument("--images", type=Path, default=IMAGES, help="what was measured of images")
    parser.add_argument("--output", type=Path, default=OUTPUT, help="folder to write to")
    options = parser.parse_args()
    results = read(options.results)
    options.output.mkdir(exist_ok=True)
    (options.output / "results.md").write_text(tables(results), encoding="utf-8")
    plots(results, options.output)
    images = image_table(read(options.images))
    (options.output / "images.md").write_text(images, encoding="utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
