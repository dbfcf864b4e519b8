"""``python -m benchmarks.credential_helper`` measures the start of the credential helper.

Docker runs it for every command. It is compared with an empty Python process and, if the AWS CLI is
installed, with ``aws ecr get-login-password``, each in fresh processes that take turns. They call
the local ECR.
"""

from __future__ import annotations

import argparse
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from ecr_client.local import LocalECR

HELPER = [sys.executable, "-m", "ecr_client.docker.helper", "get"]


def run(command: list[str], given: str, environment: dict[str, str]) -> float:
    """Run a command in a fresh process and return the seconds that it took."""
    began = time.perf_counter()
    subprocess.run(
        command, input=given, env=environment, check=True, stdout=subprocess.DEVNULL, text=True
    )
    return time.perf_counter() - began


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.credential_helper", description=__doc__
    )
    parser.add_argument("--aws", default=shutil.which("aws"), help="the AWS CLI")
    parser.add_argument("--rounds", type=int, default=15, help="processes of each side (15)")
    options = parser.parse_args()
    with LocalECR() as ecr, tempfile.TemporaryDirectory() as folder:
        environment = {**os.environ, **ecr.environment(), "XDG_CACHE_HOME": folder}
        host = ecr.endpoint.partition("://")[2]
        sides = {
            "python -c pass": [sys.executable, "-c", "pass"],
            "helper, cached password": HELPER,
        }
        if options.aws is not None:
            sides["aws ecr get-login-password"] = [options.aws, "ecr", "get-login-password"]
        run(HELPER, host, environment)  # compiles modules
        found: dict[str, list[float]] = {name: [] for name in (*sides, "helper, new password")}
        for number in range(options.rounds):
            shutil.rmtree(Path(folder) / "ecr-client")
            found["helper, new password"].append(run(HELPER, host, environment))
            # Every other round begins with the other side.
            for name in sorted(sides, reverse=number % 2 == 1):
                found[name].append(run(sides[name], host, environment))
    for name, seconds in found.items():
        print(f"{name:28} {1000 * statistics.median(seconds):6.0f} ms")
    return 0


if __name__ == "__main__":
    sys.exit(main())
