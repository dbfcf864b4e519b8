"""The tables in the documentation are generated from the measured results."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(autouse=True)
def importable(monkeypatch: pytest.MonkeyPatch) -> None:
    """Make ``benchmarks``, which is not in the wheel, importable without shadowing the package."""
    monkeypatch.setattr(sys, "path", [*sys.path, str(ROOT)])


@pytest.fixture
def results() -> dict[str, Any]:
    """Return the results of a run of one case with three rounds."""
    from benchmarks.cases import Case
    from benchmarks.rounds import summary

    rounds = {
        "ecr_client": [{"cpu": 0.01, "rss_growth": 1 << 20}] * 2 + [{"cpu": 0.03, "rss_growth": 0}],
        "boto3": [{"cpu": 0.04, "rss_growth": 0}] * 3,
        "capo": [{"cpu": 0.03, "rss_growth": 3 << 20}] * 3,
        "bound": [{"cpu": 0.005, "rss_growth": 0}] * 3,
    }
    measures = {"cpu": {"boto3": 0.5}, "rss_growth": {}}
    case = Case("repeat", "a call", "/1", {}, measures, tuple(rounds))
    return {
        "command": "python -m benchmarks",
        "python": "3.13.0",
        "machine": "one",
        "packages": {"boto3": "1", "capo-ecr": "2"},
        "cases": {"call": summary(case, rounds)},
        "growth": {},
    }


def test_ratios(results: dict[str, Any]) -> None:
    """A ratio is the median over the rounds, with the range of their middle half, for each peer."""
    measures = results["cases"]["call"]["measures"]

    assert set(measures["cpu"]["ratios"]) == {"boto3", "capo"}
    assert measures["cpu"]["ratios"]["boto3"] == {"ratio": 0.25, "low": 0.25, "high": 0.75}
    assert measures["rss_growth"]["ratios"] == {}


def test_a_peer_below_the_resolution() -> None:
    """A peer whose CPU was counted as none makes the ratio infinite, and no error."""
    from benchmarks.rounds import spread

    assert spread([0.01], [0.0])["ratio"] == float("inf")


def test_tables(results: dict[str, Any], tmp_path: Path) -> None:
    """The table of a section has the results that were written, one row for each measure."""
    from benchmarks.report import tables
    from benchmarks.results import read, write

    write("images", {"cases": {}}, tmp_path / "results.json")
    write("blocking", results, tmp_path / "results.json")
    lines = tables(read("blocking", tmp_path / "results.json")).splitlines()

    assert read("images", tmp_path / "results.json") == {"cases": {}}
    assert lines[2:] == [
        "| work | measure | ecr_client | boto3 | capo-ecr "
        "| ratio to boto3 | target | ratio to capo-ecr |",
        "|---|---|---|---|---|---|---|---|",
        "| a call | CPU, ms | 10.00 | 40.00 | 30.00 "
        "| **0.25** (0.25 to 0.75) | 0.50 | **0.33** (0.33 to 1.00) |",
        "| a call | growth of the process, MiB | 1.00 | 0.00 | 3.00 |  |  |  |",
        "",
        "The least CPU that these can cost (see the text): a call: 5.0 ms.",
    ]


def test_format_of_results(results: dict[str, Any], tmp_path: Path) -> None:
    """The file has figures with four digits, and all figures of a measure on one line."""
    from benchmarks.results import write

    write("blocking", results, tmp_path / "results.json")
    lines = (tmp_path / "results.json").read_text(encoding="utf-8").splitlines()

    assert sum('"cpu"' in line for line in lines) == 1
    assert '"capo": {"ratio": 0.3333, "low": 0.3333, "high": 1.0}' in "".join(lines)


def test_documented_results() -> None:
    """Each measure with ratios has one to boto3, with a spread over several rounds."""
    from benchmarks.cases import WITHOUT_RATIO
    from benchmarks.results import read

    cases = read("blocking")["cases"]

    assert len(cases) >= 10
    for case in cases.values():
        assert case["rounds"] >= 7
        for name, figures in case["measures"].items():
            assert ("boto3" in figures["ratios"]) == (name not in WITHOUT_RATIO)
            for ratio in figures["ratios"].values():
                assert ratio["low"] <= ratio["ratio"] <= ratio["high"]


def test_readme() -> None:
    """Each row of the performance table is a row of the results, with fewer columns."""
    from benchmarks.report import tables
    from benchmarks.results import read

    lines = [line.strip("|").split("|") for line in tables(read("blocking")).splitlines()]
    cells = [[cell.strip() for cell in line] for line in lines]
    measured = [[*each[:4], each[6]] for each in cells if len(each) > 6]
    below = (ROOT / "README.md").read_text(encoding="utf-8").split("\n## Performance\n", 1)[1]
    table = below[below.index("\n|") + 1 :].split("\n\n", 1)[0].splitlines()[2:]

    assert len(table) > 3
    for row in table:
        assert [cell.strip() for cell in row.strip("|").split("|")] in measured


def test_counting_calls() -> None:
    """Calls of Python functions are counted, the package's own separately; C functions are not."""
    from benchmarks.counters import calls_of
    from ecr_client.metadata import ResponseMetadataCache

    cache = ResponseMetadataCache(1)
    calls, own, files = calls_of(lambda: cache.get(None))

    assert calls_of(lambda: len("")) == (1, 0, 0)
    assert calls == own + 1  # the lambda
    assert own >= files > 0
