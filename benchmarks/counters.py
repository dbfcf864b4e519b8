"""What can be counted exactly: it holds on any machine, so continuous integration checks it.

Which modules are loaded is pinned elsewhere, in ``tests/structure/test_loaded_modules.py``.
"""

from __future__ import annotations

import gc
import json
import os
import sys
import tracemalloc
from collections.abc import Callable
from types import FrameType
from urllib.request import urlopen

import ecr_client
from benchmarks.process import server
from benchmarks.sides import Ours

PART = 5 * 1024 * 1024
#: What `calls_of` returns for `describe_repositories`, at most. The first figure includes the
#: libraries and differs by a few between releases of Python; this is the highest, that of 3.10.
CALLS = (575, 81, 28)
PACKAGE = os.path.join(os.path.dirname(ecr_client.__file__), "")


def allocated(action: Callable[[], object]) -> int:
    """Return the most memory that an action holds at once beyond what was held before, in bytes."""
    action()
    gc.collect()
    tracemalloc.start()
    try:
        before, _ = tracemalloc.get_traced_memory()
        tracemalloc.reset_peak()
        action()
        return tracemalloc.get_traced_memory()[1] - before
    finally:
        tracemalloc.stop()


def calls_of(action: Callable[[], object]) -> tuple[int, int, int]:
    """Return how many Python functions an action calls when it is warm.

    Returns:
        The calls of all functions, those of functions in files of ``ecr_client``, and the number of
        these files. The code that is compiled for each type is in no file.
    """
    action()
    called: list[str] = []

    def record(frame: FrameType, event: str, _: object) -> None:
        if event == "call":
            called.append(frame.f_code.co_filename)

    # A collection could run finalizers, which are Python functions too.
    gc.collect()
    gc.disable()
    sys.setprofile(record)
    try:
        action()
    finally:
        sys.setprofile(None)
        gc.enable()
    own = [name for name in called if name.startswith(PACKAGE)]
    return len(called), len(own), len(set(own))


def counts(address: str) -> dict[str, int]:
    """Return how many connections and requests the server has seen."""
    with urlopen(f"{address}/counts") as response:
        found: dict[str, int] = json.loads(response.read())
        return found


def check() -> int:
    """Print every counter with its bound; return how many do not hold."""
    lines: list[tuple[str, float, float]] = []
    with server() as address:
        client = Ours(f"{address}/1")
        for _ in range(20):
            client.describe_repositories()
        seen = counts(address)
        lines.append(("requests of 20 calls", seen["requests"], 20))
        lines.append(("connections of 20 calls", seen["connections"], 1))
        names = ("Python functions called", "those of ecr_client", "files that these are in")
        lines += zip(names, calls_of(client.client.describe_repositories), CALLS, strict=True)
        part = bytes(PART)
        # Base64 makes four bytes of three, and the body is in memory once.
        above = allocated(lambda: client.upload(part)) / PART
        lines.append(("memory of an upload, in parts", round(above, 2), 1.6))
        few, many = (Ours(f"{address}/1000/{pages}") for pages in (5, 40))
        growth = allocated(many.count_images) / allocated(few.count_images)
        lines.append(("memory of 40 pages to that of 5", round(growth, 2), 1.1))
    failed = 0
    for name, value, bound in lines:
        held = value <= bound
        failed += not held
        print(f"{'ok  ' if held else 'FAIL'} {name}: {value:g}, at most {bound:g}")
    return failed
