"""Treemaps of the storage that repositories and images take: areas in proportion to bytes."""

from __future__ import annotations

import colorsys
from html import escape
from typing import TYPE_CHECKING, Any, NamedTuple

from ecr_client.cli.errors import CommandError
from ecr_client.cli.tables import size

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

_WIDTH, _HEIGHT = 1200.0, 750.0
_FONT = 12
_HEADING = 20.0
_GAP = 2.0
#: The width of a character, about, in a font of that size.
_CHARACTER = 0.6 * _FONT


class Area(NamedTuple):
    """A rectangle; lengths are in pixels."""

    x: float
    y: float
    width: float
    height: float

    def inside(self, gap: float, heading: float = 0.0) -> Area:
        """Return the area within a margin and below a heading."""
        return Area(
            self.x + gap,
            self.y + gap + heading,
            max(0.0, self.width - 2 * gap),
            max(0.0, self.height - 2 * gap - heading),
        )


class Box(NamedTuple):
    """A rectangle to be drawn.

    Attributes:
        area: Where it is.
        label: What is written in it, as far as there is room.
        title: What it stands for, in full.
        color: What it is filled with, ``#rrggbb``.
    """

    area: Area
    label: str
    title: str
    color: str

    @property
    def shown(self) -> str:
        """The part of the label for which there is room."""
        room = int((self.area.width - 8) / _CHARACTER)
        if self.area.height < _FONT + 4 or room < 3:
            return ""
        return self.label if len(self.label) <= room else f"{self.label[: room - 1]}…"


def lay_out(document: dict[str, Any]) -> list[Box]:
    """Return the boxes of a treemap.

    Each repository has a box with a heading, and in it one for the unshared bytes of each image,
    and one for the layers that several images share.

    Args:
        document: What ``ecr usage`` prints as JSON.
    """
    repositories = [each for each in document["repositories"] if each["sizeInBytes"]]
    whole = Area(0, 0, _WIDTH, _HEIGHT)
    areas = squarify([each["sizeInBytes"] for each in repositories], whole)
    boxes: list[Box] = []
    for at, (repository, area) in enumerate(zip(repositories, areas, strict=True)):
        hue = at * 0.381966 % 1  # the golden ratio: neighbours are far apart
        name, total = repository["repositoryName"], size(repository["sizeInBytes"])
        label = f"{name}  {total}"
        boxes.append(Box(area.inside(_GAP / 2), label, f"{name}: {total}", _color(hue, 0.80)))
        parts = _parts(repository)
        inner = area.inside(_GAP, _HEADING)
        for part, place in zip(parts, squarify([count for _, count in parts], inner), strict=True):
            title = f"{name}: {part[0]}, {size(part[1])}"
            boxes.append(
                Box(place.inside(_GAP / 2), f"{part[0]}  {size(part[1])}", title, _color(hue, 0.9))
            )
    return boxes


def _parts(repository: dict[str, Any]) -> list[tuple[str, int]]:
    found = [
        (", ".join(image["imageTags"]) or image["imageDigest"][:19], image["unsharedSizeInBytes"])
        for image in repository["images"]
    ]
    shared = repository["sizeInBytes"] - sum(count for _, count in found)
    parts = [*found, ("shared layers", shared)]
    return sorted((part for part in parts if part[1]), key=lambda part: -part[1])


def squarify(sizes: Sequence[float], area: Area) -> list[Area]:
    """Return an area for each size, in proportion to it and as square as it can be.

    Bruls, Huizing, van Wijk: Squarified Treemaps (2000).

    Args:
        sizes: Above 0, the largest first.
        area: What is divided.
    """
    total = sum(sizes)
    if not total or not area.width or not area.height:
        return [Area(area.x, area.y, 0, 0) for _ in sizes]
    scale = area.width * area.height / total
    left = [each * scale for each in sizes]
    found: list[Area] = []
    while left:
        side = min(area.width, area.height)
        count = 1
        while count < len(left) and _worst(left[: count + 1], side) <= _worst(left[:count], side):
            count += 1
        row, left = left[:count], left[count:]
        thickness = sum(row) / side if side else 0.0
        position = 0.0
        for each in row:
            length = each / thickness if thickness else 0.0
            if area.width >= area.height:
                found.append(Area(area.x, area.y + position, thickness, length))
            else:
                found.append(Area(area.x + position, area.y, length, thickness))
            position += length
        if area.width >= area.height:
            rest = max(0.0, area.width - thickness)
            area = Area(area.x + thickness, area.y, rest, area.height)
        else:
            rest = max(0.0, area.height - thickness)
            area = Area(area.x, area.y + thickness, area.width, rest)
    return found


def _worst(row: Sequence[float], side: float) -> float:
    """Return the worst ratio of the sides of some areas in one row."""
    total = sum(row)
    if not total or not side:
        return float("inf")
    return max(side**2 * max(row) / total**2, total**2 / (side**2 * min(row)))


def _color(hue: float, lightness: float) -> str:
    return "#" + "".join(
        f"{round(255 * part):02x}" for part in colorsys.hls_to_rgb(hue, lightness, 0.55)
    )


def to_svg(boxes: Iterable[Box]) -> str:
    """Return a treemap as SVG; pointing at a box shows its title."""
    lines = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH:.0f} {_HEIGHT:.0f}"'
        f' font-family="sans-serif" font-size="{_FONT}" fill="#1f2328">'
    ]
    for box in boxes:
        area = box.area
        lines.append(
            f'<g><title>{escape(box.title)}</title><rect x="{area.x:.1f}" y="{area.y:.1f}"'
            f' width="{area.width:.1f}" height="{area.height:.1f}" fill="{box.color}"/>'
        )
        if box.shown:
            place = f'x="{area.x + 4:.1f}" y="{area.y + _FONT + 2:.1f}"'
            lines.append(f"<text {place}>{escape(box.shown)}</text>")
        lines.append("</g>")
    return "\n".join([*lines, "</svg>", ""])


def write_png(boxes: Iterable[Box], path: Path) -> None:
    """Write a treemap as a PNG file.

    Raises:
        CommandError: Pillow is missing.
    """
    try:
        from PIL import Image, ImageDraw, ImageFont
    except ModuleNotFoundError:
        raise CommandError(
            "Pillow is missing; install it with: python -m pip install 'ecr-client[cli]'"
        ) from None
    image = Image.new("RGB", (int(_WIDTH), int(_HEIGHT)), "white")
    draw, font = ImageDraw.Draw(image), ImageFont.load_default(_FONT)
    for box in boxes:
        x, y, width, height = box.area
        if width < 1 or height < 1:
            continue
        draw.rectangle((x, y, x + width - 1, y + height - 1), fill=box.color)
        if box.shown:
            draw.text((x + 4, y + 2), box.shown, fill="#1f2328", font=font)
    image.save(path, "PNG")
