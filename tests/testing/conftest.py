"""A project of somebody else, in which the plugin is tested."""

from __future__ import annotations

import os

import pytest


@pytest.fixture
def project(pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch) -> pytest.Pytester:
    """Return the tests of somebody else's project, which are run in a process of their own."""
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, inherited)))
    # Not the options of the outer run; only some projects have pytest-asyncio.
    monkeypatch.setenv("PYTEST_ADDOPTS", "-pno:asyncio")
    pytester.makeini("[pytest]\nfilterwarnings = error\n")
    return pytester
