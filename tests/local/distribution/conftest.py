"""Servers of both kinds, and callers of the registry protocol, with a repository."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.local import LocalECR


@pytest.fixture(scope="session")
def _server() -> Iterator[LocalECR]:
    with LocalECR() as running:
        yield running


@pytest.fixture(scope="session")
def _oci_server() -> Iterator[LocalECR]:
    with LocalECR(registry_protocol="oci") as running:
        yield running


@pytest.fixture
def ecr(_server: LocalECR) -> LocalECR:
    """Return a server without any repositories."""
    _server.reset()
    return _server


@pytest.fixture
def oci(_oci_server: LocalECR) -> LocalECR:
    """Return the same with the registry protocol as OCI specifies it."""
    _oci_server.reset()
    return _oci_server


@pytest.fixture
def oci_registry(oci: LocalECR, registries: Callable[[ECRClient], Any]) -> Iterator[Any]:
    """Yield a caller of that registry, which has the repository ``team/app``."""
    with oci.client() as client:
        client.create_repository(repository_name="team/app")
        yield registries(client)


@pytest.fixture
def api(ecr: LocalECR) -> Iterator[ECRClient]:
    """Yield a client of the server's API, in whose registry is the repository ``team/app``."""
    with ecr.client() as client:
        client.create_repository(repository_name="team/app")
        yield client


@pytest.fixture
def registry(api: ECRClient, registries: Callable[[ECRClient], Any]) -> Any:
    """Return a caller of the registry protocol whose registry the client's is."""
    return registries(api)
