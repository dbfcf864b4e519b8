"""The table and the plots that the documentation makes of the results when it is built."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from benchmarks.cases import GROWTH_MEASURES, MEASURES
from benchmarks.results import read

#: What the tables call a side.
SIDES = {
    "ecr_client": "ecr_client",
    "boto3": "boto3",
    "aiobotocore": "aiobotocore",
    "capo": "capo-ecr",
    "bare": "bare parts",
}
#: The look of a plot: without scripts, and readable when two stand side by side.
LOOK = {
    "width": 500,
    "height": 340,
    "js": [],
    "legend_at_bottom": True,
    "legend_at_bottom_columns": 2,
}
#: Each has a contrast of more than 5 to a white page, and inverted to a dark one.
COLORS = ("#c5221f", "#1a56db", "#00796b", "#9a5b00")

IMAGE_TITLES = (
    *("work", "wall, s", "ratio to skopeo", "ratio to the bound", "ratio to pull and push"),
    *("ratio of CPU to skopeo", "memory, MiB", "target"),
)


def tables(results: dict[str, Any]) -> str:
    """Return the tables as Markdown."""
    packages = ", ".join(f"{name} {text}" for name, text in results["packages"].items())
    measures = [each for case in results["cases"].values() for each in case["measures"].values()]
    sides = [side for side in SIDES if any(side in each["medians"] for each in measures)]
    wanted = {peer for each in measures for peer in each["targets"]}
    titles = ["work", "measure"]
    for side in sides:
        titles += (
            [SIDES[side], "target"] if side == "ecr_client" and side in wanted else [SIDES[side]]
        )
    for peer in sides[1:]:
        titles += [f"ratio to {SIDES[peer]}", *(["target"] if peer in wanted else [])]
    lines = [
        f"Measured with `{results['command']}` on Python {results['python']} "
        f"({results['machine']}; {packages}).",
        "",
        f"| {' | '.join(titles)} |",
        "|---" * len(titles) + "|",
    ]
    for case in results["cases"].values():
        for measure, figures in case["measures"].items():
            row = cells(case["title"], measure, figures, sides, wanted)
            lines.append(f"| {' | '.join(row)} |")
    bounds = [
        f"{case['title']}: {case['measures']['cpu']['medians']['bound'] * 1000:.1f} ms"
        for case in results["cases"].values()
        if "bound" in case["measures"].get("cpu", {}).get("medians", {})
    ]
    if bounds:
        lines += ["", f"The least CPU that these can cost (see the text): {'; '.join(bounds)}."]
    return "\n".join(lines) + "\n"


def cells(
    title: str, measure: str, figures: dict[str, Any], sides: list[str], wanted: set[str]
) -> list[str]:
    """Return the cells of one row; those who are wanted have a column for their target."""
    name, unit, factor = MEASURES[measure]
    row = [title, f"{name}, {unit}"]
    targets = figures["targets"]
    for side in sides:
        value = figures["medians"].get(side)
        row.append("" if value is None else f"{value * factor:.2f}")
        if side == "ecr_client" and side in wanted:
            row.append(f"{targets[side] * factor:.2f}" if side in targets else "")
    for peer in sides[1:]:
        row.append(_ratio(figures["ratios"].get(peer)))
        if peer in wanted:
            row.append(f"{targets[peer]:.2f}" if peer in targets else "")
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
        cells += [
            _ratio(ratios.get(side, {}).get("wall"))
            for side in ("skopeo", "bound", "pull and push")
        ]
        cells += [_ratio(ratios["skopeo"]["cpu"]), f"{case['peak_growth'] / 2**20:.0f}"]
        cells.append("" if case["target"] is None else f"{case['target']:.2f}")
        lines.append(f"| {' | '.join(cells)} |")
    return "\n".join(lines) + "\n"


def _ratio(ratio: dict[str, float] | None) -> str:
    if ratio is None:
        return ""
    middle, low, high = (shown(ratio[each]) for each in ("ratio", "low", "high"))
    return f"**{middle}** ({low} to {high})"


def shown(ratio: float) -> str:
    """Return a ratio with two decimals, or four if it is small."""
    return f"{ratio:.{2 if ratio >= 0.01 else 4}f}"


def plots(results: dict[str, Any], folder: Path) -> None:
    """Write a plot for each measure of each way in which cost grows."""
    import pygal
    from pygal.style import Style

    # The page is the background.
    style = Style(
        background="transparent",
        plot_background="transparent",
        foreground="#333",
        foreground_strong="#000",
        foreground_subtle="#666",
        colors=COLORS,
    )
    for name, growth in results["growth"].items():
        for measure in GROWTH_MEASURES[growth["work"]]:
            title, unit, factor = MEASURES[measure]
            plot = pygal.XY(
                title=f"{title}, {unit}",
                x_title=growth["unit"],
                x_value_formatter=short,
                truncate_label=-1,
                range=(0, None),
                xrange=(0, max(growth["series"]["ecr_client"]["size"])),
                style=style,
                **LOOK,
            )
            for side, points in growth["series"].items():
                figures = (value * factor for value in points[measure])
                plot.add(SIDES[side], list(zip(points["size"], figures, strict=True)))
            plot.render_to_file(str(folder / f"{name}-{measure}.svg"))


def short(number: float) -> str:
    """Return a number as the axis of a plot has room for it, for example ``20k``."""
    for unit, letter in ((10**6, "M"), (10**3, "k")):
        if number >= unit:
            return f"{number / unit:g}{letter}"
    return f"{number:g}"


def write(folder: Path) -> None:
    """Write the table and the plots of the results into a folder, which is made if necessary."""
    results = read("blocking")
    folder.mkdir(exist_ok=True)
    (folder / "results.md").write_text(tables(results), encoding="utf-8")
    (folder / "asynchronous.md").write_text(tables(read("asynchronous")), encoding="utf-8")
    (folder / "images.md").write_text(image_table(read("images")), encoding="utf-8")
    plots(results, folder)
