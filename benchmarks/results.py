"""The file of results: few digits, one line per measure, so that a change is a diff to read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
IMAGES = Path(__file__).parent / "images.json"
ASYNCHRONOUS = Path(__file__).parent / "asynchronous.json"
DIGITS = 4
#: Below this level of nesting everything is on one line: the figures of a measure or a series.
DEPTH = 4


def write(results: dict[str, Any], path: Path) -> None:
    """Write the results to a file."""
    path.write_text(_dumps(_rounded(results), DEPTH) + "\n", encoding="utf-8")


def read(path: Path) -> dict[str, Any]:
    """Return the results that a file holds."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))
    return results


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _rounded(each) for name, each in value.items()}
    if isinstance(value, list):
        return [_rounded(each) for each in value]
    return float(f"{value:.{DIGITS}g}") if isinstance(value, float) else value


def _dumps(value: Any, depth: int, indent: str = "") -> str:
    if not depth or not value or not isinstance(value, dict):
        return json.dumps(value)
    inner = f"{indent} "
    lines = [f'{inner}"{name}": {_dumps(each, depth - 1, inner)}' for name, each in value.items()]
    return "{\n" + ",\n".join(lines) + f"\n{indent}}}"
