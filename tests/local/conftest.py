"""The command in a process of its own."""

from __future__ import annotations

import shlex
import signal
import subprocess
import sys
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient


class Command:
    """A running command, and what it has printed."""

    def __init__(self, *arguments: str, prefix: Sequence[str] = ()) -> None:
        self.process = subprocess.Popen(
            [*prefix, sys.executable, "-m", "ecr_client.local", "--port", "0", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert self.process.stdout is not None
        self.printed = [self.process.stdout.readline()]
        while self.printed[-1] and "docker login" not in self.printed[-1]:
            self.printed.append(self.process.stdout.readline())
        self.endpoint = self.printed[0].rpartition(" ")[2].strip()

    @property
    def environment(self) -> dict[str, str]:
        """The variables that it says to export."""
        exports = [shlex.split(line) for line in self.printed if line.startswith("export ")]
        return dict(words[1].split("=", 1) for words in exports)

    def client(self, **options: Any) -> ECRClient:
        """Return a client by what was printed, with further options of a configuration."""
        found = self.environment
        return ECRClient(
            region=found["AWS_REGION"],
            endpoint=found["AWS_ENDPOINT_URL_ECR"],
            credentials=Credentials(
                found["AWS_ACCESS_KEY_ID"],
                found["AWS_SECRET_ACCESS_KEY"],
                found.get("AWS_SESSION_TOKEN"),
            ),
            config=ClientConfiguration(proxies={}, verify=found.get("AWS_CA_BUNDLE"), **options),
        )

    def stop(self, number: int) -> tuple[int, str, str]:
        """Send a signal; give exit status and what was printed."""
        if self.process.poll() is None:
            self.process.send_signal(number)
        output, errors = self.process.communicate(timeout=60)
        return self.process.returncode, output, errors


@pytest.fixture
def start() -> Iterator[Callable[..., Command]]:
    """Yield a function that starts the command with some arguments, perhaps by another command."""
    started: list[Command] = []

    def start(*arguments: str, prefix: Sequence[str] = ()) -> Command:
        started.append(Command(*arguments, prefix=prefix))
        return started[-1]

    yield start
    for command in started:
        # Not killed: it would leave its temporary folder behind.
        command.stop(signal.SIGTERM)
