"""A user's project, in which the plugin is tested."""

from __future__ import annotations

import pytest


@pytest.fixture
def project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, python_path: str
) -> pytest.Pytester:
    """Return a user's project, whose tests run in a separate process."""
    monkeypatch.setenv("PYTHONPATH", python_path)
    # Without the options of the outer run, because only some projects have pytest-asyncio.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-pno:asyncio")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
