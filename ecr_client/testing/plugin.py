"""Fixtures of a local ECR. pytest loads this module whenever the package is installed.

Nothing else is loaded, and nothing is started, before a test asks for a fixture.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ecr_client.client import ECRClient
    from ecr_client.local import LocalECR


@pytest.fixture(scope="session")
def _local_ecr_of_the_session() -> Iterator[LocalECR]:
    """Give the server that all tests of a session, or of one of its workers, have in common."""
    from ecr_client.local import LocalECR

    with LocalECR() as running:
        yield running


@pytest.fixture
def local_ecr(_local_ecr_of_the_session: LocalECR) -> LocalECR:
    """A running local ECR without any repositories; ``local_ecr.client()`` makes clients of it."""
    _local_ecr_of_the_session.reset()
    return _local_ecr_of_the_session


@pytest.fixture
def ecr_client(local_ecr: LocalECR) -> Iterator[ECRClient]:
    """A client of the test's own local ECR, which is closed after the test."""
    with local_ecr.client() as client:
        yield client
