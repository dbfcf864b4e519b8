"""The picture in the README shows what the commands print."""

from __future__ import annotations

import html
import re
import runpy
import sys
from collections import defaultdict
from pathlib import Path

import pytest
from rich.text import Text

DOCS = Path(__file__).resolve().parents[2] / "docs"


def shown(picture: str) -> list[str]:
    """Return the lines of the screen in a picture."""
    lines: defaultdict[int, str] = defaultdict(str)
    cell = r'<text [^>]*clip-path="url\(#terminal-line-(\d+)\)">([^<]*)</text>'
    for number, text in re.findall(cell, picture):
        lines[int(number)] += html.unescape(text).replace("\N{NO-BREAK SPACE}", " ")
    return [lines[number].rstrip() for number in range(max(lines) + 1)]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no pseudoterminals")
def test_picture_is_current() -> None:
    """The commands print what the picture shows; ``python docs/terminal.py`` draws it."""
    script = runpy.run_path(str(DOCS / "terminal.py"))
    screen = script["session"]()
    lines = [Text.from_ansi(line).plain for line in screen]
    picture = (DOCS / "terminal.svg").read_text(encoding="utf-8")

    assert shown(picture) == [line.rstrip() for line in lines]
    assert shown(script["draw"](screen)) == shown(picture)
    assert max(map(len, lines)) <= script["COLUMNS"]
    # The picture must not load anything else into a page.
    assert not re.search(r"url\((?!#)|href", picture)
