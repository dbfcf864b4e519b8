"""What a run changes: files that differ from those on disk, and facts of the model."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from codegen.render import FOLDERS


def files(generated: dict[str, str], root: Path) -> list[str]:
    """Return a line for every file that differs from the disk.

    Args:
        generated: The text of each file, by its path below the root.
        root: The root of the repository.
    """
    found = [
        f"{path} {'differs' if (root / path).exists() else 'is missing'}"
        for path, text in sorted(generated.items())
        if not (root / path).exists() or (root / path).read_text(encoding="utf-8") != text
    ]
    return found + [f"{path} is no longer generated" for path in stale(generated, root)]


def stale(generated: Iterable[str], root: Path) -> list[str]:
    """Return the paths of the files on disk that are no longer generated."""
    on_disk = (path for folder in FOLDERS for path in (root / folder).rglob("*.py"))
    return sorted({path.relative_to(root).as_posix() for path in on_disk} - set(generated))


def inventories(before: str, after: str) -> list[str]:
    """Return a line for each fact of the inventory that a new model adds, changes or removes."""
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
    """Return the part of a line that names its subject; the rest of the line may change."""
    parts = line.split()
    return line if parts[0] in ("operation", "enum") else " ".join(parts[:2])
