"""The page of the guide: its commands print what it says, and its tables are complete."""

from __future__ import annotations

import re
import shlex
from pathlib import Path
from typing import Any

import pytest

from ecr_client import ECRClient
from ecr_client.cli import errors
from ecr_client.cli.options import GLOBAL
from ecr_client.cli.program import ecr as program
from ecr_client.images import pull_image, push_image
from ecr_client.testing import random_image

PAGE = Path(__file__).resolve().parents[2] / "docs" / "guide" / "command-line.md"
TEXT = PAGE.read_text(encoding="utf-8")
BLOCK = re.compile(r"^```console\n(.*?)^```$", re.MULTILINE | re.DOTALL)
#: What differs from run to run.
VARYING = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:5001",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "2026-11-27 09:30",
    r"in \d+\.\d s": "in 0.1 s",
}


def lasting(text: str) -> str:
    """Return a text with constants in the place of what varies."""
    for pattern, constant in VARYING.items():
        text = re.sub(pattern, constant, text)
    return text


def test_commands_print_what_the_page_says(
    ecr: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command succeeds after those before it, and prints what the page has below it.

    That is what a terminal of 80 columns shows.
    """
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.setenv("NO_COLOR", "1")
    random_image(tmp_path / "app", seed=1, size=5000, platforms=["linux/amd64", "linux/arm64"])
    shown = "".join(BLOCK.findall(TEXT))
    printed = ""
    for line in re.findall(r"^\$ ecr (.*)$", shown, re.MULTILINE):
        ended = ecr(*shlex.split(line))
        assert ended.status == 0, (line, ended.err)
        printed += f"$ ecr {line}\n{ended.out}"

    assert lasting(printed) == lasting(shown)


def test_commands_of_the_readme(
    ecr: Any, ecr_client: ECRClient, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each command of the README succeeds after those before it."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path))
    image = random_image(tmp_path / "app")
    push_image(ecr_client, image.path, "app:1.0", create=True)
    pull_image(ecr_client, "app:1.0", "docker-archive:app.tar")
    text = (PAGE.parents[2] / "README.md").read_text(encoding="utf-8")
    blocks = "".join(re.findall(r"^```sh\n(.*?)^```$", text, re.MULTILINE | re.DOTALL))
    commands = re.findall(r"\becr (.*?)(?: &&|  +#|$)", blocks, re.MULTILINE)

    assert len(commands) == 7
    for command in commands:
        ended = ecr(*shlex.split(command))
        assert ended.status == 0, (command, ended.err)


def test_all_commands_are_listed() -> None:
    """The table of commands has each command."""
    table = TEXT.partition("| command |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`ecr (\w+)", table)) == {*program.modules}


def test_all_global_options_are_listed() -> None:
    """The table of the global options has each of them."""
    table = TEXT.partition("## Global options")[2].partition("\n\n`copy`")[0]

    assert set(re.findall(r"`(--[\w-]+)`", table)) == {each.opts[0] for each in GLOBAL}


def test_all_statuses_are_listed() -> None:
    """The table of exit statuses has each of them."""
    constants = [value for name, value in vars(errors).items() if name.isupper()]

    assert {int(each) for each in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)} == {
        *(0, 130, 141),
        *(value for value in constants if isinstance(value, int)),
    }
