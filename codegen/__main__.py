"""``python -m codegen`` writes the generated code; ``--check`` only compares it with the disk."""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

from codegen import model, plan, render

ROOT = Path(__file__).resolve().parent.parent
INVENTORY = "codegen/inventory.txt"


class GenerationError(Exception):
    """The words or the customizations do not fit the model."""


def generate() -> dict[str, str]:
    """Return every generated file as it has to be: path below the repository -> text.

    Raises:
        GenerationError: An entry is missing or unused; the text lists every one.
    """
    planned = plan.make_plan(model.read())
    if planned.problems:
        raise GenerationError("\n".join(planned.problems))
    return {
        path: format_python(text) if path.endswith(".py") else text
        for path, text in render.render(planned).items()
    }


def format_python(text: str) -> str:
    """Return Python code in the form that the linter wants."""
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


def differences(files: dict[str, str], root: Path = ROOT) -> list[str]:
    """Return a line for every file that is not on disk as it has to be."""
    found = [
        f"{path} {'differs' if (root / path).exists() else 'is missing'}"
        for path, text in sorted(files.items())
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]
    on_disk = {
        path.relative_to(root).as_posix() for path in (root / render.GENERATED).rglob("*.py")
    }
    return found + [f"{path} is not generated any more" for path in sorted(on_disk - set(files))]


def news(before: str, after: str) -> list[str]:
    """Return what a new model adds, changes and removes, a line for each fact of the inventory."""
    old = {_subject(line): line for line in before.splitlines()}
    new = {_subject(line): line for line in after.splitlines()}
    lines = [f"added: {new[key]}" for key in sorted(new.keys() - old.keys())]
    lines += [
        f"changed: {old[key]} => {new[key]}"
        for key in sorted(new.keys() & old.keys())
        if old[key] != new[key]
    ]
    return lines + [f"removed: {old[key]}" for key in sorted(old.keys() - new.keys())]


def _subject(line: str) -> str:
    """What a line of the inventory is about; the rest of the line may change."""
    words = line.split()
    return line if words[0] in ("operation", "enum") else " ".join(words[:2])


def write(files: dict[str, str], root: Path = ROOT) -> None:
    """Write the files and delete the generated ones that are no longer generated."""
    for path in (root / render.GENERATED).rglob("*.py"):
        if path.relative_to(root).as_posix() not in files:
            path.unlink()
    for name, text in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    """Run the command; return its exit status."""
    parser = argparse.ArgumentParser(prog="python -m codegen", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare with the disk, write nothing")
    options = parser.parse_args(arguments)
    try:
        files = generate()
    except GenerationError as error:
        print(error, file=sys.stderr)
        return 1
    inventory = ROOT / INVENTORY
    before = inventory.read_text(encoding="utf-8") if inventory.exists() else ""
    for line in news(before, files[INVENTORY]):
        print(line)
    found = differences(files)
    if options.check:
        for line in found:
            print(line, file=sys.stderr)
        return 1 if found else 0
    write(files)
    print(f"{len(files)} files generated, {len(found)} changed")
    return 0


if __name__ == "__main__":
    sys.exit(main())
