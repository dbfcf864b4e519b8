"""Pages with commands and Python in turns: each block does what the page says."""

from __future__ import annotations

import inspect
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from ecr_client.cli import main
from ecr_client.local import LocalECR

DOCS = Path(__file__).resolve().parents[2] / "docs"
#: Those with commands; tests/cli has the page of the command line.
PAGES = [
    page
    for page in sorted(DOCS.rglob("*.md"))
    if "```console\n" in page.read_text("utf-8") and page.name != "command-line.md"
]
BLOCK = re.compile(
    r"^```(python|console)\n(.*?)^```\n(?:(\n```text\n)(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
#: What differs from run to run.
VARYING = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:5001",
    r"AWS_ACCESS_KEY_ID=\S+": "AWS_ACCESS_KEY_ID=AKIA...",
    r"AWS_SECRET_ACCESS_KEY=\S+": "AWS_SECRET_ACCESS_KEY=...",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "2026-11-27 09:30",
    r"in \d+\.\d s": "in 0.1 s",
}
#: The start of a local ECR, on a free port in the place of the one on the page.
LOCAL = "local --port 5001"


def lasting(text: str) -> str:
    """Return a text with constants in the place of what varies."""
    for pattern, constant in VARYING.items():
        text = re.sub(pattern, constant, text)
    return text


class Reader:
    """Follows a page: runs its commands in a terminal of 80 columns, and its Python in between."""

    def __init__(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server: subprocess.Popen[str] | None = None
        self._request = request
        self._monkeypatch = monkeypatch
        self._capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
        self._namespace: dict[str, Any] = {"__name__": "__main__"}

    def follow(self, page: str) -> str:
        """Return the page with what its blocks print now."""
        return BLOCK.sub(self._block, page)

    def _block(self, block: re.Match[str]) -> str:
        if block[1] == "console":
            lines = re.findall(r"^\$ ecr (.*)$", block[2], re.MULTILINE)
            shown = "".join(f"$ ecr {line}\n{self._command(line)}" for line in lines)
            return f"```console\n{shown}```\n"
        printed = self._python(block[2])
        shown = f"{block[3]}{printed}```\n" if block[3] else ""
        return f"```python\n{block[2]}```\n{shown}"

    def _command(self, line: str) -> str:
        if line == LOCAL:
            return self._start()
        self._capsys.readouterr()
        with self._monkeypatch.context() as terminal:
            terminal.setattr("sys.stdout.isatty", lambda: True)
            status = main(shlex.split(line))
        printed = self._capsys.readouterr()

        assert status == 0, (line, printed.err)
        return printed.out

    def _start(self) -> str:
        """Return what a local ECR prints at its start, and export what it says."""
        command = [sys.executable, "-m", "ecr_client", "local", "--port", "0"]
        self.server = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self.server.stdout is not None
        printed = ""
        for line in self.server.stdout:
            printed += line
            if line == "# ecr login\n":
                break
        for name, value in re.findall(r"^export (\w+)=(.*)$", printed, re.MULTILINE):
            self._monkeypatch.setenv(name, value)
        return printed

    def _python(self, code: str) -> str:
        exec(code, self._namespace)
        # A test in a document is a test, and has the fixtures that it asks for.
        for name in [name for name in self._namespace if name.startswith("test_")]:
            test = self._namespace.pop(name)
            fixtures = inspect.signature(test).parameters
            test(**{each: self._request.getfixturevalue(each) for each in fixtures})
        return self._capsys.readouterr().out


@pytest.fixture
def reader(
    aws: LocalECR,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
) -> Iterator[Reader]:
    """Somebody who follows a page in an empty folder, with an ECR in the place of AWS."""
    # Not the repository, whose ecr_client would come before an installed one.
    inherited = [path for path in os.environ.get("PYTHONPATH", "").split(os.pathsep) if path]
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(map(os.path.abspath, inherited)))
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for name, value in {"COLUMNS": "80", "NO_COLOR": "1", "AWS_REGION": "us-east-1"}.items():
        monkeypatch.setenv(name, value)
    found = Reader(request, monkeypatch)
    yield found
    if found.server is not None:
        found.server.terminate()
        found.server.communicate()


@pytest.mark.slow
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_a_page_shows_what_its_blocks_print(reader: Reader, page: Path) -> None:
    """Each command and each block of Python succeeds after those before it, and prints the same."""
    text = page.read_text("utf-8")

    assert lasting(reader.follow(text)) == lasting(text)


def test_the_pages_have_commands() -> None:
    """Nothing but the program `ecr` is started in a console, and there are such pages."""
    assert {"tutorial", "clean-up"} <= {page.stem for page in PAGES}
    for page in PAGES:
        for block in re.findall(r"^```console\n(.*?)^```$", page.read_text("utf-8"), re.M | re.S):
            assert re.findall(r"^\$ (?!ecr )", block, re.MULTILINE) == [], page.name
