"""The outcome of a push, a pull and a copy for each kind of fault at each step.

The tables below have the expected outcomes. A test covers each cell, and
``docs/reliability/images.md`` shows them; ``python tests/images/test_faults.py`` rewrites it.
"""

from __future__ import annotations

import errno
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, BinaryIO

import attrs
import pytest

from ecr_client import ECRClient, RetryPolicy
from ecr_client.exceptions import AmazonClientException
from ecr_client.images import (
    BlobStarted,
    TransferResult,
    copy_image,
    layout_target,
    pull_image,
    push_image,
)
from ecr_client.local import LocalECR
from ecr_client.oci import Layout
from ecr_client.testing import RandomImage, assert_image_valid
from ecr_client.transport import Deadline, HTTPRequest, StreamingResponse, Transport

RECORD = Path(__file__).parents[2] / "docs" / "reliability" / "images.md"
UPDATE = "python tests/images/test_faults.py"

READING = ("BatchGetImage", "GetDownloadUrlForLayer", "DownloadLayer")
WRITING = (
    *("BatchCheckLayerAvailability", "InitiateLayerUpload", "UploadLayerPart"),
    *("CompleteLayerUpload", "PutImage"),
)
STEPS = {"push": ("BatchGetImage", *WRITING), "pull": READING, "copy": (*READING, *WRITING)}

LEGEND = (
    "Each step with each fault is a test, and so is each line of the second table. Whatever the",
    "outcome of the first run, the tests check that no tag and no name points to anything",
    "incomplete, that the second run succeeds and moves exactly what the first one has not moved",
    "completely, that the image is then correct, and that no file is left over.",
)


@attrs.frozen
class Fault:
    """Something that goes wrong with the requests of a step.

    Args:
        what: A description of what goes wrong.
        arguments: The arguments of the local server's fault.
        once: The outcome of a transfer if it happens once.
        always: The outcome if it happens every time.
        once_in_storage: The outcome if it happens once in a download of a layer.
        always_in_storage: The outcome if it happens in every download of a layer.
    """

    what: str
    arguments: dict[str, Any]
    once: str
    always: str
    once_in_storage: str = "done"
    always_in_storage: str = "LayerDownloadException"

    def outcome(self, step: str, *, once: bool) -> str:
        """Return the outcome of a transfer: ``done``, or the class of an exception."""
        if step == "DownloadLayer":
            return self.once_in_storage if once else self.always_in_storage
        return self.once if once else self.always


CLOSED, MALFORMED = "ConnectionClosedException", "ResponseParseException"
FAULTS = (
    Fault("the connection drops", {"drop": True}, "done", CLOSED, always_in_storage=CLOSED),
    Fault(
        "the response is lost",
        {"drop": True, "when": "after"},
        *("done", CLOSED),
        always_in_storage=CLOSED,
    ),
    Fault("the response is truncated", {"body": "cut"}, "done", CLOSED, always_in_storage=CLOSED),
    Fault(
        "the response is corrupt",
        {"body": "garbage"},
        *(MALFORMED, MALFORMED),
        always_in_storage="LayerVerificationException",
    ),
    Fault("status 500", {"status": 500}, "done", "AmazonECRException"),
    Fault("throttled", {"error": "ThrottlingException"}, "done", "ThrottlingException"),
    # An expired presigned URL has the same status.
    Fault("status 403", {"status": 403}, "AmazonECRException", "AmazonECRException"),
)
CELLS = [
    pytest.param(transfer, step, fault, once, id=f"{transfer}-{step}-{fault.what}-{once}")
    for transfer, steps in STEPS.items()
    for step in steps
    for fault in FAULTS
    for once in (True, False)
]
#: Other faults, and the outcome of the first transfer; the second one always succeeds.
OTHERS = {
    ("push", "a corrupt byte in a layer on disk"): "ImageSourceException",
    ("push", "a corrupt byte in a part on the wire"): "InvalidSignatureException",
    ("pull to a folder", "a full disk"): "OSError",
    ("pull to an OCI archive", "a full disk"): "OSError",
    ("pull to a Docker archive", "a full disk"): "OSError",
    ("push", "`kill -9`"): "",
    ("pull", "`kill -9`"): "",
    ("copy", "`kill -9`"): "",
}


