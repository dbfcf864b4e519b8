"""The examples in docstrings print what they claim."""

from __future__ import annotations

import ast
import doctest
import importlib
from pathlib import Path

import pytest

import ecr_client

PACKAGE = Path(ecr_client.__file__).parent
WITH_EXAMPLES = [
    path for path in sorted(PACKAGE.rglob("*.py")) if ">>> " in path.read_text("utf-8")
]


@pytest.mark.parametrize(
    "path", WITH_EXAMPLES, ids=lambda path: path.relative_to(PACKAGE).with_suffix("").as_posix()
)
def test_docstrings(path: Path) -> None:
    """The examples in the docstrings of a module print what they claim."""
    module = importlib.import_module(
        ".".join(path.relative_to(PACKAGE.parent).with_suffix("").parts)
    )
    runner = doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for node in ast.walk(ast.parse(path.read_text("utf-8"))):
        if isinstance(node, (ast.ClassDef, ast.FunctionDef)):
            text = ast.get_docstring(node) or ""
            example = doctest.DocTestParser().get_doctest(
                text, dict(vars(module)), node.name, str(path), node.lineno
            )
            runner.run(example)

    assert runner.tries
    assert runner.failures == 0
