"""A short soak: what is acknowledged is kept, whatever happens on the way; no time is measured."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["--minutes", "0.1", "--threads", "8", "--seed", "5", "--rate", "0.1"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Give what a soak of a few seconds has found, with ten times as many faults as a long one."""
    folder = tmp_path_factory.mktemp("soak")
    written = ["--output", str(folder / "soak.json"), "--table", str(folder / "soak.md")]
    done = subprocess.run(
        [sys.executable, "-m", "benchmarks.soak", *COMMAND, *written],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
        check=False,
    )

    assert not done.stderr
    assert done.returncode == 0
    assert (folder / "soak.md").read_text(encoding="utf-8") in done.stdout
    found: dict[str, Any] = json.loads((folder / "soak.json").read_text(encoding="utf-8"))
    return found


def test_nothing_is_lost(results: dict[str, Any]) -> None:
    """Every acknowledged write is there, byte by byte, and no error is an undocumented one."""
    assert results["problems"] == []
    assert results["checked"]["images"] > 0


def test_faults_happened(results: dict[str, Any]) -> None:
    """The proof is worth something: requests met faults, and most calls got over them."""
    spoilt = sum(count for kind, count in results["faults"].items() if kind != "none")

    assert spoilt > 0
    assert sum(results["errors"].values()) < spoilt


def test_what_is_held_was_sampled(results: dict[str, Any]) -> None:
    """Memory, sockets and threads were looked at all the time, and the threads were all there."""
    threads = [each["threads"] for each in results["series"]]

    assert len(threads) > 5
    assert max(threads) >= 8
    assert set(results["samples"]) == set(results["series"][0]) - {"minute"}


def test_the_documented_table_is_that_of_the_results() -> None:
    """The table of the documentation is made from ``benchmarks/soak.json``, a long soak."""
    script = (
        "import json, sys; from benchmarks.soak_report import table; "
        "sys.stdout.write(table(json.load(open('benchmarks/soak.json', encoding='utf-8'))))"
    )
    made = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r}); {script}"],
        capture_output=True,
        text=True,
        cwd=ROOT,
        check=True,
    ).stdout
    found = json.loads((ROOT / "benchmarks" / "soak.json").read_text(encoding="utf-8"))

    assert made == (ROOT / "docs" / "reliability" / "soak.md").read_text(encoding="utf-8")
    assert found["problems"] == []
    assert found["minutes"] >= 10
