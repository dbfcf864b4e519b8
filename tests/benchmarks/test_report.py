"""The tables of the documentation are made from the measured results, and by nothing else."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]


def test_the_documented_table_is_that_of_the_results() -> None:
    """The page of the documentation is what the report makes of ``benchmarks/results.json``."""
    script = (
        "import json, sys; from benchmarks.report import RESULTS, tables; "
        "sys.stdout.write(tables(json.loads(RESULTS.read_text())))"
    )
    made = subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.append({str(ROOT)!r}); {script}"],
        capture_output=True,
        text=True,
        check=True,
    ).stdout

    assert made == (ROOT / "docs" / "performance" / "results.md").read_text(encoding="utf-8")


def test_every_case_was_measured_against_boto3() -> None:
    """Each benchmark has a ratio for each of its measures, with its spread and several rounds."""
    results = json.loads((ROOT / "benchmarks" / "results.json").read_text(encoding="utf-8"))

    assert len(results["cases"]) >= 10
    for case in results["cases"].values():
        assert case["rounds"] >= 7
        for ratio in case["ratios"].values():
            assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
