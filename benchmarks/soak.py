"""``python -m benchmarks.soak``: many threads work long on one client, through a faulty proxy.

The local ECR runs in a process of its own, with a data folder, and so does the proxy. At the end,
whatever the service has acknowledged is read back without the proxy. The status is 1 if anything
was lost or wrong, or if an error was raised that is not documented. A table of the results goes to
``docs/reliability/soak.md``, and all of them to the file of ``--output``.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import platform
import re
import statistics
import subprocess
import sys
import tempfile
import threading
import time
import traceback
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.faulty_proxy import LONGEST_HANG
from benchmarks.process import environment
from benchmarks.sides import KEYS
from benchmarks.soak_report import table
from benchmarks.soak_work import Fate, Ledger, Worker
from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client.exceptions import AmazonClientException, RepositoryNotFoundException
from ecr_client.testing import assert_image_valid

ROOT = Path(__file__).resolve().parent.parent
REGION = "us-east-1"
MIB = 1024 * 1024
#: How many threads read back what was written.
READERS = 8


@contextmanager
def local_ecr(data: Path) -> Iterator[int]:
    """Run the local ECR in another process, and yield its port."""
    command = [sys.executable, "-m", "ecr_client.local", "--port", "0", "--data", str(data)]
    process = subprocess.Popen(
        [*command, "--access-key", KEYS[0], "--secret-key", KEYS[1]],
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    with process:
        found = re.search(r":(\d+)\s*$", process.stdout.readline())
        if found is None:
            raise RuntimeError("the local ECR did not start")
        try:
            yield int(found[1])
        finally:
            process.terminate()


@contextmanager
def faulty_proxy(target: int, rate: float, seed: int, seen: Counter[str]) -> Iterator[int]:
    """Run the proxy in another process, and yield its port; in the end, add what it has seen."""
    arguments = ["--target", str(target), "--rate", str(rate), "--seed", str(seed)]
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.faulty_proxy", *arguments],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
        env=environment(),
    )
    assert process.stdout is not None
    try:
        yield int(process.stdout.readline())
    finally:
        seen.update(json.loads(process.communicate()[0] or "{}"))


def make_client(port: int) -> ECRClient:
    """Return a client that outwaits every hang, and retries soon."""
    config = ClientConfiguration(
        connect_timeout=20 * LONGEST_HANG,
        read_timeout=20 * LONGEST_HANG,
        retry=RetryPolicy(max_attempts=5, base_delay=0.05, max_delay=1),
    )
    return ECRClient(
        region=REGION,
        endpoint=f"http://127.0.0.1:{port}",
        credentials=Credentials(*KEYS),
        config=config,
    )


# --- what the process holds ---------------------------------------------------------------------


def sockets() -> int:
    """Return how many sockets the process has open."""
    count = 0
    for name in os.listdir("/proc/self/fd"):
        try:
            count += os.readlink(f"/proc/self/fd/{name}").startswith("socket:")
        except FileNotFoundError:
            continue  # closed in the meantime
    return count


def sample(began: float) -> dict[str, float]:
    """Return what the process holds now."""
    with open("/proc/self/statm", encoding="ascii") as file:
        rss = int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE")
    return {
        "minute": (time.monotonic() - began) / 60,
        "memory of the client's process, MiB": rss / MIB,
        "open sockets": float(sockets()),
        "threads": float(threading.active_count()),
    }


def trends(samples: list[dict[str, float]]) -> dict[str, dict[str, float]]:
    """Return the middle, the end and the slope over the second half of each measure."""
    half = samples[len(samples) // 2 :]
    minutes = [each["minute"] for each in half]
    found = {}
    for name in samples[0]:
        values = [each[name] for each in half]
        if name != "minute":
            slope = statistics.linear_regression(minutes, values).slope if len(half) > 1 else 0.0
            found[name] = {"middle": values[0], "end": values[-1], "slope": slope}
    return found


# --- work and proof -----------------------------------------------------------------------------


def work(
    client: ECRClient, ledger: Ledger, *, threads: int, seed: int, seconds: float
) -> list[dict[str, float]]:
    """Let threads work for some seconds, and return what the process held meanwhile."""
    stop = threading.Event()

    def run(number: int) -> None:
        worker = Worker(client, ledger, f"soak/{number}", f"{seed}/{number}")
        try:
            while not stop.is_set():
                worker.step()
        except BaseException:
            ledger.problem(f"undocumented: {traceback.format_exc()}")

    running = [threading.Thread(target=run, args=(number,)) for number in range(threads)]
    for each in running:
        each.start()
    began, samples = time.monotonic(), []
    pause = min(1.0, seconds / 20)
    while time.monotonic() - began < seconds:
        stop.wait(pause)
        samples.append(sample(began))
    stop.set()
    for each in running:
        each.join()
    return samples


def prove(client: ECRClient, fates: dict[str, Fate], ledger: Ledger) -> Counter[str]:
    """Check that everything acknowledged holds, and return how much that is."""
    checked: Counter[str] = Counter(images=0, latest=0, gone=0, repositories_gone=0, unknown=0)
    with ThreadPoolExecutor(READERS) as pool:
        for found in pool.map(lambda item: _prove_one(client, ledger, *item), fates.items()):
            checked.update(found)
    return checked


def _prove_one(client: ECRClient, ledger: Ledger, name: str, fate: Fate) -> Counter[str]:
    checked: Counter[str] = Counter()
    if fate.state == "gone":
        try:
            client.describe_repositories(repository_names=[name])
            ledger.problem(f"{name} is there again")
        except RepositoryNotFoundException:
            checked["repositories_gone"] += 1
    if fate.state != "present":
        checked["unknown"] += fate.state == "unknown"
        return checked
    tags = {
        each.image_tag: each.image_digest
        for each in client.paginate_list_images(repository_name=name)
    }
    for found, entry in fate.images.items():
        if entry["state"] == "present":
            checked["images"] += 1
            try:
                assert_image_valid(client, f"{name}@{found}")
            except (AssertionError, AmazonClientException) as error:
                ledger.problem(f"lost: {error}")
            if tags.get(entry["tag"]) != found:
                ledger.problem(f"lost: {name}:{entry['tag']} is {tags.get(entry['tag'])}")
        elif entry["state"] == "gone":
            checked["gone"] += 1
            if found in tags.values():
                ledger.problem(f"{name}@{found} is there again")
        else:
            checked["unknown"] += 1
    if fate.latest.get("state") == "present":
        image = fate.images[fate.latest["latest"]]
        expected = {"present": image["digest"], "gone": None}.get(image["state"], "")
        checked["latest"] += bool(expected)
        if expected != "" and tags.get("latest") != expected:
            ledger.problem(f"lost: {name}:latest is {tags.get('latest')}, not {expected}")
    return checked


def soak(minutes: float, threads: int, seed: int, rate: float) -> dict[str, Any]:
    """Run everything, and return the results."""
    seen: Counter[str] = Counter()
    with tempfile.TemporaryDirectory() as folder, local_ecr(Path(folder) / "ecr") as port:
        ledger = Ledger(Path(folder) / "ledger")
        before = sockets()
        with faulty_proxy(port, rate, seed, seen) as faulty, make_client(faulty) as client:
            samples = work(client, ledger, threads=threads, seed=seed, seconds=minutes * 60)
        del client
        gc.collect()
        if sockets() > before:
            ledger.problem(f"{sockets() - before} sockets are open after the shutdown")
        with make_client(port) as direct:
            checked = prove(direct, ledger.close(), ledger)
    return {
        "command": f"python -m benchmarks.soak --minutes {minutes:g} --threads {threads} "
        f"--seed {seed}",
        "python": platform.python_version(),
        "machine": f"{platform.machine()}, {os.cpu_count()} cores, {platform.system()}",
        "minutes": minutes,
        "threads": threads,
        "seed": seed,
        "rate": rate,
        "calls": dict(sorted(ledger.calls.items())),
        "faults": dict(sorted(seen.items())),
        "errors": dict(sorted(ledger.errors.items())),
        "checked": dict(checked),
        "problems": ledger.problems,
        "samples": trends(samples),
        "series": samples[:: max(1, len(samples) // 60)],
    }


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.soak", description=__doc__)
    parser.add_argument("--minutes", type=float, default=10.0)
    parser.add_argument("--threads", type=int, default=32)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--rate", type=float, default=0.01, help="share of faults (%(default)s)")
    parser.add_argument("--output", type=Path, help="a file for all results, as JSON")
    parser.add_argument("--table", type=Path, default=ROOT / "docs" / "reliability" / "soak.md")
    options = parser.parse_args()
    results = soak(options.minutes, options.threads, options.seed, options.rate)
    if options.output is not None:
        options.output.write_text(json.dumps(results) + "\n", encoding="utf-8")
    options.table.write_text(table(results), encoding="utf-8")
    print(table(results))
    for problem in results["problems"][:20]:
        print(f"PROBLEM: {problem}", file=sys.stderr)
    return 1 if results["problems"] else 0


if __name__ == "__main__":
    sys.exit(main())
