"""Synchronization with executors of other libraries."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path

import pytest

from ecr_client.local import LocalECR

# In a separate process, because the library changes how all exceptions are pickled.
PROGRAM = """
import sys

import distributed

from ecr_client import ECRClient
from ecr_client.images import plan_sync, push_image
from ecr_client.testing import random_image

if __name__ == "__main__":
    with ECRClient() as client:
        for number in range(3):
            image = random_image(f"{sys.argv[1]}/{number}", seed=number, layers=1)
            push_image(client, image.path, f"team/app:{number}", create=True)
        plan = plan_sync(client, "team/app", client, "mirror/app", create=True)
        with (
            distributed.LocalCluster(
                n_workers=2,
                threads_per_worker=1,
                processes=True,
                dashboard_address=None,
                host="127.0.0.1",
            ) as cluster,
            distributed.Client(cluster) as dask,
        ):
            result = plan.execute(dask.get_executor()).raise_for_failures()
        found, wanted = (
            sorted((each.image_tag, each.image_digest) for each in client.paginate_list_images(
                repository_name=name
            ))
            for name in ("mirror/app", "team/app")
        )
        print(len(result.copied), found == wanted)
"""


@pytest.mark.slow
@pytest.mark.skipif(
    importlib.util.find_spec("distributed") is None, reason="pip install distributed"
)
def test_dask(tmp_path: Path, local_ecr: LocalECR) -> None:
    """The tasks of a plan run on the workers of a Dask cluster, in other processes."""
    program = tmp_path / "program.py"
    program.write_text(PROGRAM)
    done = subprocess.run(
        [sys.executable, str(program), str(tmp_path)],
        capture_output=True,
        text=True,
        env={**os.environ, **local_ecr.environment()},
    )

    assert done.stdout.splitlines()[-1:] == ["3 True"], done.stderr[-2000:]
