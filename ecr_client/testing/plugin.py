"""Fixtures of a local ECR. pytest loads this module wherever the package is installed.

Nothing else is loaded or started before a test uses a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_client.async_client import AsyncECRClient
    from ecr_client.client import ECRClient
    from ecr_client.local import LocalECR


@pytest.fixture(scope="session")
def _local_ecr_of_the_session() -> Iterator[LocalECR]:
    """Yield the server that all tests of a session, or of one of its workers, share."""
    from ecr_client.local import LocalECR

    with LocalECR() as running:
        yield running


@pytest.fixture
def local_ecr(_local_ecr_of_the_session: LocalECR) -> LocalECR:
    """Return a running local ECR without repositories; ``local_ecr.client()`` creates clients."""
    _local_ecr_of_the_session.reset()
    return _local_ecr_of_the_session


@pytest.fixture
def ecr_client(local_ecr: LocalECR) -> Iterator[ECRClient]:
    """Yield a client of ``local_ecr``, and shut it down after the test."""
    with local_ecr.client() as client:
        yield client


@pytest.fixture
def async_ecr_client(local_ecr: LocalECR) -> Iterator[AsyncECRClient]:
    """Yield an asynchronous client of ``local_ecr``, which is closed after the test.

    It is for one event loop: that of pytest-asyncio, of anyio, or of ``asyncio.run`` in the test.
    """
    from ecr_client.testing.loops import closed_with_its_loop

    with closed_with_its_loop(local_ecr.async_client()) as client:
        yield client
