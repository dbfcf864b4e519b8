"""Clients of peers whose every byte a test controls."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy

#: Long enough for a slow machine, and only waited for in full if something is wrong.
PATIENCE = 20


@pytest.fixture
def visitor(
    client_class: Any, credentials: Credentials, trusted: str, policy: RetryPolicy
) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients of a peer, with the options of `ClientConfiguration`."""
    with contextlib.ExitStack() as made:

        def make(server: Any, scheme: str = "http", **options: Any) -> ECRClient:
            config = ClientConfiguration(
                **{"read_timeout": 3 * PATIENCE, "verify": trusted, "retry": policy, **options}
            )
            client: ECRClient = client_class(
                region="eu-west-1",
                endpoint=f"{scheme}://127.0.0.1:{server.port}",
                credentials=credentials,
                config=config,
            )
            return made.enter_context(client)

        yield make


@pytest.fixture
def in_time() -> Callable[[Callable[[], Any]], Any]:
    """Return a function that returns what another returns or raises, if that ends in time."""

    def run(function: Callable[[], Any]) -> Any:
        found: list[Any] = []

        def call() -> None:
            try:
                found.append(function())
            except Exception as error:
                found.append(error)

        thread = threading.Thread(target=call, daemon=True)
        thread.start()
        thread.join(PATIENCE)

        assert found, f"not ended within {PATIENCE} s"
        return found[0]

    return run
