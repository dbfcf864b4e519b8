"""Synchronizing with executors of other libraries."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from ecr_client.images import plan_sync, push_image
from ecr_client.local import LocalECR
from ecr_client.testing import random_image

distributed = pytest.importorskip("distributed", reason="pip install distributed")


# Threads and sockets of the cluster outlive it for a moment.
@pytest.mark.filterwarnings("ignore::ResourceWarning")
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
def test_dask(
    tmp_path: Path, local_ecr: LocalECR, tags: Callable[..., dict[str, str | None]]
) -> None:
    """The tasks of a plan run on the workers of a Dask cluster, which are other processes."""
    with local_ecr.client() as client:
        for number in range(3):
            image = random_image(tmp_path / str(number), seed=number, layers=1)
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

        assert len(result.copied) == 3
        assert tags(client, "mirror/app") == tags(client)
