"""What a server does that cannot write."""

from __future__ import annotations

import hashlib
import signal
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from ecr_client.exceptions import ServerException
from ecr_client.local.store import Blobs

MIB = 1024 * 1024


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


@pytest.mark.skipif(sys.platform != "linux", reason="needs limits of another process")
def test_a_part_that_cannot_be_written(start: Callable[..., Any], tmp_path: Path) -> None:
    """A part that does not fit is a failure that leaves the upload as it was, and usable."""
    import resource

    command = start("--data", str(tmp_path))
    limit = 6 * MIB
    resource.prlimit(command.process.pid, resource.RLIMIT_FSIZE, (limit, limit))
    first, last = bytes(5 * MIB), b"x" * 100
    with command.client() as client:
        client.create_repository(repository_name="app")
        upload: Any = client.initiate_layer_upload(repository_name="app").upload_id
        common = {"repository_name": "app", "upload_id": upload}

        def part(position: int, data: bytes) -> Any:
            end = position + len(data) - 1
            return client.upload_layer_part(
                **common, part_first_byte=position, part_last_byte=end, layer_part_blob=data
            ).last_byte_received

        part(0, first)
        with pytest.raises(ServerException, match="failed in UploadLayerPart"):
            part(len(first), bytes(5 * MIB))
        received = part(len(first), last)
        done = client.complete_layer_upload(**common, layer_digests=[digest(first + last)])
    _, _, errors = command.stop(signal.SIGTERM)

    assert received == len(first) + len(last) - 1
    assert done.layer_digest == digest(first + last)
    assert "UploadLayerPart failed" in errors
    assert "OSError" in errors


def test_bytes_that_cannot_be_written(tmp_path: Path) -> None:
    """Whatever keeps bytes from being appended, those before them are not touched."""
    blobs = Blobs(tmp_path)
    upload = blobs.begin()
    upload.append(b"1234")
    with pytest.raises(TypeError):
        upload.append("no bytes")  # type: ignore[arg-type]
    upload.append(b"5")
    name = upload.commit()

    assert (name, blobs.read(name)) == (digest(b"12345"), b"12345")
