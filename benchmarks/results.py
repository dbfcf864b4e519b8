"""The file of results, with few digits and a line for each measure.

Its sections are ``blocking``, ``asynchronous`` and ``images``, each of which one command measures.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RESULTS = Path(__file__).parent / "results.json"
DIGITS = 4
#: Below this level of nesting everything is on one line: the figures of a measure or a series.
DEPTH = 5


def write(section: str, results: dict[str, Any], path: Path = RESULTS) -> None:
    """Replace a section of a file, which is created if necessary."""
    sections = json.loads(path.read_text(encoding="utf-8")) if path.exists() else {}
    sections[section] = _rounded(results)
    path.write_text(_dumps(sections, DEPTH) + "\n", encoding="utf-8")
    print(f"written to {path}")


def read(section: str, path: Path = RESULTS) -> dict[str, Any]:
    """Return a section of a file."""
    results: dict[str, Any] = json.loads(path.read_text(encoding="utf-8"))[section]
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
