"""Our own words for the model, from ``codegen/docs``; a missing and an unused entry are errors."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DOCS = Path(__file__).parent / "docs"


def load_toml(path: Path) -> dict[str, Any]:
    """Return what a TOML file says."""
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True)
class Text:
    """A summary of one sentence, and perhaps more."""

    summary: str
    details: str = ""


@dataclass
class Words:
    """Looks up descriptions and remembers which were used."""

    operations: dict[str, dict[str, str]]
    errors: dict[str, dict[str, str]]
    types: dict[str, dict[str, str]]
    members: dict[str, dict[str, str]]
    problems: list[str] = field(default_factory=list)
    _used: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def load(cls, folder: Path = DOCS) -> Words:
        """Read the four files."""
        operations, errors, types, members = (
            load_toml(folder / f"{name}.toml")
            for name in ("operations", "errors", "types", "members")
        )
        return cls(operations, errors, types, members)

    def operation(self, name: str) -> Text:
        """Return what an operation does."""
        return self._text("operations", self.operations, name)

    def error(self, name: str) -> Text:
        """Return what an error means."""
        return self._text("errors", self.errors, name)

    def type(self, kind: str, name: str) -> str:
        """Return what a structure or an enum is; ``kind`` is ``structures`` or ``enums``."""
        return self._take("types", self.types, kind, name)

    def member(self, shape: str, name: str) -> str:
        """Return what a member means: its own entry, its kind of shape's, or the common one."""
        tables = [shape]
        tables += [
            f"common_{end.lower()}" for end in ("Request", "Response") if shape.endswith(end)
        ]
        tables.append("common")
        for table in tables:
            if name in self.members.get(table, {}):
                return self._take("members", self.members, table, name)
        self.problems.append(f"docs/members.toml says nothing of {shape}.{name}")
        return ""

    def unused(self) -> list[str]:
        """Return a sentence for every entry that describes nothing."""
        flat: set[tuple[str, ...]] = {("operations", name) for name in self.operations}
        flat |= {("errors", name) for name in self.errors}
        for file, tables in (("types", self.types), ("members", self.members)):
            flat |= {(file, table, name) for table, entries in tables.items() for name in entries}
        return [
            f"docs/{file}.toml describes {'.'.join(rest)}, which is not in the model"
            for file, *rest in sorted(flat - self._used)
        ]

    def _text(self, file: str, table: dict[str, dict[str, str]], name: str) -> Text:
        if name not in table:
            self.problems.append(f"docs/{file}.toml says nothing of {name}")
            return Text("")
        self._used.add((file, name))
        return Text(table[name]["summary"], table[name].get("details", "").strip())

    def _take(self, file: str, tables: dict[str, dict[str, str]], table: str, name: str) -> str:
        if name not in tables.get(table, {}):
            self.problems.append(f"docs/{file}.toml says nothing of {table}.{name}")
            return ""
        self._used.add((file, table, name))
        return tables[table][name]
