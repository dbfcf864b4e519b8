"""``python -m benchmarks.images`` compares transfers of whole images with those of skopeo.

Both sides move the same image between the same folder and the same local ECR, which keeps its data
in a folder and checks no signatures. They take turns, each round with repositories and folders of
its own, so that other load on the machine affects both. Besides skopeo there is a bound for pulls:
curl, which gets all layers at the same time, and ``sha256sum``.

``--short`` moves small images once, and writes nothing.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.process import environment
from benchmarks.results import RESULTS, write
from benchmarks.rounds import machine, spread
from benchmarks.sides import KEYS, REGION
from ecr_client import Credentials, ECRClient
from ecr_client.oci import Layout, Manifest
from ecr_client.testing import RandomImage, random_image

MIB = 1024 * 1024


class ImageCase(NamedTuple):
    """One comparison.

    Attributes:
        work: ``push``, ``second push`` by a new process or by the ``same process``, ``pull``, or
            ``copy`` with or without ``mounting``.
        image: Which image.
        target: As a ratio to skopeo's wall time; ``None`` is only shown.
        rounds: How often both sides do it.
    """

    work: str
    image: str
    target: float | None
    rounds: int


#: How many layers of how many bytes.
IMAGES = {"large": (4, 256 * MIB), "small": (60, 100 * 1024)}
TITLES = {"large": "4 layers of 256 MiB", "small": "60 layers of 100 KiB"}

CASES = {
    "push_large": ImageCase("push", "large", 0.80, 5),
    "pull_large": ImageCase("pull", "large", 0.40, 5),
    "push_again_large": ImageCase("second push", "large", 0.15, 9),
    "push_warm_large": ImageCase("second push by the same process", "large", 0.15, 9),
    "push_small": ImageCase("push", "small", 0.25, 9),
    "pull_small": ImageCase("pull", "small", 0.60, 9),
    "push_again_small": ImageCase("second push", "small", 0.15, 9),
    "copy_mounting": ImageCase("copy with mounting", "large", None, 3),
    "copy": ImageCase("copy", "large", None, 3),
}
#: What is measured, in seconds: of the call, of the process, and of all cores, with the server.
MEASURES = ("wall", "process_wall", "cpu")


class Server:
    """A local ECR in a process of its own.

    Args:
        folder: What it keeps its data in.
    """

    def __init__(self, folder: Path) -> None:
        self._process = subprocess.Popen(
            [
                *(sys.executable, "-m", "ecr_client.local", "--no-auth", "--port", "0"),
                *("--data", str(folder), "--region", REGION),
            ],
            stdout=subprocess.PIPE,
            text=True,
        )
        assert self._process.stdout is not None
        self.endpoint = self._process.stdout.readline().split()[-1]
        self.host = self.endpoint.partition("://")[2]
        self.client = ECRClient(
            region=REGION, endpoint=self.endpoint, credentials=Credentials(*KEYS)
        )

    def cpu(self) -> float:
        """Return how many seconds of CPU it has taken so far."""
        stat = Path(f"/proc/{self._process.pid}/stat").read_text(encoding="ascii")
        fields = stat.rpartition(")")[2].split()
        return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")

    def close(self) -> None:
        """Stop it."""
        self.client.shutdown()
        self._process.terminate()
        self._process.communicate()


class Bench:
    """What the rounds of all cases share.

    Args:
        folder: For images and data; outputs are removed after each round.
        short: Whether images are small.
    """

    def __init__(self, folder: Path, *, short: bool) -> None:
        self.folder = folder
        self.server = Server(folder / "data")
        self._short = short
        self._images: dict[str, RandomImage] = {}
        self._count = 0

    def image(self, name: str) -> RandomImage:
        """Return an image, which is made when it is first wanted."""
        if name not in self._images:
            layers, size = (2, 1024) if self._short else IMAGES[name]
            self._images[name] = random_image(self.folder / name, layers=layers, size=size)
        return self._images[name]

    def repository(self, *, holding: RandomImage | None = None) -> str:
        """Return the name of a new repository, with an image ``1`` or empty."""
        self._count += 1
        name = f"bench/{self._count}"
        self.server.client.create_repository(repository_name=name)
        if holding is not None:
            self.ours("push", str(holding.path), f"{name}:1")
        return name

    def output(self) -> Path:
        """Return a folder that does not exist yet."""
        self._count += 1
        outputs = self.folder / "out"
        outputs.mkdir(exist_ok=True)
        return outputs / str(self._count)

    def empty(self) -> None:
        """Remove all repositories."""
        for found in list(self.server.client.paginate_describe_repositories()):
            name = found.repository_name or ""
            self.server.client.delete_repository(repository_name=name, force=True)

    def close(self) -> None:
        """Stop the server."""
        self.server.close()

    @contextmanager
    def measured(self) -> Iterator[dict[str, float]]:
        """Measure wall and CPU time, of the server and of the processes that were waited for."""
        found: dict[str, float] = {}
        server, cpu, began = self.server.cpu(), _cpu_of_children(), time.perf_counter()
        yield found
        found["process_wall"] = time.perf_counter() - began
        found.setdefault("wall", found["process_wall"])
        found["cpu"] = _cpu_of_children() - cpu + self.server.cpu() - server

    def ours(self, work: str, source: str, target: str, times: int = 1) -> dict[str, float]:
        """Move an image with ``ecr_client``, and measure the last time."""
        task = {"work": work, "source": source, "target": target, "times": times}
        task["endpoint"] = self.server.endpoint
        with self.measured() as found:
            output = _run(sys.executable, "-m", "benchmarks.image_worker", json.dumps(task))
            found.update(json.loads(output))
        return found

    def skopeo(self, source: str, target: str) -> dict[str, float]:
        """Move an image with skopeo."""
        flags = ["--src-tls-verify=false", "--dest-tls-verify=false"]
        with self.measured() as found:
            _run("skopeo", "copy", "--quiet", "--all", *flags, source, target)
        return found

    def bound(self, repository: str, image: RandomImage, target: Path) -> dict[str, float]:
        """Get all layers at the same time with curl, and hash them."""
        target.mkdir()
        layout = Layout(image.path)
        manifest = layout.read_manifest(image.root)[1]
        assert isinstance(manifest, Manifest)
        urls = [
            self.server.client.get_download_url_for_layer(
                repository_name=repository, layer_digest=layer.digest
            ).download_url
            for layer in manifest.layers
        ]
        words = [word for at, url in enumerate(urls) for word in ("-o", str(at), str(url))]
        with self.measured() as found:
            _run(
                "curl",
                "--silent",
                "--no-progress-meter",
                "--parallel",
                "--parallel-immediate",
                *words,
                cwd=target,
            )
            # Two at a time, as there are two cores.
            names = " ".join(str(at) for at in range(len(urls)))
            _run("sh", "-c", f"printf '%s\\n' {names} | xargs -P 2 -n 1 sha256sum", cwd=target)
        return found


def _cpu_of_children() -> float:
    times = os.times()
    return times.children_user + times.children_system


def _run(*words: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        words, check=True, stdout=subprocess.PIPE, text=True, env=environment(), cwd=cwd
    )
    return done.stdout


Sides = dict[str, Callable[[], dict[str, float]]]


def sides(bench: Bench, work: str, image: RandomImage, full: str) -> Sides:
    """Return what each side of a case does once; a repository has the image already."""
    host = f"docker://{bench.server.host}"
    if work == "pull":
        return {
            "ecr_client": lambda: bench.ours("pull", f"{full}:1", str(bench.output())),
            "skopeo": lambda: bench.skopeo(f"{host}/{full}:1", f"oci:{bench.output()}:1"),
            "bound": lambda: bench.bound(full, image, bench.output()),
        }
    is_second = work.startswith("second push")
    times = 2 if work.endswith("same process") else 1
    ours, theirs = (full, full) if is_second else (bench.repository(), bench.repository())
    if not work.startswith("copy"):
        return {
            "ecr_client": lambda: bench.ours("push", str(image.path), f"{ours}:1", times),
            "skopeo": lambda: bench.skopeo(f"oci:{image.path}", f"{host}/{theirs}:1"),
        }
    mounting = "ENABLED" if work == "copy with mounting" else "DISABLED"
    bench.server.client.put_account_setting(name="BLOB_MOUNTING", value=mounting)
    found: Sides = {
        "ecr_client": lambda: bench.ours("copy", f"{full}:1", f"{ours}:1"),
        "skopeo": lambda: bench.skopeo(f"{host}/{full}:1", f"{host}/{theirs}:1"),
    }
    if work == "copy":
        output, other = bench.output(), bench.repository()
        found["pull and push"] = lambda: _sum(
            bench.ours("pull", f"{full}:1", str(output)),
            bench.ours("push", str(output), f"{other}:1"),
        )
    return found


def _sum(one: dict[str, float], other: dict[str, float]) -> dict[str, float]:
    return {name: value + other[name] for name, value in one.items()}


def measure(bench: Bench, case: ImageCase, rounds: int) -> dict[str, list[dict[str, float]]]:
    """Return what each side measured in each round; they take turns at being the first."""
    image = bench.image(case.image)
    full = bench.repository(holding=image)
    found: dict[str, list[dict[str, float]]] = {}
    for number in range(rounds):
        actions = list(sides(bench, case.work, image, full).items())
        for name, act in actions[number % 2 :] + actions[: number % 2]:
            found.setdefault(name, []).append(act())
        shutil.rmtree(bench.folder / "out", ignore_errors=True)
    bench.empty()
    return found


def summary(case: ImageCase, rounds: dict[str, list[dict[str, float]]]) -> dict[str, Any]:
    """Return the medians of all sides, and the ratios to the others, each within its round."""
    ours = rounds["ecr_client"]
    return {
        "title": f"{case.work} of {TITLES[case.image]}",
        "rounds": len(ours),
        "target": case.target,
        "peak_growth": max(each["peak_growth"] for each in ours),
        "medians": {
            side: {name: statistics.median(each[name] for each in found) for name in MEASURES}
            for side, found in rounds.items()
        },
        "ratios": {
            side: {
                name: spread([e[name] for e in ours], [e[name] for e in found]) for name in MEASURES
            }
            for side, found in rounds.items()
            if side != "ecr_client"
        },
    }


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.images", description=__doc__)
    parser.add_argument("--short", action="store_true", help="small images once, write nothing")
    parser.add_argument("--only", nargs="*", help="cases to run", choices=CASES)
    parser.add_argument("--rounds", type=int, help="rounds per case instead of each case's own")
    parser.add_argument("--folder", type=Path, help="for images and data: 6 GiB, better in memory")
    parser.add_argument("--output", type=Path, default=RESULTS)
    options = parser.parse_args()
    missing = [name for name in ("skopeo", "curl") if shutil.which(name) is None]
    if missing:
        print(f"needs {' and '.join(missing)}: apt-get install {' '.join(missing)}")
        return 0 if options.short else 1
    results: dict[str, Any] = {
        **machine(),
        "skopeo": _run("skopeo", "--version").split()[-1],
        "cases": {},
    }
    with tempfile.TemporaryDirectory(dir=options.folder) as folder:
        bench = Bench(Path(folder), short=options.short)
        try:
            for name in options.only or CASES:
                case = CASES[name]
                rounds = 1 if options.short else options.rounds or case.rounds
                results["cases"][name] = found = summary(case, measure(bench, case, rounds))
                print(described(name, found), flush=True)
        finally:
            bench.close()
    if not options.short:
        write("images", results, options.output)
    return 0


def described(name: str, found: dict[str, Any]) -> str:
    """Return one line on a case."""
    parts = [
        f"{measure} {found['medians']['ecr_client'][measure]:.2f} s = "
        + ", ".join(
            f"{each[measure]['ratio']:.2f} of {side}" for side, each in found["ratios"].items()
        )
        for measure in MEASURES
    ]
    return f"{name:14} {'; '.join(parts)}; grows by {found['peak_growth'] / MIB:.0f} MiB"


if __name__ == "__main__":
    sys.exit(main())
