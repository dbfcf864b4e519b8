"""Fixtures for tests of the engine: a clock that stands still."""

from __future__ import annotations

import pytest


class Ticker:
    """A monotonic clock that advances only when a test says so."""

    passed = 0.0

    def __call__(self) -> float:
        return 1000.0 + self.passed


@pytest.fixture
def ticker() -> Ticker:
    """Return a monotonic clock that advances only when a test says so."""
    return Ticker()
