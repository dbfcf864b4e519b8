"""``python -m benchmarks.asynchronous`` compares asynchronous clients.

``AsyncECRClient`` is compared with aiobotocore and with capo-ecr's asynchronous client. This is
apart from ``python -m benchmarks`` because aiobotocore needs another botocore than boto3 does.

``--short`` runs every benchmark once with a small workload, and writes nothing.
"""

from __future__ import annotations

import sys
from typing import Any

from benchmarks.cases import MIB, Case, Targets
from benchmarks.process import server
from benchmarks.results import write
from benchmarks.rounds import compare, options

PACKAGES = (
    *("aiobotocore", "aiohttp", "attrs", "botocore", "capo-ecr", "cattrs", "ecr-client"),
    *("requests", "urllib3", "zapros"),
)
SIDES = ("ecr_client", "aiobotocore", "capo")
CONCURRENT = {"tasks": 100, "calls": 500, "count": 4}
#: The target of every row for the ratio to capo-ecr.
BELOW = 1.0


def case(
    work: str,
    title: str,
    arguments: dict[str, Any],
    measures: dict[str, Targets],
    rounds: int = 9,
) -> Case:
    """Return a case of the asynchronous clients."""
    return Case(work, title, "/1", arguments, measures, SIDES, rounds, "benchmarks.async_worker")


CASES: dict[str, Case] = {
    "cold_start": case(
        "first_call",
        "cold start: import, client, first call",
        {},
        {
            "process_cpu": {"aiobotocore": 0.6, "capo": BELOW},
            "process_wall": {"aiobotocore": 0.6, "capo": BELOW},
            "rss": {},
        },
        rounds=15,
    ),
    "small_call": case(
        "repeat",
        "describe one repository",
        {"call": "describe_repositories", "count": 500},
        {"cpu": {"aiobotocore": 0.5, "capo": 0.7}, "wall": {"capo": BELOW}},
    ),
    "page": case(
        "repeat",
        "a page of 1000 images",
        {"call": "describe_images", "count": 20},
        {"cpu": {"aiobotocore": 0.25, "capo": 0.6}, "wall": {"capo": BELOW}},
    ),
    "concurrent": case(
        "concurrent",
        "500 small calls from 100 tasks",
        CONCURRENT,
        {"wall": {"aiobotocore": 0.5, "capo": BELOW}, "cpu": {"capo": BELOW}},
    ),
    "upload": case(
        "upload",
        "upload of a part of 10 MiB",
        {"size": 10 * MIB, "count": 8},
        {"cpu": {"capo": 0.3}, "wall": {"capo": BELOW}},
    ),
    "memory": case(
        "memory",
        "after the work of the rows above",
        {**CONCURRENT, "size": 10 * MIB, "count": 4},
        {"rss": {"aiobotocore": 0.75, "capo": BELOW}},
    ),
    "upload_lag": case(
        "lag_of_upload",
        "during uploads of parts of 10 MiB",
        {"size": 10 * MIB, "count": 16},
        {"lag_p99": {"ecr_client": 0.02, "capo": BELOW}, "lag_max": {}},
    ),
    "page_lag": case(
        "lag_of_page",
        "while pages of 1000 images are read",
        {"call": "describe_images", "count": 50},
        {"lag_p99": {"ecr_client": 0.02, "capo": BELOW}, "lag_max": {}},
    ),
}


def main() -> int:
    """Run the command."""
    chosen = options("python -m benchmarks.asynchronous", __doc__, CASES)
    with server() as address:
        results = compare(chosen, CASES, PACKAGES, address)
    if not chosen.short:
        write("asynchronous", results, chosen.output)
    return 0


if __name__ == "__main__":
    sys.exit(main())
