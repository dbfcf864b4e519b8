"""The memory of a transfer is bounded, whatever the size of the layers."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_client.local import LocalECR
from ecr_client.testing import random_image

MIB = 1024 * 1024
#: Prints by how many bytes the process has grown at its peak while it transferred an image.
MEASURED = """
import json, resource, sys
from ecr_client import ECRClient
from ecr_client.images import copy_image, pull_image, push_image

transfer, repository, image, output = sys.argv[1:]
unit = 1 if sys.platform == "darwin" else 1024
def peak():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit

client = ECRClient()
client.describe_repositories()
before = peak()
if transfer == "push":
    push_image(client, image, f"{repository}/pushed:1", create=True)
elif transfer == "pull":
    pull_image(client, f"{repository}/pushed:1", output)
else:
    copy_image(client, f"{repository}/pushed:1", client, f"{repository}/copied", create=True)
print(json.dumps(peak() - before))
"""


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no resource module")
def test_memory(local_ecr: LocalECR, tmp_path: Path) -> None:
    """A layer of twice the size takes no more memory, and far less than its size."""
    grown: dict[str, list[int]] = {}
    for size in (96, 192):
        image = random_image(tmp_path / str(size), layers=1, size=size * MIB)
        for transfer in ("push", "pull", "copy"):
            arguments = (transfer, f"size/{size}", str(image.path), str(tmp_path / f"out{size}"))
            done = subprocess.run(
                [sys.executable, "-c", MEASURED, *arguments],
                env=local_ecr.environment(),
                check=True,
                stdout=subprocess.PIPE,
            )
            grown.setdefault(transfer, []).append(json.loads(done.stdout))

    for transfer, (small, large) in grown.items():
        assert large - small < 16 * MIB, transfer
        assert large < 80 * MIB, transfer
