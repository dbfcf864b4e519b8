"""What is measured, and the targets as ratios to a peer in the same run."""

from __future__ import annotations

from typing import Any, NamedTuple, TypeAlias

from benchmarks.server import LARGE_LAYER, SMALL_LAYER, layer_digest

#: What a measure is called, what its unit is, and by how much a figure is multiplied for it.
MEASURES = {
    "process_cpu": ("CPU, whole process", "ms", 1000.0),
    "process_wall": ("wall, whole process", "ms", 1000.0),
    "cpu": ("CPU", "ms", 1000.0),
    "wall": ("wall", "ms", 1000.0),
    "rss": ("memory of the process", "MiB", 1 / 2**20),
    "rss_growth": ("growth of the process", "MiB", 1 / 2**20),
    "peak_per_part": ("peak above the part", "x the part", 1.0),
    "peak_growth": ("peak above what was held before", "MiB", 1 / 2**20),
    "peak": ("peak of the process", "MiB", 1 / 2**20),
    "lag_p99": ("lag of the event loop, 99th percentile", "ms", 1000.0),
    "lag_max": ("lag of the event loop, maximum", "ms", 1000.0),
}
#: What hardly grows at all has no ratio worth showing.
WITHOUT_RATIO = ("rss_growth", "peak_growth")
#: The targets of a measure: by peer, the ratio to it; for `ecr_client` its own figure.
Targets: TypeAlias = dict[str, float]
#: The sides to which `ecr_client` is compared.
PEERS = ("boto3", "capo", "bare")


class Case(NamedTuple):
    """One benchmark.

    Attributes:
        work: Which function of the worker does it.
        title: What a table calls it.
        path: What the server returns: records of a page, and pages.
        arguments: The arguments of the work.
        measures: Which figures are compared, each with its targets; one without is only shown.
        sides: Who takes part; `ecr_client` always does.
        rounds: How many fresh processes a side has in a full run.
        worker: The module that does the work.
    """

    work: str
    title: str
    path: str
    arguments: dict[str, Any]
    measures: dict[str, Targets]
    sides: tuple[str, ...] = ("ecr_client", *PEERS)
    rounds: int = 7
    worker: str = "benchmarks.worker"

    @property
    def peers(self) -> list[str]:
        """The sides that are clients as well."""
        return [side for side in self.sides if side not in ("ecr_client", "bound")]


MIB = 1024 * 1024

CASES: dict[str, Case] = {
    "cold_start": Case(
        "first_call",
        "cold start with keys given: import, client, first call",
        "/1",
        {"explicit": True},
        {"process_cpu": {"boto3": 0.65}, "process_wall": {"boto3": 0.65}, "rss": {"boto3": 0.80}},
        rounds=15,
    ),
    "cold_start_environment": Case(
        "first_call",
        "cold start with keys and region from the environment",
        "/1",
        {"explicit": False},
        {"process_cpu": {"boto3": 0.70}, "process_wall": {"boto3": 0.70}, "rss": {}},
        rounds=15,
    ),
    "second_client": Case(
        "second_client",
        "another client in the same process",
        "/1",
        {"count": 5},
        {"cpu": {"boto3": 0.10}, "wall": {"boto3": 0.10}},
        sides=("ecr_client", "boto3", "capo"),
    ),
    "small_call": Case(
        "repeat",
        "describe one repository",
        "/1",
        {"call": "describe_repositories", "count": 500},
        {"cpu": {"boto3": 0.50}, "wall": {}},
    ),
    "repositories_page": Case(
        "repeat",
        "a page of 1000 repositories",
        "/1000",
        {"call": "describe_repositories", "count": 20},
        {"cpu": {"boto3": 0.25}, "wall": {}},
    ),
    "images_page": Case(
        "repeat",
        "a page of 1000 images",
        "/1000",
        {"call": "describe_images", "count": 20},
        {"cpu": {"boto3": 0.25}, "wall": {}},
    ),
    "paging": Case(
        "paging",
        "paging through 100,000 image ids",
        "/1000/100",
        {"expected": 100_000},
        {"cpu": {"boto3": 0.25}, "wall": {}, "rss_growth": {}},
    ),
    "manifests": Case(
        "repeat",
        "100 manifests of 10 KiB",
        "/100",
        {"call": "get_manifests", "count": 20},
        {"cpu": {"boto3": 0.40}, "wall": {}},
    ),
    "upload": Case(
        "upload",
        "upload of a part of 10 MiB",
        "/1",
        {"size": 10 * MIB, "count": 8},
        {"cpu": {"boto3": 0.30}, "wall": {}, "peak_per_part": {}},
        sides=("ecr_client", *PEERS, "bound"),
    ),
    "layer_download": Case(
        "download",
        "download of a layer of 10 MiB",
        "/1",
        {"small": layer_digest(SMALL_LAYER), "large": layer_digest(LARGE_LAYER), "count": 8},
        {"cpu": {}, "wall": {}, "peak_growth": {}},
        sides=("ecr_client", *PEERS, "bound"),
    ),
    "threads": Case(
        "threads",
        "32 threads sharing one client",
        "/1",
        {"threads": 32, "calls": 60},
        {"wall": {"boto3": 1 / 1.8}, "cpu": {}},
    ),
}

#: What is measured of how a work grows: time and memory.
GROWTH_MEASURES = {
    "repeat": ("cpu", "peak"),
    "paging": ("cpu", "rss_growth"),
    "upload": ("cpu", "peak_per_part"),
    "threads": ("wall", "peak"),
}
#: How cost grows: case name -> (work, unit, and size, path and arguments of each point).
GROWTH: dict[str, tuple[str, str, list[tuple[int, str, dict[str, Any]]]]] = {
    "page_size": (
        "repeat",
        "records in a page",
        [
            (size, f"/{size}", {"call": "describe_repositories", "count": 20})
            for size in (1, 10, 100, 250, 500, 1000)
        ],
    ),
    "records": (
        "paging",
        "image ids in total",
        [
            (pages * 1000, f"/1000/{pages}", {"expected": pages * 1000})
            for pages in (10, 50, 100, 250, 500, 1000)
        ],
    ),
    "part_size": (
        "upload",
        "bytes of a part",
        [(size * MIB, "/1", {"size": size * MIB, "count": 4}) for size in (5, 10, 15, 20)],
    ),
    "threads": (
        "threads",
        "threads",
        [
            (count, "/1", {"threads": count, "calls": 1280 // count})
            for count in (1, 2, 4, 8, 16, 32, 64)
        ],
    ),
}
