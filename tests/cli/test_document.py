"""The commands of the README work, and the tables of the guide to the command line are complete."""

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


def test_readme(
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


def test_commands() -> None:
    """The table of commands is complete."""
    table = TEXT.partition("| command |")[2].partition("\n\n")[0]

    assert set(re.findall(r"`ecr (\w+)", table)) == {*program.modules}


def test_global_options() -> None:
    """The table of global options is complete."""
    table = TEXT.partition("## Global options")[2].partition("\n\n`copy`")[0]

    assert set(re.findall(r"`(--[\w-]+)`", table)) == {each.opts[0] for each in GLOBAL}


def test_statuses() -> None:
    """The table of exit statuses is complete."""
    constants = [value for name, value in vars(errors).items() if name.isupper()]

    assert {int(each) for each in re.findall(r"^\| (\d+) \|", TEXT, re.MULTILINE)} == {
        *(0, 130, 141),
        *(value for value in constants if isinstance(value, int)),
    }
