"""A server that stops while its clients are stalled in the middle of a request."""

from __future__ import annotations

import logging
import os
import signal
import socket
import sys
import threading
from collections.abc import Callable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client.local import LocalECR
from ecr_client.oci import Digest

pytestmark = pytest.mark.slow

#: More than the buffers of a connection hold.
LARGE = bytes(1 << 24)
KINDS = ["nothing", "head", "call", "upload", "manifest", "refused", "download", "fault"]


@pytest.fixture
def begin(dial: Any) -> Callable[[str, str], socket.socket]:
    """Return a function that begins a request of some kind, and then stalls."""

    def start_upload(url: str) -> str:
        return str(requests.post(f"{url}/v2/app/blobs/uploads/", timeout=60).headers["Location"])

    def begin(url: str, kind: str) -> socket.socket:
        """Return the connection once the server has begun to work."""
        head = " HTTP/1.1\r\nHost: localhost\r\n"
        body = f"{head}Content-Length: {len(LARGE)}\r\nExpect: 100-continue\r\n"
        part = "X-Amz-Target: AmazonEC2ContainerRegistry_V20150921.UploadLayerPart\r\n"
        if kind == "upload":
            sent = f"PATCH {start_upload(url)}{body}\r\n"
        elif kind == "download":
            digest = Digest.of(LARGE)
            place, query = url + start_upload(url), {"digest": digest}
            requests.put(place, params=query, data=LARGE, timeout=60).raise_for_status()
            sent = f"GET /v2/app/blobs/{digest}{head}\r\n"
        else:
            sent = {
                "nothing": "",
                "head": f"POST /{head}",
                "call": f"POST /{body}{part}\r\n",
                "fault": f"POST /{body}{part}\r\n",
                "manifest": f"PUT /v2/app/manifests/v1{body}\r\n",
                "refused": f"PUT /v2/app/nothing{body}\r\n".replace("Expect", "X"),
            }[kind]
        opened: socket.socket = dial(url)
        if kind == "download":
            opened.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
        opened.sendall(sent.encode())
        if kind not in ("nothing", "head", "fault"):
            opened.recv(100)
            opened.sendall(LARGE[:300_000] if kind in ("call", "upload", "manifest") else b"")
        return opened

    return begin


def test_the_command_does_not_wait(start: Callable[..., Any], begin: Any) -> None:
    """The command stops with status 0 and no output, whatever its clients are doing."""
    command = start("--no-auth")
    with command.client() as client:
        client.create_repository(repository_name="app")
    with ExitStack() as stack:
        for kind in KINDS:
            stack.enter_context(begin(command.endpoint, kind))
        status, _, errors = command.stop(signal.SIGTERM)

    assert (status, errors) == (0, "")


@pytest.mark.parametrize("kind", KINDS)
def test_closing_does_not_wait(kind: str, begin: Any, caplog: pytest.LogCaptureFixture) -> None:
    """A server in this process closes, whatever its clients have begun, and logs no error."""
    caplog.set_level(logging.WARNING)
    with LocalECR(auth=False) as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="app")
        if kind == "fault":
            ecr.faults.add("UploadLayerPart", latency=3_600)
        with begin(ecr.endpoint, kind):
            closing = threading.Thread(target=ecr.close, daemon=True)
            closing.start()
            closing.join(60)

            assert not closing.is_alive()
    assert caplog.records == []


def test_requests_in_progress_finish() -> None:
    """A request that has arrived completely when the server stops still gets its response."""
    began, may_end = threading.Event(), threading.Event()
    statuses = []

    def body() -> Any:
        yield b"x"
        began.set()
        may_end.wait(60)

    def upload(url: str) -> None:
        place = requests.post(f"{url}/v2/app/blobs/uploads/", timeout=60).headers["Location"]
        statuses.append(requests.patch(url + place, data=body(), timeout=60).status_code)

    with LocalECR(auth=False) as ecr:
        with ecr.client() as client:
            client.create_repository(repository_name="app")
        threads = [
            threading.Thread(target=upload, args=(ecr.endpoint,)),
            threading.Thread(target=ecr.close),
        ]
        threads[0].start()
        began.wait(60)
        threads[1].start()
        may_end.set()
        for thread in threads:
            thread.join(60)

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


def test_exit_with_a_stalled_client(execute: Any) -> None:
    """A server that is never closed does not block the exit of its process, nor report an error."""
    assert execute(sys.executable, "-c", FORGOTTEN).stderr == ""


@pytest.mark.skipif(sys.platform != "linux", reason="asks the kernel of Linux")
def test_files_of_closed_servers() -> None:
    """A closed server has no file open, even before it is garbage."""
    ecr = LocalECR(auth=False)
    folder = ecr._store.root
    with ecr, ecr.client() as client:
        client.create_repository(repository_name="app")
        upload = client.initiate_layer_upload(repository_name="app").upload_id
        client.upload_layer_part(
            repository_name="app",
            upload_id=upload,
            part_first_byte=0,
            part_last_byte=len(LARGE) - 1,
            layer_part_blob=LARGE,
        )
    opened = [os.path.realpath(path) for path in Path("/proc/self/fd").iterdir()]

    assert [path for path in opened if path.startswith(str(folder))] == []
