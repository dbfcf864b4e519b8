"""Draw the picture in the README: a terminal in which ``ecr`` works on a local ECR.

``python docs/terminal.py`` runs the commands and writes ``docs/terminal.svg``. What is shown is
what they print on a terminal, with constants in place of the port and of times, and without
the progress bars, which come and go on stderr. It needs the extras ``cli`` and ``local``.
"""

from __future__ import annotations

import io
import os
import pty
import re
import shlex
import subprocess
import sys
import tempfile
import threading
from pathlib import Path

from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.terminal_theme import TerminalTheme
from rich.text import Text

from ecr_client.local import LocalECR
from ecr_client.testing import random_image

PICTURE = Path(__file__).with_name("terminal.svg")
COLUMNS = 88
#: The commands, with the exit status of each.
COMMANDS = {
    "ecr push oci:app team/app:1.0 --tag latest --create": 0,
    "ecr images inspect team/app:1.0": 0,
    "ecr copy team/app:1.0 mirror/app --create": 0,
    "ecr usage": 0,
    "ecr scan start team/app:1.0": 0,
    "ecr scan findings team/app:1.0 --fail-on HIGH": 6,
}
#: What a scan finds: a local ECR finds what it is told, so these are not real vulnerabilities.
FINDINGS = [
    ("CVE-0000-0001", "CRITICAL", "libexample", "1.0"),
    ("CVE-0000-0002", "MEDIUM", "example-utils", "2.1"),
    ("CVE-0000-0003", "LOW", "example-data", "0.9"),
]
#: What differs from run to run.
VARYING = {r"127\.0\.0\.1:\d+": "127.0.0.1:5001", r"in \d+\.\d s": "in 0.1 s"}
THEME = TerminalTheme(
    (22, 27, 34),
    (230, 237, 243),
    [
        *[(72, 79, 88), (255, 123, 114), (63, 185, 80), (210, 153, 34)],
        *[(121, 192, 255), (188, 140, 255), (57, 197, 207), (177, 186, 196)],
    ],
)


def session() -> list[str]:
    """Run the commands, and return the lines of the screen with the codes of their colors."""
    lines: list[str] = []
    with LocalECR() as ecr, tempfile.TemporaryDirectory() as folder:
        image = random_image(f"{folder}/app", seed=1, layers=3, size=1_500_000)
        found = [
            {
                "name": name,
                "severity": severity,
                "attributes": [
                    {"key": "package_name", "value": package},
                    {"key": "package_version", "value": version},
                ],
            }
            for name, severity, package, version in FINDINGS
        ]
        ecr.set_findings("team/app", image.digest, found)
        for command, status in COMMANDS.items():
            lines += [f"\x1b[32m$\x1b[0m {command}", *run(command, status, ecr, folder)]
    return lines


def run(command: str, status: int, ecr: LocalECR, folder: str) -> list[str]:
    """Return the lines that a command prints on a terminal, with its stderr if it fails.

    Raises:
        RuntimeError: It exits with another status.
    """
    screen, terminal = pty.openpty()
    output = bytearray()

    def read() -> None:
        try:
            while piece := os.read(screen, 65536):
                output.extend(piece)
        except OSError:  # how Linux reports that nobody writes any more
            pass

    reader = threading.Thread(target=read)
    reader.start()
    look = {"COLUMNS": str(COLUMNS), "TERM": "xterm-256color", "LANG": "C.UTF-8"}
    environment = {**os.environ, **ecr.environment(), **look}
    environment.pop("NO_COLOR", None)
    done = subprocess.run(
        [sys.executable, "-m", "ecr_client", *shlex.split(command)[1:]],
        stdout=terminal,
        stderr=subprocess.PIPE,
        cwd=folder,
        env=environment,
        check=False,
    )
    os.close(terminal)
    reader.join()
    os.close(screen)
    error = done.stderr.decode()
    if done.returncode != status:
        raise RuntimeError(f"{command} ended with {done.returncode}, not {status}: {error}")
    text = output.decode() + (error if status else "")
    for pattern, constant in VARYING.items():
        text = re.sub(pattern, constant, text)
    return text.splitlines()


def draw(lines: list[str]) -> str:
    """Return the picture of a screen as SVG."""
    console = Console(
        width=COLUMNS, record=True, file=io.StringIO(), force_terminal=True, legacy_windows=False
    )
    for line in lines:
        console.print(Text.from_ansi(line), overflow="ignore", no_wrap=True)
    # No font is loaded from elsewhere.
    template = re.sub(r"@font-face \{\{.*?\}\}\s*", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL)
    fonts = "ui-monospace, SFMono-Regular, Menlo, Consolas, DejaVu Sans Mono, monospace"
    return console.export_svg(
        title="ecr, on a local ECR",
        theme=THEME,
        code_format=template.replace("Fira Code, monospace", fonts),
        unique_id="terminal",
    )


if __name__ == "__main__":
    PICTURE.write_text(draw(session()), encoding="utf-8")
