"""Fixtures for tests with third-party tools: fresh interpreters, and a server with TLS."""

from __future__ import annotations

import ssl
import subprocess
import sys
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient


@pytest.fixture
def run_script() -> Callable[..., list[str]]:
    """Return a function that runs code in a fresh interpreter and returns the printed lines.

    A process that hangs fails the test.
    """

    def run(script: str, *arguments: str) -> list[str]:
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", script, *arguments],
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert done.returncode == 0, done.stderr
        assert done.stderr == ""
        return done.stdout.splitlines()

    return run


@pytest.fixture(params=["http", "https"])
def web_client(
    request: pytest.FixtureRequest,
    server: Any,
    credentials: Credentials,
    context: ssl.SSLContext,
    trusted: str,
) -> Iterator[ECRClient]:
    """Yield a client of the scripted server, without and with TLS in turn."""
    if request.param == "https":
        server._server.socket = context.wrap_socket(server._server.socket, server_side=True)
        server.url = server.url.replace("http:", "https:")
    config = ClientConfiguration(verify=trusted)
    with ECRClient(
        region="eu-west-1", endpoint=server.url, credentials=credentials, config=config
    ) as client:
        yield client
