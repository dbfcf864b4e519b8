"""A project of somebody else, in which the plugin is tested."""

from __future__ import annotations

import pytest


@pytest.fixture
def project(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch, python_path: str
) -> pytest.Pytester:
    """Return the tests of somebody else's project, which are run in a process of their own."""
    monkeypatch.setenv("PYTHONPATH", python_path)
    # Not the options of the outer run; only some projects have pytest-asyncio.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-pno:asyncio")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
