"""What lists cost: SQL in the store only, and work that grows with the page alone."""

from __future__ import annotations

import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Any

import pytest
import requests

from ecr_client import ECRClient
from ecr_client.local import LocalECR, server
from ecr_client.local.store import Database

PAGE = 50
FILL = """
WITH RECURSIVE numbers (n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM numbers WHERE n < {count})
INSERT INTO images (repository, digest, media_type, size, pushed_at, annotations, children, status)
SELECT 1, printf('sha256:%064x', n), 'a/b', 1, 0, '{{}}', '[]', 'ACTIVE' FROM numbers;
INSERT INTO tags SELECT 1, printf('v%06d', id), id FROM images;
INSERT INTO documents SELECT '123456789012', 'us-east-1', 'image/scan', 'app:' || digest, '0.0'
FROM images;
"""


class Cost:
    """A counter of the statements and the instructions that SQLite executes."""

    def __init__(self) -> None:
        self.statements = self.instructions = 0

    def watch(self, connection: sqlite3.Connection) -> sqlite3.Connection:
        connection.set_trace_callback(self._statement)
        connection.set_progress_handler(self._instruction, 1)
        return connection

    def of(self, call: Callable[..., Any], **members: Any) -> tuple[int, int]:
        """Return how many statements and instructions a call executes."""
        self.statements = self.instructions = 0
        call(**members)
        return self.statements, self.instructions

    def _statement(self, _: str) -> None:
        self.statements += 1

    def _instruction(self) -> None:
        self.instructions += 1


@pytest.fixture
def cost(monkeypatch: pytest.MonkeyPatch) -> Cost:
    """Count what all databases of the test execute."""
    counted, connect = Cost(), Database._connect
    monkeypatch.setattr(Database, "_connect", lambda self: counted.watch(connect(self)))
    return counted


@pytest.fixture
def filled(tmp_path: Path) -> Iterator[Callable[[int], tuple[LocalECR, ECRClient]]]:
    """Yield a function that starts a server with tagged and scanned images, but without blobs."""
    with ExitStack() as stack:

        def start(count: int) -> tuple[LocalECR, ECRClient]:
            folder = tmp_path / str(count)
            with LocalECR(folder, auth=False) as ecr, ecr.client() as client:
                client.create_repository(repository_name="app")
            with closing(sqlite3.connect(folder / "ecr.sqlite3")) as connection:
                connection.executescript(FILL.format(count=count))
            ecr = stack.enter_context(LocalECR(folder, auth=False))
            client = stack.enter_context(ecr.client())
            shutil.rmtree(folder / "blobs")
            # The first token needs a secret, which is generated and stored once.
            client.list_images(repository_name="app", max_results=1)
            return ecr, client

        yield start


def page_of(operation: Callable[..., Any], first: int, cost: Cost) -> tuple[int, int]:
    """Return the cost of a page after the first `first` images."""
    token = None
    while first:
        size = min(first, 1_000)
        token = operation(repository_name="app", max_results=size, next_token=token).next_token
        first -= size
    return cost.of(operation, repository_name="app", max_results=PAGE, next_token=token)


@pytest.mark.slow
def test_cost_of_a_page(filled: Any, cost: Cost) -> None:
    """A page after 4,900 of 5,000 images costs as much as one after 100 of 200."""
    costs = []
    for count in (200, 5_000):
        ecr, client = filled(count)
        first = count - 100
        url = f"{ecr.endpoint}/v2/app/tags/list?n={PAGE}&last=v{first:06}"
        costs.append(
            (
                page_of(client.list_images, first, cost),
                page_of(client.describe_images, first, cost),
                cost.of(requests.get, url=url, timeout=60),
            )
        )
    for (few, little), (many, much) in zip(*costs, strict=True):
        assert 0 < few == many < 25
        assert much < 1.2 * little


def test_statements_of_a_page(filled: Any, cost: Cost) -> None:
    """The number of statements does not grow with the page."""
    _, client = filled(200)
    small, large = (
        cost.of(client.describe_images, repository_name="app", max_results=size)
        for size in (10, 100)
    )

    assert small[0] == large[0]


def test_sql_is_in_the_store() -> None:
    """No module outside the store executes SQL."""
    root = Path(server.__file__).parent
    found = [
        path.relative_to(root).as_posix()
        for path in sorted(root.rglob("*.py"))
        if path.parent.name != "store" and re.search(r"\.execute\w*\(", path.read_text())
    ]

    assert found == []
