"""Runs the server and the sides, each in a process of its own."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from benchmarks.sides import KEYS, REGION


@contextmanager
def server() -> Iterator[str]:
    """Run the server of constant responses in another process; yield its address."""
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.server"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert process.stdout is not None
    try:
        yield f"http://127.0.0.1:{process.stdout.readline().strip()}"
    finally:
        process.communicate()


def environment() -> dict[str, str]:
    """Return an environment without settings of the machine."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith("AWS_")
        and not name.upper().endswith(("_PROXY", "CA_BUNDLE"))
        and name != "PYTHONDONTWRITEBYTECODE"  # installed packages are compiled, for all sides
    }
    return {
        **kept,
        "AWS_ACCESS_KEY_ID": KEYS[0],
        "AWS_SECRET_ACCESS_KEY": KEYS[1],
        "AWS_DEFAULT_REGION": REGION,
        "AWS_REGION": REGION,  # capo-ecr reads this one, and boto3 the other
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "NO_PROXY": "127.0.0.1",
    }


def run(
    side: str,
    work: str,
    url: str,
    arguments: dict[str, Any],
    worker: str = "benchmarks.worker",
) -> dict[str, float]:
    """Run one side in a fresh process; return what it and its parent measured."""
    task = json.dumps({"side": side, "work": work, "url": url, "arguments": arguments})
    began = time.perf_counter()
    process = subprocess.Popen(
        [sys.executable, "-m", worker, task],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    output = process.stdout.read()
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    process.stdout.close()
    if process.returncode:
        raise RuntimeError(f"{side} failed in {work} with {arguments}")
    measured: dict[str, float] = json.loads(output)
    return {
        **measured,
        "process_cpu": usage.ru_utime + usage.ru_stime,
        "process_wall": wall,
    }
