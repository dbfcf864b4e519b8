"""Rules for imports beyond the contracts in ``pyproject.toml``, which only know modules."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

import ecr_client

PACKAGE = Path(ecr_client.__file__).parent
#: Modules and functions that wait or do I/O.
DRIVERS = ("http.client", "time.sleep", "urllib.request")


def imports(folder: str) -> Iterator[tuple[str, str]]:
    """Yield each module of a folder with each name that it imports, ``a.b`` for b from a."""
    for path in sorted((PACKAGE / folder).rglob("*.py")):
        name = path.relative_to(PACKAGE).as_posix()
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import):
                yield from ((name, alias.name) for alias in node.names)
            elif isinstance(node, ast.ImportFrom):
                yield from ((name, f"{node.module}.{alias.name}") for alias in node.names)


@pytest.mark.parametrize("folder", ["cli", "docker", "images"])
def test_only_public_names(folder: str) -> None:
    """Packages on top of the client import no private names of the others."""
    found = [
        (module, name)
        for module, name in imports(folder)
        if name.startswith("ecr_client.") and not name.startswith(f"ecr_client.{folder}.")
        if any(part.startswith("_") and not part.endswith("__") for part in name.split("."))
    ]

    assert found == []


def test_aiohttp_in_one_module() -> None:
    """Only one transport imports aiohttp, which is an extra and slow to import."""
    found = {module for module, name in imports("") if name.partition(".")[0] == "aiohttp"}

    assert found == {"_transport/aiohttp_transport.py"}


def test_engine_without_drivers() -> None:
    """The engine imports nothing that waits or does I/O, not even from allowed modules."""
    found = [each for each in imports("_engine") if each[1].startswith(DRIVERS)]

    assert found == []
