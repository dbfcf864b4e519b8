"""A short soak test: acknowledged writes are kept, whatever happens. Nothing is timed."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.slow

ROOT = Path(__file__).resolve().parents[2]
COMMAND = ["--minutes", "0.1", "--threads", "8", "--seed", "5", "--rate", "0.1"]


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return the results of a few seconds with ten times the faults of a long soak test."""
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
    """Every acknowledged write is there, byte for byte, and every error is a documented one."""
    assert results["problems"] == []
    assert results["checked"]["images"] > 0


def test_faults_happened(results: dict[str, Any]) -> None:
    """Requests met faults, and most calls succeeded nevertheless."""
    faulty = sum(count for kind, count in results["faults"].items() if kind != "none")

    assert faulty > 0
    assert sum(results["errors"].values()) < faulty


def test_resources_were_sampled(results: dict[str, Any]) -> None:
    """Memory, sockets and threads were sampled throughout, with all threads running."""
    threads = [each["threads"] for each in results["series"]]

    assert len(threads) > 5
    assert max(threads) >= 8
    assert set(results["samples"]) == set(results["series"][0]) - {"minute"}


def test_documented_soak() -> None:
    """The documented soak took ten minutes or more, with nothing lost, wrong or undocumented."""
    shown = (ROOT / "docs" / "reliability" / "soak.md").read_text(encoding="utf-8")
    minutes = re.search(r"for ([0-9.]+) minutes", shown)

    assert minutes is not None
    assert float(minutes[1]) >= 10
    assert "| lost, wrong or undocumented | **0** |" in shown
