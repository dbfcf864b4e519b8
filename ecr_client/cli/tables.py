"""Tables for terminals and for pipes."""

from __future__ import annotations

import os
import shutil
import sys
import textwrap
from datetime import datetime
from typing import TYPE_CHECKING, Any, Literal, NamedTuple

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
        cut: Where its cells are shortened if the terminal is too narrow: at the end, or in the
            middle, if the ends of the values tell them apart.
        spare: Whether it is left out, before cells are shortened, if the terminal is too narrow.
        styles: How some values are shown, in the arguments of `click.style`. Colors are those that
            can be read on black and on white: red and magenta, but not yellow, green or blue.
    """

    title: str
    right: bool = False
    cut: Literal["end", "middle"] | None = None
    spare: bool = False
    styles: Mapping[str, Mapping[str, Any]] = {}


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
    """Return a table as lines: as wide as the terminal if there is one, else as wide as needed."""
    columns = table.columns
    rows = [[printable(cell) for cell in row] for row in table.rows]
    widths = [
        max([len(column.title), *(_width(row[at]) for row in rows)])
        for at, column in enumerate(columns)
    ]
    footer = table.footer
    if sys.stdout.isatty():
        room = shutil.get_terminal_size().columns
        shown = _fitting(columns, rows, widths, room)
        columns = [columns[at] for at in shown]
        widths = [widths[at] for at in shown]
        rows = [[row[at] for at in shown] for row in rows]
        _narrow(columns, widths, room)
        footer = "\n".join(textwrap.wrap(footer, room))
    colored = has_colors()
    lines = []
    titles = [column.title for column in columns]
    if any(titles):
        heading = _line(columns, widths, titles)
        lines.append(click.style(heading, bold=True) if colored else heading)
    lines += [_line(columns, widths, row, colored) for row in rows]
    return "\n".join([*lines, footer] if footer else lines)


def _fitting(
    columns: Sequence[Column], rows: Sequence[Sequence[str]], widths: Sequence[int], room: int
) -> list[int]:
    """Return which columns are shown: all, or without empty and then spare ones to save room."""
    shown = list(range(len(columns)))
    spare = [at for at in shown if columns[at].spare]
    empty = [at for at in shown if rows and not any(row[at] for row in rows)]
    dispensable = [*spare, *empty]
    while _total([widths[at] for at in shown]) > room and dispensable:
        leaving = dispensable.pop()
        if leaving in shown:
            shown.remove(leaving)
    return shown


def _narrow(columns: Sequence[Column], widths: list[int], room: int) -> None:
    """Make the widest columns narrower, one character at a time, until all have room."""
    cuttable = [at for at, column in enumerate(columns) if column.cut]
    while _total(widths) > room and cuttable:
        widest = max(cuttable, key=lambda at: widths[at])
        if widths[widest] <= _SHORTEST:
            return
        widths[widest] -= 1


def _total(widths: Sequence[int]) -> int:
    return sum(widths) + len(_BETWEEN) * (len(widths) - 1)


def _line(
    columns: Sequence[Column], widths: Sequence[int], cells: Sequence[str], colored: bool = False
) -> str:
    found = []
    for column, width, cell in zip(columns, widths, cells, strict=True):
        shown = _cut(cell, width, column.cut)
        padding = " " * (width - _width(shown))
        style = column.styles.get(cell) if colored else None
        text = click.style(shown, **style) if style else shown
        found.append(f"{padding}{text}" if column.right else f"{text}{padding}")
    return _BETWEEN.join(found).rstrip()


def _width(text: str) -> int:
    """Return how many columns of a terminal a string takes."""
    if text.isascii():
        return len(text)
    from rich.cells import cell_len

    return cell_len(text)


def _cut(text: str, width: int, where: str | None) -> str:
    if _width(text) <= width:
        return text
    if where == "middle" and text.isascii():
        tail = (width - 1) // 2
        return f"{text[: width - 1 - tail]}…{text[len(text) - tail :]}"
    if text.isascii():
        return f"{text[: width - 1]}…"
    from rich.cells import set_cell_size

    return f"{set_cell_size(text, width - 1)}…"


def has_colors() -> bool:
    """Return whether stdout is a terminal that shows colors, and ``NO_COLOR`` is not set."""
    is_dumb = os.environ.get("TERM") == "dumb"
    return sys.stdout.isatty() and not is_dumb and not os.environ.get("NO_COLOR")


def pairs(values: Mapping[str, str]) -> Table:
    """Return a table of names and values, without those that are empty."""
    rows = [(name, value) for name, value in values.items() if value]
    return Table([Column(""), Column("")], rows)


def size(count: int | None) -> str:
    """Return a number of bytes in human-readable form."""
    if count is None:
        return ""
    number = float(count)
    for unit in _UNITS[:-1]:
        if number < 1024:
            return f"{number:.0f} {unit}" if unit == "B" else f"{number:.1f} {unit}"
        number /= 1024
    return f"{number:.1f} {_UNITS[-1]}"


def time(text: str | None) -> str:
    """Return an ISO 8601 time in human-readable form."""
    return f"{datetime.fromisoformat(text):%Y-%m-%d %H:%M}" if text else ""


def number(count: int, noun: str) -> str:
    """Return ``1 image`` or ``2 images``."""
    plural = f"{noun[:-1]}ies" if noun.endswith("y") else f"{noun}s"
    return f"{count:,} {noun if count == 1 else plural}"