@attrs.frozen
class Prepared:
    """A server with a pushed image, and transfers to empty targets.

    Args:
        ecr: The server.
        client: A client of it.
        image: The image.
        output: A folder that does not exist yet.
        contents: A function that returns the files below a folder.
    """

    ecr: LocalECR
    client: ECRClient
    image: RandomImage
    output: Path
    contents: Callable[[Path], dict[str, bytes]]

    def run(self, transfer: str, client: ECRClient | None = None) -> TransferResult:
        """Push, pull or copy the image."""
        client = client or self.client
        if transfer == "push":
            return push_image(client, self.image.path, "team/target:1", concurrency=1)
        if transfer == "pull":
            return pull_image(client, "team/app:1", self.output, concurrency=1)
        return copy_image(client, "team/app:1", client, "team/target", concurrency=1)

    def moved_before(self, transfer: str) -> int:
        """Return how many bytes of layers and configurations the target has."""
        if transfer == "pull":
            return sum(
                blob.size for blob in self.image.blobs if self._pulled(blob.digest).is_file()
            )
        found = self.client.batch_check_layer_availability_all(
            repository_name="team/target", layer_digests=[blob.digest for blob in self.image.blobs]
        )
        return sum(layer.layer_size or 0 for layer in found.layers)

    def is_tagged(self, transfer: str) -> bool:
        """Return whether the target has the image under its tag."""
        if transfer == "pull":
            is_layout = (self.output / "oci-layout").exists()
            return is_layout and bool(Layout(self.output).read_index().manifests)
        images = self.client.paginate_list_images(repository_name="team/target")
        return any(image.image_tag for image in images)

    def check_second(self, transfer: str) -> None:
        """Assert that another transfer moves only what is missing, and completes the image."""
        moved = self.moved_before(transfer)
        if self.is_tagged(transfer):  # only the response to the last call was lost
            assert_image_valid(self.client, "team/target:1")
        result = self.run(transfer)

        assert result.bytes_moved == sum(blob.size for blob in self.image.blobs) - moved
        self.check(transfer)

    def check(self, transfer: str) -> None:
        """Assert that the target has the image with its tag, and nothing else."""
        assert self.is_tagged(transfer)
        if transfer == "pull":
            assert self.contents(self.output / "blobs") == self.contents(self.image.path / "blobs")
        else:
            assert_image_valid(self.client, "team/target:1")

    def _pulled(self, digest: str) -> Path:
        return self.output / "blobs" / "sha256" / digest.partition(":")[2]


@pytest.fixture
def prepared(
    local_ecr: LocalECR, pushed: RandomImage, tmp_path: Path, contents: Any
) -> Iterator[Prepared]:
    """Yield a server with the image, and a client with short timeouts."""
    with local_ecr.client().with_options(retry=RetryPolicy(max_delay=0.001)) as client:
        client.create_repository(repository_name="team/target")
        yield Prepared(local_ecr, client, pushed, tmp_path / "out", contents)


@pytest.mark.parametrize(("transfer", "step", "fault", "once"), CELLS)
def test_faults(prepared: Prepared, transfer: str, step: str, fault: Fault, once: bool) -> None:
    """A transfer succeeds despite a fault, or fails without a tag and succeeds the next time."""
    prepared.ecr.faults.add(step, count=1 if once else None, **fault.arguments)
    outcome = "done"
    try:
        prepared.run(transfer)
    except AmazonClientException as error:
        outcome = type(error).__name__
    prepared.ecr.faults.clear()

    assert outcome == fault.outcome(step, once=once)
    if outcome == "done":
        prepared.check(transfer)
    else:
        prepared.check_second(transfer)


class Corrupting(Transport):
    """A transport that corrupts a byte of each part.

    Args:
        transport: The transport that sends the requests.
    """

    def __init__(self, transport: Transport) -> None:
        self._transport = transport

    def send(self, request: HTTPRequest, deadline: Deadline) -> StreamingResponse:
        """Send a request; if it has a part, corrupt a byte after signing."""
        if request.purpose == "UploadLayerPart":
            body = request.body[:-3] + b'A"}'
            request = HTTPRequest("POST", request.url, request.headers, body, request.purpose)
        return self._transport.send(request, deadline)

    def close(self) -> None:
        """Close the connections."""
        self._transport.close()


def test_corrupt_parts(prepared: Prepared) -> None:
    """A part that is corrupted on its way is refused, and the next push succeeds."""
    with prepared.ecr.client() as client:
        client.transport = Corrupting(client.transport)
        with pytest.raises(AmazonClientException) as raised:
            prepared.run("push", client)

    assert type(raised.value).__name__ == OTHERS["push", "a corrupt byte in a part on the wire"]
    prepared.check_second("push")


def test_corrupt_files(prepared: Prepared) -> None:
    """A layer that is corrupt on disk is detected, and pushed once it is correct again."""
    path = prepared.image.blob_path(prepared.image.blobs[0].digest)
    content = path.read_bytes()
    path.write_bytes(b"?" + content[1:])
    with pytest.raises(AmazonClientException) as raised:
        prepared.run("push")
    path.write_bytes(content)

    assert type(raised.value).__name__ == OTHERS["push", "a corrupt byte in a layer on disk"]
    prepared.check_second("push")


