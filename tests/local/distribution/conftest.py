"""Servers of both protocols, and authenticated sessions with a repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.local import LocalECR


def _server(**options: Any) -> Any:
    @pytest.fixture(scope="session")
    def server() -> Iterator[LocalECR]:
        with LocalECR(**options) as running:
            yield running

    return server


_ecr = _server()
_oci = _server(registry_protocol="oci")


@pytest.fixture
def ecr(_ecr: LocalECR) -> LocalECR:
    """Return a server without any repositories."""
    _ecr.reset()
    return _ecr


@pytest.fixture
def oci_registry(_oci: LocalECR, registries: Callable[[ECRClient], Any]) -> Iterator[Any]:
    """Yield a session with a server that follows OCI, with the repository ``team/app``."""
    _oci.reset()
    with _oci.client() as client:
        client.create_repository(repository_name="team/app")
        yield registries(client)


@pytest.fixture
def api(ecr: LocalECR) -> Iterator[ECRClient]:
    """Yield a client of the server's API, with the repository ``team/app``."""
    with ecr.client() as client:
        client.create_repository(repository_name="team/app")
        yield client


@pytest.fixture
def registry(api: ECRClient, registries: Callable[[ECRClient], Any]) -> Any:
    """Return a session with the same registry as the client's."""
    return registries(api)
