"""The command line with a local ECR."""

from __future__ import annotations

import io
import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest.mock import Mock

import pytest

from ecr_client import ECRClient
from ecr_client.cli import main
from ecr_client.images import push_image
from ecr_client.local import LocalECR
from ecr_client.testing import RandomImage, random_image

Start = Callable[..., "subprocess.Popen[str]"]


class Ended(NamedTuple):
    """The result of a command: its exit status, and what it printed."""

    status: int
    out: str
    err: str

    @property
    def json(self) -> Any:
        """Return the printed JSON."""
        return json.loads(self.out)


Run = Callable[..., Ended]


@pytest.fixture
def environment(local_ecr: LocalECR, monkeypatch: pytest.MonkeyPatch) -> None:
    """Point this process, and those that it starts, to the local ECR."""
    for name, value in local_ecr.environment().items():
        monkeypatch.setenv(name, value)


@pytest.fixture
def ecr(
    environment: None, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> Run:
    """Return a function that runs a command line in this process."""

    def run(*words: object, stdin: str = "", is_terminal: bool = False) -> Ended:
        given = io.StringIO(stdin)
        monkeypatch.setattr(sys, "stdin", Mock(wraps=given, isatty=lambda: is_terminal))
        capsys.readouterr()
        status = main([str(word) for word in words])
        return Ended(status, *capsys.readouterr())

    return run


@pytest.fixture
def start(environment: None, tmp_path: Path, python_path: str) -> Start:
    """Return a function that starts a command line in a separate process."""

    def begin(*words: object, **options: Any) -> subprocess.Popen[str]:
        pipes = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE, "text": True}
        return subprocess.Popen(
            [sys.executable, "-m", "ecr_client", *map(str, words)],
            env={**os.environ, "PYTHONPATH": python_path},
            cwd=tmp_path,
            **{**pipes, **options},
        )

    return begin


@pytest.fixture
def image(tmp_path: Path) -> RandomImage:
    """Return an image for two platforms with two layers each."""
    return random_image(
        tmp_path / "image", seed=1, size=5000, platforms=["linux/amd64", "linux/arm64"]
    )


@pytest.fixture
def pushed(ecr_client: ECRClient, image: RandomImage) -> RandomImage:
    """Push the image as ``team/app:1`` and ``team/app:latest``, and return it."""
    push_image(ecr_client, image.path, "team/app:1", tags=["latest"], create=True)
    return image
