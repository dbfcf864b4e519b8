"""How results are printed."""

from __future__ import annotations

import json
from typing import Any

import pytest
import yaml

from ecr_client import ECRClient
from ecr_client.cli.output import plain, render
from ecr_client.cli.tables import Column, Table, render_table, size
from ecr_client.models import AuthorizationData, GetAuthorizationTokenResult
from ecr_client.testing import example

DOCUMENT = {"repositories": [{"repositoryName": "a", "tags": []}, {"repositoryName": "b"}]}


@pytest.mark.parametrize(
    ("output", "query", "expected"),
    [
        (None, None, "the table"),
        ("table", None, "the table"),
        ("json", None, json.dumps(DOCUMENT, indent=4)),
        (None, "repositories[0].repositoryName", '"a"'),
        ("table", "repositories[0].repositoryName", "a"),
        ("table", "repositories[].repositoryName", "a\nb"),
        ("table", "repositories[].[repositoryName, `1`]", "a  1\nb  1"),
        ("table", "repositories[].{name: repositoryName}", "name\na\nb"),
        ("table", "repositories[0]", "repositoryName  a\ntags            []"),
        ("table", "nothing", ""),
        ("yaml", "repositories[0]", "repositoryName: a\ntags: []"),
        ("yaml", "repositories[0].repositoryName", "a"),
        (None, "nothing", "null"),
    ],
)
def test_forms(output: str | None, query: str | None, expected: str) -> None:
    """A document, or what a query selects from it, is printed in each format."""
    assert render(DOCUMENT, lambda: "the table", output, query) == expected


def test_names_of_the_service(ecr: Any, ecr_client: ECRClient) -> None:
    """JSON and YAML have the service's names, and times with a time zone."""
    ecr_client.create_repository(repository_name="team/app")
    document = ecr("repos", "list", "--output", "json").json
    (found,) = document["repositories"]

    assert found["imageScanningConfiguration"] == {"scanOnPush": False}
    assert found["encryptionConfiguration"] == {"encryptionType": "AES256"}
    assert found["createdAt"].endswith("+00:00")
    assert yaml.safe_load(ecr("repos", "list", "--output", "yaml").out) == document


def test_secrets_are_left_out() -> None:
    """Values that are hidden from a repr are in no document."""
    secret = example(AuthorizationData, authorization_token="QVdTOnNlY3JldA==")
    result = GetAuthorizationTokenResult(authorization_data=[secret])

    (found,) = plain(result)["authorizationData"]

    assert found.keys() == {"expiresAt", "proxyEndpoint"}


@pytest.mark.parametrize(
    ("width", "expected"),
    [
        (80, "NAME           SIZE\nteam/app       1 B\nteam/app-long  2 B"),
        (14, "NAME      SIZE\nteam/app   1 B\nteam/ap…   2 B"),
        (5, "NAME      SIZE\nteam/app   1 B\nteam/ap…   2 B"),
        (None, "NAME           SIZE\nteam/app        1 B\nteam/app-long   2 B"),
    ],
)
def test_tables_fit_the_terminal(
    monkeypatch: pytest.MonkeyPatch, width: int | None, expected: str
) -> None:
    """Long cells are shortened on a narrow terminal, but never in a pipe."""
    columns = [Column("NAME", cut="end"), Column("SIZE", right=True)]
    monkeypatch.setattr("sys.stdout.isatty", lambda: width is not None)
    monkeypatch.setenv("COLUMNS", str(width or 20))
    monkeypatch.setenv("NO_COLOR", "1")
    text = render_table(Table(columns, [("team/app", "1 B"), ("team/app-long", "2 B")]))

    assert text.split() == expected.split()


@pytest.mark.parametrize(
    ("width", "link", "expected"),
    [
        (27, "", ["NAME        LINK  SIZE", "team/app-1         1 B"]),
        (18, "", ["NAME        SIZE", "team/app-1   1 B"]),
        (18, "x", ["NAME        SIZE", "team/app-1   1 B"]),
        (15, "x", ["NAME       SIZE", "team…pp-1   1 B"]),
    ],
)
def test_narrow_tables(
    monkeypatch: pytest.MonkeyPatch, width: int, link: str, expected: list[str]
) -> None:
    """Empty and optional columns are dropped before cells are shortened, names in the middle."""
    columns = [Column("NAME", cut="middle"), Column("LINK", spare=True), Column("SIZE", right=True)]
    rows = [("team/app-1", link, "1 B"), ("team/app-2", link, "2 B")]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", str(width))
    monkeypatch.setenv("NO_COLOR", "1")
    lines = render_table(Table(columns, rows, footer="two rows of a short table")).splitlines()

    assert lines[:2] == expected
    assert max(map(len, lines)) <= width


def test_wide_characters(monkeypatch: pytest.MonkeyPatch) -> None:
    """A wide character counts as two columns of a terminal, a control character as one."""
    columns = [Column("PACKAGE", cut="end"), Column("VERSION")]
    rows = [("パッケージ", "1"), ("ab", "2"), ("e\x1b[1mvil", "3")]
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "18")
    monkeypatch.setenv("NO_COLOR", "1")

    assert render_table(Table(columns, rows)).splitlines() == [
        "PACKAGE    VERSION",
        "パッケー…  1",
        "ab         2",
        "e�[1mvil   3",
    ]


@pytest.mark.parametrize(
    ("terminal", "variables", "expected"),
    [
        (True, {}, True),
        (False, {}, False),
        (True, {"NO_COLOR": "1"}, False),
        (True, {"NO_COLOR": ""}, True),
        (True, {"TERM": "dumb"}, False),
    ],
)
def test_colors(
    monkeypatch: pytest.MonkeyPatch, terminal: bool, variables: dict[str, str], expected: bool
) -> None:
    """Colors are used on terminals only, and can be disabled."""
    monkeypatch.setattr("sys.stdout.isatty", lambda: terminal)
    for name, value in {"TERM": "xterm", **variables}.items():
        monkeypatch.setenv(name, value)
    text = render_table(Table([Column("A", styles={"x": {"fg": "red"}})], [("x",)]))

    assert ("\x1b[31m" in text) == expected


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (0, "0 B"),
        (1023, "1023 B"),
        (1024, "1.0 KiB"),
        (5 << 30, "5.0 GiB"),
        (1 << 60, "1024.0 PiB"),
    ],
)
def test_sizes(count: int, text: str) -> None:
    """Bytes are shown in binary units."""
    assert size(count) == text
