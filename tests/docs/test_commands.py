"""Documents with Python and commands: each block does what the document says."""

from __future__ import annotations

import asyncio
import inspect
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
from ecr_client.testing import random_image

ROOT = Path(__file__).resolve().parents[2]
PAGES = {
    page.relative_to(ROOT).as_posix(): page.read_text("utf-8")
    for page in sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
    if "_build" not in page.parts
}
WITH_COMMANDS = {page for page, text in PAGES.items() if "```console\n" in text}
WITH_CODE = [
    pytest.param(page, marks=pytest.mark.slow if page in WITH_COMMANDS else (), id=page)
    for page, text in PAGES.items()
    if page in WITH_COMMANDS or "```python\n" in text
]
NOT_RUN = "<!-- not run -->\n"
#: The blocks that are not run: they need a cluster, a terminal, or the AWS X-Ray SDK.
NOT_RUN_IN = {"docs/guide/bulk.md": 2, "docs/guide/images.md": 1, "docs/guide/tools.md": 1}
BLOCK = re.compile(
    r"^```(python|console)\n(.*?)^```\n(?:(\n```text\n)(.*?)^```\n)?", re.MULTILINE | re.DOTALL
)
#: Output that differs from run to run.
VARYING = {
    r"127\.0\.0\.1:\d+": "127.0.0.1:5001",
    r"AWS_ACCESS_KEY_ID=\S+": "AWS_ACCESS_KEY_ID=AKIA...",
    r"AWS_SECRET_ACCESS_KEY=\S+": "AWS_SECRET_ACCESS_KEY=...",
    r"\d{4}-\d\d-\d\d \d\d:\d\d": "2026-11-27 09:30",
    r"in \d+\.\d s": "in 0.1 s",
}
#: The command that starts a local ECR, which is run on a free port instead.
LOCAL = "local --port 5001"


def lasting(text: str) -> str:
    """Return a string with constants in place of what varies."""
    for pattern, constant in VARYING.items():
        text = re.sub(pattern, constant, text)
    return text


class Reader:
    """Follows a page: runs its commands in a terminal of 80 columns, and its Python in order."""

    def __init__(self, request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
        self.server: subprocess.Popen[str] | None = None
        self._request = request
        self._monkeypatch = monkeypatch
        self._capsys: pytest.CaptureFixture[str] = request.getfixturevalue("capsys")
        self._namespace: dict[str, Any] = {"__name__": "__main__"}

    def follow(self, page: str) -> str:
        """Return the page with the current output of its blocks."""
        self._path = str(ROOT / page)
        return BLOCK.sub(self._block, PAGES[page])

    def _block(self, block: re.Match[str]) -> str:
        before = block.string[: block.start()]
        if before.endswith(NOT_RUN):
            return block[0]
        if block[1] == "console":
            lines = re.findall(r"^\$ ecr (.*)$", block[2], re.MULTILINE)
            shown = "".join(f"$ ecr {line}\n{self._command(line)}" for line in lines)
            return f"```console\n{shown}```\n"
        # The empty lines give a traceback the line numbers of the page.
        printed = self._python("\n" * (before.count("\n") + 1) + block[2])
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
        """Start a local ECR, set the variables that it exports, and return its output."""
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
        exec(compile(code, self._path, "exec"), self._namespace)
        # A test on a page is run as a test, with the fixtures that it requests.
        for name in [name for name in self._namespace if name.startswith("test_")]:
            test: Any = self._namespace.pop(name)
            fixtures = inspect.signature(test).parameters
            self._request.getfixturevalue("local_ecr").reset()
            tested = test(**{each: self._request.getfixturevalue(each) for each in fixtures})
            if inspect.iscoroutine(tested):
                asyncio.run(tested)
        return self._capsys.readouterr().out


@pytest.fixture
def reader(
    aws: LocalECR,
    tmp_path: Path,
    request: pytest.FixtureRequest,
    monkeypatch: pytest.MonkeyPatch,
    python_path: str,
    page: str,
) -> Iterator[Reader]:
    """Yield a reader who follows a page in an empty folder, with a local ECR in place of AWS."""
    monkeypatch.setenv("PYTHONPATH", python_path)
    folder = tmp_path / "folder"
    folder.mkdir()
    monkeypatch.chdir(folder)
    terminal = {"COLUMNS": "80", "NO_COLOR": "1", "AWS_REGION": "us-east-1"}
    if page.endswith("command-line.md"):  # readers of this page have an image and a local ECR
        terminal |= aws.environment()
        random_image("app", seed=1, size=5000, platforms=["linux/amd64", "linux/arm64"])
    for name, value in terminal.items() if page in WITH_COMMANDS else ():
        monkeypatch.setenv(name, value)
    found = Reader(request, monkeypatch)
    yield found
    if found.server is not None:
        found.server.terminate()
        found.server.communicate()


@pytest.mark.parametrize("page", WITH_CODE)
def test_pages(reader: Reader, page: str) -> None:
    """Commands and blocks of Python succeed one after the other, with the documented output."""
    assert lasting(reader.follow(page)) == lasting(PAGES[page])


@pytest.mark.parametrize("page", PAGES)
def test_all_blocks(page: str) -> None:
    """Only the listed blocks of Python are not run, and consoles only run the program `ecr`."""
    text = PAGES[page]
    blocks = [block for block in BLOCK.finditer(text) if block[1] == "python"]

    assert text.count(f"{NOT_RUN}```python") == NOT_RUN_IN.get(page, 0)
    assert len(blocks) == text.count("```python")
    for block in re.findall(r"^```console\n(.*?)^```$", text, re.MULTILINE | re.DOTALL):
        assert re.findall(r"^\$ (?!ecr )", block, re.MULTILINE) == []


def test_pages_with_commands() -> None:
    """The pages with commands are found."""
    assert {"tutorial", "clean-up", "command-line"} <= {Path(page).stem for page in WITH_COMMANDS}
