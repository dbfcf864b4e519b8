"""Layers are streamed through the server: its memory does not grow with their size."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ecr_client.local.request_bodies import BUDGET

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="the kernel does not report peak memory"
    ),
]

PART = bytes(range(256)) * (5 * 1024 * 1024 // 256)
PARTS = 24
PARALLEL = 8
#: For a moment, a part is in memory as JSON, as a string and as bytes.
ALLOWED = 8 * len(PART)


class Peak:
    """The peak memory of a process, in bytes above its size when this was created."""

    def __init__(self, process: int) -> None:
        self._status = Path(f"/proc/{process}/status")
        Path(f"/proc/{process}/clear_refs").write_text("5")
        self._before = self._read("VmRSS")

    def left(self) -> int:
        return self._read("VmRSS") - self._before

    def growth(self) -> int:
        return self._read("VmHWM") - self._before

    def _read(self, name: str) -> int:
        lines = self._status.read_text().splitlines()
        (value,) = [line.split()[1] for line in lines if line.startswith(f"{name}:")]
        return int(value) * 1024


def test_memory(start: Callable[..., Any], tmp_path: Path, registries: Any, uploads: Any) -> None:
    """A layer takes the memory of a few parts at most, and concurrent parts share a budget."""
    command = start("--data", str(tmp_path))
    process = command.process.pid
    received, digest = hashlib.sha256(), f"sha256:{hashlib.sha256(PART * PARTS).hexdigest()}"
    with command.client(max_pool_connections=PARALLEL) as client:
        client.create_repository(repository_name="app")
        registry = registries(client)
        uploads(client).part(PART)  # warm up

        peak = Peak(process)
        upload = uploads(client)
        for number in range(PARTS):
            upload.part(PART, number * len(PART))
        upload.complete(digest)
        assert peak.growth() < ALLOWED, "a layer through the API"

        peak = Peak(process)
        place = registry.start("app")
        registry.send("PATCH", place, data=(PART for _ in range(PARTS))).raise_for_status()
        registry.send("PUT", place, params={"digest": digest}).raise_for_status()
        with registry.send("GET", f"app/blobs/{digest}", stream=True) as response:
            for piece in response.iter_content(1 << 20):
                received.update(piece)
        assert f"sha256:{received.hexdigest()}" == digest
        assert peak.growth() < ALLOWED, "a layer through the registry protocol"

        peak = Peak(process)
        with ThreadPoolExecutor(PARALLEL) as pool:
            ends = pool.map(lambda _: uploads(client).part(PART * 2), range(2 * PARALLEL))
            assert set(ends) == {2 * len(PART) - 1}
        client.describe_repositories()
        assert peak.growth() < BUDGET + ALLOWED, "concurrent parts"
        assert peak.left() < ALLOWED
