"""Write the generated code, or compare it with the files on disk.

The stages: ``model`` reads the model that botocore ships, ``resolve`` turns it into the
intermediate representation (``ir``) with the descriptions of ``docs``, ``render`` turns that into
the text of files, and ``diff`` compares them with those on disk.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from codegen import diff, model, render, resolve

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = "codegen/inventory.txt"


class GenerationError(Exception):
    """The descriptions or the customizations contradict the model."""


def generate() -> tuple[dict[str, str], list[str]]:
    """Return every generated file, and the gaps in the descriptions.

    Returns:
        The text of each file by its path below the root, and a line for each gap.

    Raises:
        GenerationError: An entry contradicts the model; the message lists every one.
    """
    service = resolve.resolve(model.read())
    if service.problems:
        raise GenerationError("\n".join(service.problems))
    files = {
        path: format_python(text) if path.endswith(".py") else text
        for path, text in render.render(service).items()
    }
    return files, service.gaps


def format_python(text: str) -> str:
    """Return Python code as the linter formats it."""
    for command in (["check", "--select=I", "--fix", "--quiet"], ["format"]):
        done = subprocess.run(
            [sys.executable, "-m", "ruff", *command, "--stdin-filename=generated.py", "-"],
            input=text,
            capture_output=True,
            text=True,
            cwd=ROOT,
            check=False,
        )
        if done.returncode:
            raise GenerationError(done.stderr)
        text = done.stdout
    return text


def write(files: dict[str, str], root: Path) -> None:
    """Write the files, and delete the generated ones that are no longer generated."""
    for name in diff.stale(files, root):
        (root / name).unlink()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(
        prog="python -m codegen",
        description="Write the generated code from the model of the installed botocore.",
    )
    parser.add_argument(
        "--check", action="store_true", help="compare with the files on disk; write nothing"
    )
    parser.add_argument(
        "--release", action="store_true", help="fail if anything is not described yet"
    )
    options = parser.parse_args(arguments)
    try:
        files, gaps = generate()
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 1
    for gap in gaps:
        print(f"{'error' if options.release else 'warning'}: {gap}", file=sys.stderr)
    inventory = ROOT / INVENTORY
    before = inventory.read_text(encoding="utf-8") if inventory.exists() else ""
    for line in diff.inventories(before, files[INVENTORY]):
        print(line)
    found = diff.files(files, ROOT)
    incomplete = options.release and bool(gaps)
    if options.check:
        for line in found:
            print(line, file=sys.stderr)
        return 1 if found or incomplete else 0
    write(files, ROOT)
    print(f"{len(files)} files generated, {len(found)} changed")
    return 1 if incomplete else 0


if __name__ == "__main__":
    sys.exit(main())
