"""Parts of generated files; `test_current.py` compares whole files."""

from __future__ import annotations

import pytest

from codegen.render import signature, text


@pytest.mark.parametrize(
    ("lines", "rendered"),
    [
        (["One line."], '    """One line."""\n'),
        (["First.", "", "More."], '    """First.\n\n    More.\n    """\n'),
        (["First.", "", r"Like \d."], '    r"""First.\n\n    Like \\d.\n    """\n'),
        ([r"Like \d.", "", "More."], '    r"""Like \\d.\n\n    More.\n    """\n'),
        ([r"Like \d."], '    r"""Like \\d."""\n'),
    ],
)
def test_docstring(lines: list[str], rendered: str) -> None:
    """A docstring is raw where it holds a backslash, and no line of it ends in white space."""
    assert text.docstring(lines, 4) == rendered


@pytest.mark.parametrize(
    ("path", "expression"),
    [
        (("things",), "page.things"),
        (("one", "all"), "(() if page.one is None else page.one.all)"),
        (("a", "b", "c"), "(() if page.a is None or page.a.b is None else page.a.b.c)"),
    ],
)
def test_reach(path: tuple[str, ...], expression: str) -> None:
    """A member of a nested structure is read only if that structure is present."""
    assert signature.reach("page", path, "()") == expression
