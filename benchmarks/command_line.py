"""``python -m benchmarks.command_line`` compares ``ecr`` with the AWS CLI, each in fresh processes.

Both talk to the same server of constant responses and take turns, so that other load on the machine
affects both alike. The targets are for the wall time.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import time
from typing import NamedTuple

from benchmarks.process import environment, server


class Case(NamedTuple):
    """One comparison.

    Attributes:
        ecr: The arguments of ``ecr``.
        aws: The arguments of ``aws``.
        target: The target for the wall time, as a ratio to that of the AWS CLI.
    """

    ecr: tuple[str, ...]
    aws: tuple[str, ...]
    target: float


class Cost(NamedTuple):
    """What a process needed, in seconds."""

    wall: float
    cpu: float


CASES = {
    "version": Case(("--version",), ("--version",), 0.25),
    "repositories": Case(("repos", "list"), ("ecr", "describe-repositories"), 0.35),
}


def cost(command: list[str], words: tuple[str, ...], url: str) -> Cost:
    """Run a command in a fresh process and return what it needed."""
    options = [] if words == ("--version",) else ["--endpoint-url", url]
    began = time.perf_counter()
    process = subprocess.Popen(
        [*command, *words, *options],
        stdout=subprocess.DEVNULL,
        env={**environment(), "AWS_PAGER": ""},
    )
    _, status, usage = os.wait4(process.pid, 0)
    wall = time.perf_counter() - began
    process.returncode = os.waitstatus_to_exitcode(status)
    if process.returncode:
        raise RuntimeError(f"{' '.join([*command, *words])} failed")
    return Cost(wall, usage.ru_utime + usage.ru_stime)


def compare(case: Case, aws: list[str], url: str, rounds: int) -> str:
    """Return a line with the medians of both sides and of their ratios."""
    sides = {"ecr": ([sys.executable, "-m", "ecr_client"], case.ecr), "aws": (aws, case.aws)}
    found: dict[str, list[Cost]] = {"ecr": [], "aws": []}
    for number in range(rounds):
        # Every other round begins with the other side.
        for side in sorted(sides, reverse=number % 2 == 1):
            found[side].append(cost(*sides[side], url))
    parts = []
    for name in Cost._fields:
        ecr, others = ([getattr(each, name) for each in found[side]] for side in ("ecr", "aws"))
        ratio = statistics.median(our / their for our, their in zip(ecr, others, strict=True))
        medians = [1000 * statistics.median(each) for each in (ecr, others)]
        parts.append(f"{name}: {medians[0]:.0f} ms, {ratio:.2f} of {medians[1]:.0f} ms")
    return f"{'; '.join(parts)}; target {case.target:.2f}"


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.command_line", description=__doc__)
    parser.add_argument("--aws", default=shutil.which("aws"), help="the AWS CLI")
    parser.add_argument("--rounds", type=int, default=15, help="processes of each side (15)")
    options = parser.parse_args()
    if options.aws is None:
        parser.error("there is no AWS CLI: install it with python -m pip install awscli")
    found = subprocess.run([options.aws, "--version"], capture_output=True, text=True, check=True)
    print(found.stdout.strip() or found.stderr.strip())
    with server() as url:
        for name, case in CASES.items():
            cost([sys.executable, "-m", "ecr_client"], case.ecr, f"{url}/1")  # compiles modules
            print(f"{name:14}", compare(case, [options.aws], f"{url}/1", options.rounds))
    return 0


if __name__ == "__main__":
    sys.exit(main())
