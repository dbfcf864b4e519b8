"""Tables for terminals and for pipes."""

from __future__ import annotations

import os
import shutil
import sys
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple

import click

from ecr_client.cli.errors import printable

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_SHORTEST = 8
_BETWEEN = "  "
_UNITS = ("B", "KiB", "MiB", "GiB", "TiB", "PiB")


class Column(NamedTuple):
    """A column of a table.

    Attributes:
        title: Its heading; a table whose titles are all empty has none.
        right: Whether it is aligned to the right, as numbers are.
        cut: Whether its cells are shortened if the terminal is too narrow.
        colours: The colours of some values, by names that suit dark and light terminals.
    """

    title: str
    right: bool = False
    cut: bool = False
    colours: Mapping[str, str] = {}


class Table(NamedTuple):
    """Rows below headings.

    Attributes:
        columns: The columns.
        rows: A cell for each column.
        footer: A line below the rows.
    """

    columns: Sequence[Column]
    rows: Sequence[Sequence[str]]
    footer: str = ""


def render_table(table: Table) -> str:
    """Return a table as text: as wide as the terminal if there is one, else as it needs to be."""
    rows = [[printable(cell) for cell in row] for row in table.rows]
    widths = [
        max([len(column.title), *(len(row[at]) for row in rows)])
        for at, column in enumerate(table.columns)
    ]
    if sys.stdout.isatty():
        _narrow(table.columns, widths, shutil.get_terminal_size().columns)
    coloured = has_colours()
    lines = []
    titles = [column.title for column in table.columns]
    if any(titles):
        heading = _line(table.columns, widths, titles)
        lines.append(click.style(heading, bold=True) if coloured else heading)
    lines += [_line(table.columns, widths, row, coloured) for row in rows]
    return "\n".join([*lines, table.footer] if table.footer else lines)


def _narrow(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Make the widest columns narrower, one character at a time, until all have room."""
    cuttable = [at for at, column in enumerate(columns) if column.cut]
    while sum(widths) + len(_BETWEEN) * (len(widths) - 1) > room and cuttable:
        widest = max(cuttable, key=lambda at: widths[at])
        if widths[widest] <= _SHORTEST:
            return
        widths[widest] -= 1


def _line(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str], coloured: bool = False
) -> str:
    found = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        shown = cell if len(cell) <= width else f"{cell[: width - 1]}…"
        text = shown.rjust(width) if column.right else shown.ljust(width)
        colour = column.colours.get(cell) if coloured else None
        found.append(click.style(text, fg=colour) if colour else text)
    return _BETWEEN.join(found).rstrip()


def has_colours() -> bool:
    """Return whether stdout is a terminal that shows colours, and nobody objects to them."""
    is_dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_dumb and not os.environ.get("NO_COLOR")


def pairs(values: Mapping[str, str]) -> Table:
    """Return a table of names and values, without those that are empty."""
    rows = [(name, value) for name, value in values.items() if value]
    return Table([Column(""), Column("")], rows)


def size(count: int | None) -> str:
    """Return a number of bytes for people."""
    if count is None:
        return ""
    number = float(count)
    for unit in _UNITS[:-1]:
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {_UNITS[-1]}"


def time(text: str | None) -> str:
    """Return a time of a document for people."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else ""


def number(count: int, noun: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
