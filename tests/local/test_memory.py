"""Layers go through the server in pieces: what it takes for them does not grow with them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.local.request_bodies import BUDGET

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(
        not Path("/proc/self/clear_refs").exists(), reason="the kernel does not tell the peak"
    ),
]

PART = bytes(range(256)) * (5 * 1024 * 1024 // 256)
PARTS = 32
PARALLEL = 8
#: A part is there as JSON, as text and as bytes for a moment.
ALLOWED = 8 * len(PART)


class Peak:
    """The largest size of a process since this was made, in bytes above its size then."""

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


@pytest.fixture
def server(start: Callable[..., Any], tmp_path: Path) -> Any:
    """Return a server that keeps layers, and has worked before."""
    command = start("--data", str(tmp_path))
    with command.client() as client:
        client.create_repository(repository_name="app")
        push_part_by_part(client, 1)
    return command


def digest(parts: int) -> str:
    found = hashlib.sha256()
    for _ in range(parts):
        found.update(PART)
    return f"sha256:{found.hexdigest()}"


def push_part_by_part(client: ECRClient, parts: int) -> None:
    upload = str(client.initiate_layer_upload(repository_name="app").upload_id)
    for number in range(parts):
        client.upload_layer_part(
            repository_name="app",
            upload_id=upload,
            part_first_byte=number * len(PART),
            part_last_byte=(number + 1) * len(PART) - 1,
            layer_part_blob=PART,
        )
    client.complete_layer_upload(
        repository_name="app", upload_id=upload, layer_digests=[digest(parts)]
    )


def test_a_layer_through_the_api(server: Any) -> None:
    """A layer that comes in many parts takes no more than a few of them."""
    peak = Peak(server.process.pid)
    with server.client() as client:
        push_part_by_part(client, PARTS)

    assert peak.growth() < ALLOWED


def test_parts_at_the_same_time(server: Any) -> None:
    """However many large parts come at once, they share an amount of memory, and give it back."""
    part = PART * 2
    status = Peak(server.process.pid)

    def push(number: int) -> Any:
        upload = str(client.initiate_layer_upload(repository_name="app").upload_id)
        return client.upload_layer_part(
            repository_name="app",
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(part) - 1,
            layer_part_blob=part,
        ).last_byte_received

    with server.client(max_pool_connections=PARALLEL) as client:
        with ThreadPoolExecutor(PARALLEL) as pool:
            received = list(pool.map(push, range(2 * PARALLEL)))
        client.describe_repositories()

    assert set(received) == {len(part) - 1}
    assert status.growth() < BUDGET + ALLOWED
    assert status.left() < ALLOWED


def test_a_layer_through_the_registry(server: Any, registries: Any) -> None:
    """A layer that comes and goes as one stream takes no more than a few parts."""

    def stream() -> Iterator[bytes]:
        for _ in range(PARTS):
            yield PART

    received, name = hashlib.sha256(), digest(PARTS)
    with server.client() as client:
        registry = registries(client)
    peak = Peak(server.process.pid)
    upload = registry.start("app")
    registry.send("PATCH", upload, data=stream()).raise_for_status()
    registry.send("PUT", upload, params={"digest": name}).raise_for_status()
    with registry.send("GET", f"app/blobs/{name}", stream=True) as response:
        for piece in response.iter_content(1 << 20):
            received.update(piece)

    assert f"sha256:{received.hexdigest()}" == name
    assert peak.growth() < ALLOWED
