"""Cancellation, progress bars, and rate limits."""

from __future__ import annotations

import io
import subprocess
import sys
import threading
from itertools import count
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.exceptions import TransferCancelledException
from ecr_client.images import (
    BytesMoved,
    RichProgress,
    TqdmProgress,
    copy_image,
    pull_image,
    push_image,
)
from ecr_client.images.pace import Pace
from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, random_image


@pytest.mark.parametrize("after", [0, 1, 3])
def test_cancelling(
    ecr_client: ECRClient, pushed: RandomImage, tmp_path: Path, after: int, tags: Any
) -> None:
    """A cancelled transfer raises an exception, and moves no tag."""
    cancel, moved = threading.Event(), 0

    def progress(event: object) -> None:
        nonlocal moved
        moved += isinstance(event, BytesMoved)
        if moved == after:
            cancel.set()

    image = random_image(tmp_path / "other", seed=5, layers=5)
    if after == 0:
        cancel.set()
    with pytest.raises(TransferCancelledException):
        push_image(ecr_client, image.path, "team/app:2", progress=progress, cancel=cancel)
    with pytest.raises(TransferCancelledException):
        pull_image(ecr_client, "team/app:1", tmp_path / "out", cancel=cancel)
    with pytest.raises(TransferCancelledException):
        copy_image(ecr_client, "team/app:1", ecr_client, "mirror/app", create=True, cancel=cancel)

    assert tags(ecr_client) == {"1": pushed.digest}


class Late(threading.Event):
    """An event that is set when it is checked for the nth time."""

    def __init__(self, number: int) -> None:
        super().__init__()
        self._left = number

    def is_set(self) -> bool:
        self._left -= 1
        return self._left <= 0


def test_cancelling_anywhere(ecr_client: ECRClient, tmp_path: Path, tags: Any) -> None:
    """Wherever a push is cancelled, it leaves no tag."""
    ecr_client.create_repository(repository_name="team/app")
    for number in count(1):
        image = random_image(tmp_path / str(number), seed=number, layers=2)
        try:
            push_image(ecr_client, image.path, "team/app:1", concurrency=1, cancel=Late(number))
        except TransferCancelledException:
            assert tags(ecr_client) == {}
        else:
            break

    assert number > 10
    assert tags(ecr_client) == {"1": image.digest}


INTERRUPTED = """
import _thread, signal, sys, threading
import attrs
from ecr_client.images import BytesMoved, plan_sync, push_image
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

# A shell ignores the signal in background jobs.
signal.signal(signal.SIGINT, signal.default_int_handler)
work, folder = sys.argv[1:]

def progress(event):
    if isinstance(event, BytesMoved) and not interrupted:
        interrupted.append(event)
        _thread.interrupt_main()

interrupted = []
with LocalECR() as ecr, ecr.client() as client:
    if work == "push":
        image = random_image(folder, layers=20)
        move = lambda: push_image(client, image.path, "copy", create=True, progress=progress)
    else:
        for number in range(20):
            image = random_image(f"{folder}/{number}", seed=number, layers=2)
            push_image(client, image.path, f"team/app:{number}", create=True)
        plan = plan_sync(client, "team/app", client, "copy", create=True)
        tasks = [attrs.evolve(task, options={**task.options, "progress": progress})
                 for task in plan.tasks]
        move = attrs.evolve(plan, tasks=tuple(tasks)).execute
    try:
        move()
    except KeyboardInterrupt:
        print(len(client.list_images(repository_name="copy").image_ids))
    print([thread.name for thread in threading.enumerate() if thread.name.startswith("ecr-client")])
"""


@pytest.mark.slow
@pytest.mark.parametrize(("work", "most"), [("push", 0), ("sync", 19)])
def test_interrupts(tmp_path: Path, work: str, most: int) -> None:
    """Ctrl-C ends a push without a tag, or a plan before its last copy, and leaves no thread."""
    done = subprocess.run(
        [sys.executable, "-c", INTERRUPTED, work, str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
    )

    tagged, threads = done.stdout.splitlines()
    assert int(tagged) <= most
    assert (threads, done.stderr) == ("[]", "")


def test_bars(ecr_client: ECRClient, image: RandomImage, tmp_path: Path) -> None:
    """The bars of tqdm and rich show all bytes of a push."""
    from rich.console import Console

    shown = io.StringIO()
    with TqdmProgress(file=shown) as bar:
        result = push_image(ecr_client, image.path, "team/a:1", create=True, progress=bar)
        assert bar._bar.n == bar._bar.total == result.bytes_moved
    console = Console(file=shown, force_terminal=True)
    with RichProgress(console=console, auto_refresh=False) as rich:
        push_image(ecr_client, image.path, "team/b:1", create=True, progress=rich)
        assert rich._display.finished

    assert "100%" in shown.getvalue()


@pytest.mark.parametrize("bar", [TqdmProgress, RichProgress])
def test_missing_bars(
    monkeypatch: pytest.MonkeyPatch, bar: type[TqdmProgress | RichProgress]
) -> None:
    """A progress bar without its library says what to install."""
    library = bar.__name__.removesuffix("Progress").lower()
    monkeypatch.setitem(sys.modules, library, None)
    with pytest.raises(ModuleNotFoundError, match=rf"pip install 'ecr-client\[{library}\]'"):
        bar()


def test_a_pace() -> None:
    """After a burst, or a pause, calls are spaced out to the rate."""
    now, waits = 100.0, []

    def sleep(seconds: float) -> None:
        nonlocal now
        waits.append(seconds)
        now += seconds

    pace = Pace(10, monotonic=lambda: now, sleep=sleep)
    for _ in range(30):
        pace.wait()
    took = now - 100
    now += 60
    for _ in range(10):
        pace.wait()

    assert took == pytest.approx(2.5)
    assert waits == pytest.approx([0.1] * 30)


def test_rates(tmp_path: Path) -> None:
    """Concurrent pushes of many images stay within the rate limits of the service."""
    images = [random_image(tmp_path / str(n), seed=n, layers=1, size=100) for n in range(16)]
    with LocalECR(throttle=True) as ecr, ecr.client() as client:
        client.create_repository(repository_name="team/app")
        threads = [
            threading.Thread(target=push_image, args=(client, each.path, "team/app"))
            for each in images
        ]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        refused = [call for call in ecr.requests if call.status == 400]

        assert refused == []
        assert len(client.list_images(repository_name="team/app").image_ids) == 16