@pytest.mark.parametrize("form", ["oci", "oci-archive", "docker-archive"])
def test_full_disks(
    prepared: Prepared, form: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A pull that fills the disk fails without leaving partial files, and the next one succeeds."""
    space, is_full = 30_000, True
    unfinished_file = layout_target.unfinished_file

    @contextmanager
    def limited(folder: Path) -> Iterator[tuple[BinaryIO, Callable[[Path], None]]]:
        with unfinished_file(folder) as (file, publish):
            if is_full:
                write = file.write

                def checked(data: bytes) -> int:
                    nonlocal space
                    space -= len(data)
                    if space < 0:
                        raise OSError(errno.ENOSPC, "No space left on device")
                    return write(data)

                monkeypatch.setattr(file, "write", checked, raising=False)
            yield file, publish

    monkeypatch.setattr(layout_target, "unfinished_file", limited)
    arguments = (prepared.client, "team/app:1", f"{form}:{tmp_path / 'pulled'}")
    with pytest.raises(OSError, match=f"No space left.*{tmp_path}"):
        pull_image(*arguments, platforms=["linux/amd64"])
    left = [path for path in tmp_path.rglob("*") if path.name.startswith(".")]
    is_full = False
    pull_image(*arguments, platforms=["linux/amd64"])

    assert left == []
    assert push_image(prepared.client, f"{form}:{tmp_path / 'pulled'}", "team/target:1").layers


KILLED = """
import os, signal, sys
from ecr_client import ECRClient
from ecr_client.images import copy_image, pull_image, push_image

transfer, kind, count, image, output = sys.argv[1:]
left = int(count)

def progress(event):
    global left
    left -= type(event).__name__ == kind
    if not left:
        os.kill(os.getpid(), signal.SIGKILL)

client = ECRClient()
options = {"progress": progress, "concurrency": 1}
if transfer == "push":
    push_image(client, image, "team/target:1", **options)
elif transfer == "pull":
    pull_image(client, "team/app:1", output, **options)
else:
    copy_image(client, "team/app:1", client, "team/target", **options)
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
@pytest.mark.parametrize(
    ("kind", "count"), [("BytesMoved", 1), ("BytesMoved", 3), ("BlobFinished", 6)]
)
@pytest.mark.parametrize("transfer", STEPS)
def test_kills(prepared: Prepared, transfer: str, kind: str, count: int) -> None:
    """A killed transfer leaves only complete layers, which the next one does not move again."""
    arguments = (transfer, kind, str(count), str(prepared.image.path), str(prepared.output))
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env={**prepared.ecr.environment()}
    )

    assert done.returncode == -9
    assert (prepared.moved_before(transfer) > 0) is (count > 1)
    prepared.check_second(transfer)


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_kills_of_archives(prepared: Prepared, tmp_path: Path) -> None:
    """A killed pull into an archive resumes from its complete layers, and leaves nothing behind."""
    output = tmp_path / "archives" / "image.tar"
    arguments = ("pull", "BlobFinished", "3", "", f"oci-archive:{output}")
    done = subprocess.run(
        [sys.executable, "-c", KILLED, *arguments], env=prepared.ecr.environment(), check=False
    )
    was_written = output.exists()
    result = pull_image(prepared.client, "team/app:1", f"oci-archive:{output}")

    assert (done.returncode, was_written) == (-9, False)
    assert 0 < result.bytes_skipped < sum(blob.size for blob in prepared.image.blobs)
    assert list(output.parent.iterdir()) == [output]


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no flock")
def test_two_pulls(prepared: Prepared, tmp_path: Path) -> None:
    """Two pulls do not write the same archive at the same time."""
    target = f"oci-archive:{tmp_path / 'image.tar'}"

    def progress(event: object) -> None:
        if isinstance(event, BlobStarted):
            with pytest.raises(FileExistsError, match="another process or thread"):
                pull_image(prepared.client, "team/app:1", target)

    pull_image(prepared.client, "team/app:1", target, progress=progress)

    assert (tmp_path / "image.tar").exists()


def table() -> list[str]:
    """Return the lines of the tables."""
    lines = ["| fault | where | once | every time |", "|---|---|---|---|"]
    for fault in FAULTS:
        for step, where in (("", "the API"), ("DownloadLayer", "the storage of layers")):
            once, always = (_shown(fault.outcome(step, once=each)) for each in (True, False))
            lines.append(f"| {fault.what} | {where} | {once} | {always} |")
    lines += ["", "| transfer | fault | first run |", "|---|---|---|"]
    lines += [
        f"| {transfer} | {what} | {_shown(outcome) if outcome else 'killed'} |"
        for (transfer, what), outcome in OTHERS.items()
    ]
    steps = "; ".join(
        f"{name}: {', '.join(f'`{e}`' for e in each)}" for name, each in STEPS.items()
    )
    return [*lines, "", f"The first table holds for each step. {steps}.", *LEGEND]


def _shown(outcome: str) -> str:
    return outcome if outcome == "done" else f"`{outcome}`"


def test_recorded_tables() -> None:
    """The tables in the documentation are those of the tests."""
    recorded = RECORD.read_text(encoding="utf-8").splitlines()

    assert recorded == table(), f"If the change is intended, run `{UPDATE}`."


if __name__ == "__main__":
    RECORD.write_text("\n".join(table()) + "\n", encoding="utf-8")
    print(f"wrote {RECORD}")
