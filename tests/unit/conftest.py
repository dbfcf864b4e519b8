"""Fixtures for unit tests: a fake time that passes only when something waits, and clients in it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ClientConfiguration, Credentials, ECRClient, RetryPolicy
from ecr_client._engine.clock import SigningClock
from ecr_client._observer import Observer
from ecr_client._pipeline import Pipeline


class FakeTime:
    """All clocks of a client, and a sleep that is recorded and takes no time."""

    def __init__(self) -> None:
        self.passed = 0.0
        self.waits: list[float] = []

    def monotonic(self) -> float:
        return 1000.0 + self.passed

    def utc(self) -> datetime:
        return datetime(2026, 1, 1, tzinfo=timezone.utc) + timedelta(seconds=self.passed)

    def sleep(self, seconds: float) -> None:
        self.waits.append(seconds)
        self.passed += seconds

    def policy(self, **members: Any) -> RetryPolicy:
        """Return a retry policy that waits in this time, as long as it may."""
        return RetryPolicy(**{"sleep": self.sleep, "random": lambda: 1.0, **members})

    def rules(self, client: ECRClient, *, skew: float = 0.0) -> None:
        """Put a client into this time, with a clock that is some seconds ahead."""
        client._shared.pipeline = Pipeline(
            lifetime=client._shared.lifetime,
            user_agent="test",
            observer=Observer(client._config.hooks),
            max_response_size=client._config.max_response_size,
            clock=SigningClock(lambda: self.utc() + timedelta(seconds=skew)),
            monotonic=self.monotonic,
        )


@pytest.fixture
def own_files(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Return a directory in which the process looks for its configuration and credentials."""
    for name in ("HOME", "USERPROFILE"):
        monkeypatch.setenv(name, str(tmp_path))
    monkeypatch.setenv("BOTO_CONFIG", str(tmp_path / "boto"))
    monkeypatch.setenv("AWS_CONFIG_FILE", str(tmp_path / "config"))
    monkeypatch.setenv("AWS_SHARED_CREDENTIALS_FILE", str(tmp_path / "credentials"))
    return tmp_path


@pytest.fixture
def fake() -> FakeTime:
    """Return a fake time, which passes only when something waits."""
    return FakeTime()


@pytest.fixture
def calling(
    server: Any, credentials: Credentials, fake: FakeTime
) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes clients of the scripted server, which retry in the fake time."""
    made: list[ECRClient] = []

    def make(*, config: Any = None, given: Any = None, **policy: Any) -> ECRClient:
        settings = ClientConfiguration(**{"retry": fake.policy(**policy), **(config or {})})
        made.append(
            ECRClient(
                region="eu-west-1",
                endpoint=server.url,
                credentials=given or credentials,
                config=settings,
            )
        )
        fake.rules(made[-1])
        return made[-1]

    yield make
    for each in made:
        each.shutdown()


@pytest.fixture
def responding(credentials: Credentials) -> Iterator[Callable[..., ECRClient]]:
    """Yield a function that makes a client whose responses come from another function."""
    import responses

    url = "https://ecr.example.org"
    with (
        responses.RequestsMock(assert_all_requests_are_fired=False) as mocked,
        ECRClient(endpoint=url, credentials=credentials) as made,
    ):

        def make(respond: Callable[[Any], tuple[int, dict[str, str], str]]) -> ECRClient:
            mocked.add_callback(responses.POST, f"{url}/", respond)
            return made

        yield make


@pytest.fixture(scope="session")
def shared_ecr() -> Iterator[tuple[Any, list[Callable[[], datetime]]]]:
    """Yield one local ECR for the whole run, and a list whose only item is its clock."""
    # Its dependencies are missing where the client is tested with its oldest ones.
    pytest.importorskip("uvicorn")
    from ecr_client.local import LocalECR

    clock = [FakeTime().utc]
    with LocalECR(clock=lambda: clock[0]()) as running:
        yield running, clock


@pytest.fixture
def ecr(shared_ecr: tuple[Any, list[Callable[[], datetime]]], fake: FakeTime) -> Any:
    """Return an empty local ECR that runs in the fake time."""
    running, clock = shared_ecr
    running.reset()
    clock[0] = fake.utc
    return running
