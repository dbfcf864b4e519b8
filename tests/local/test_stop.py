"""A server that is told to stop while clients do not go on."""

from __future__ import annotations

import hashlib
import logging
import signal
import socket
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from typing import Any
from urllib.parse import urlsplit

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR

pytestmark = pytest.mark.slow

#: More than the buffers of a connection hold.
LARGE = bytes(1 << 24)
KINDS = ["nothing", "head", "call", "upload", "manifest", "refused", "download", "fault"]


class Stalled:
    """A client that begins a request of some kind and does not go on.

    Args:
        url: The address of a server without signatures, with the repository ``app``.
    """

    def __init__(self, url: str) -> None:
        self._url = url
        self._place = urlsplit(url)

    def begin(self, kind: str) -> socket.socket:
        """Return the connection when the server has begun to work."""
        place = self._place
        opened = socket.create_connection((str(place.hostname), int(place.port or 0)), timeout=60)
        head = f" HTTP/1.1\r\nHost: {place.netloc}\r\n"
        body = f"{head}Content-Length: {len(LARGE)}\r\nExpect: 100-continue\r\n"
        if kind == "nothing":
            return opened
        if kind == "head":
            opened.sendall(f"POST /{head}".encode())
            return opened
        if kind == "download":
            digest = self._blob()
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
            opened.sendall(f"GET /v2/app/blobs/{digest}{head}\r\n".encode())
        elif kind == "refused":
            opened.sendall(f"PUT /v2/app/nothing{body}\r\n".encode().replace(b"Expect", b"X"))
        elif kind in ("call", "fault"):
            target = "AmazonEC2ContainerRegistry_V20150921.UploadLayerPart"
            opened.sendall(f"POST /{body}X-Amz-Target: {target}\r\n\r\n".encode())
        else:
            method, path = {
                "upload": ("PATCH", self._upload()),
                "manifest": ("PUT", "/v2/app/manifests/v1"),
            }[kind]
            opened.sendall(f"{method} {path}{body}\r\n".encode())
        if kind != "fault":
            opened.recv(100)
            opened.sendall(LARGE[:300_000] if kind in ("call", "upload", "manifest") else b"")
        return opened

    def _upload(self) -> str:
        begun = requests.post(f"{self._url}/v2/app/blobs/uploads/", timeout=60)
        return str(begun.headers["Location"])

    def _blob(self) -> str:
        digest = f"sha256:{hashlib.sha256(LARGE).hexdigest()}"
        requests.put(
            self._url + self._upload(), params={"digest": digest}, data=LARGE, timeout=60
        ).raise_for_status()
        return digest


def prepared(client: ECRClient) -> None:
    with client:
        client.create_repository(repository_name="app")


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_the_command_waits_for_no_client(start: Callable[..., Any], number: int) -> None:
    """The command stops with status 0 and no output, whatever its clients are doing."""
    command = start("--no-auth")
    prepared(command.client())
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(Stalled(command.endpoint).begin(kind))
        status, _, errors = command.stop(number)

    assert (status, errors) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_closing_waits_for_no_client(kind: str, caplog: pytest.LogCaptureFixture) -> None:
    """A server in this process closes, whatever a client has begun, and logs no error."""
    caplog.set_level(logging.WARNING)
    with LocalECR(auth=False) as ecr:
        prepared(ecr.client())
        if kind == "fault":
            ecr.faults.add("UploadLayerPart", latency=3_600)
        with Stalled(ecr.endpoint).begin(kind):
            closing = threading.Thread(target=ecr.close, daemon=True)
            closing.start()
            closing.join(60)

            assert not closing.is_alive()
    assert caplog.records == []


def test_requests_in_progress_finish() -> None:
    """A request that is complete when the server stops gets its response."""
    began, may_end = threading.Event(), threading.Event()
    statuses = []
    with LocalECR(auth=False) as ecr:
        prepared(ecr.client())

        def upload() -> None:
            def body() -> Any:
                yield b"x"
                began.set()
                may_end.wait(60)

            location = requests.post(f"{ecr.endpoint}/v2/app/blobs/uploads/", timeout=60)
            address = ecr.endpoint + location.headers["Location"]
            statuses.append(requests.patch(address, data=body(), timeout=60).status_code)

        sending = threading.Thread(target=upload)
        sending.start()
        began.wait(60)
        closing = threading.Thread(target=ecr.close)
        closing.start()
        may_end.set()
        sending.join(60)
        closing.join(60)

    assert statuses == [201]


FORGOTTEN = """
import socket
from urllib.parse import urlsplit
from ecr_client.local import LocalECR
ecr = LocalECR(auth=False)
with ecr.client() as client:
    client.create_repository(repository_name="app")
    upload = client.initiate_layer_upload(repository_name="app").upload_id
place = urlsplit(ecr.endpoint)
opened = socket.create_connection((place.hostname, place.port))
opened.sendall(
    f"PATCH /v2/app/blobs/uploads/{upload} HTTP/1.1\\r\\nHost: {place.netloc}\\r\\n"
    "Content-Length: 9\\r\\nExpect: 100-continue\\r\\n\\r\\n".encode()
)
opened.recv(100)
"""


def test_exit_with_a_stalled_client() -> None:
    """A server that nobody closes does not keep its process, nor report what it gave up."""
    done = subprocess.run(
        [sys.executable, "-c", FORGOTTEN], capture_output=True, text=True, timeout=60, check=False
    )

    assert (done.returncode, done.stderr) == (0, "")
