"""Our descriptions of the model, from ``codegen/descriptions``.

What has no description yet is described by its name in the model, and recorded as a gap. A
description of something that is not in the model is a problem.
"""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

if sys.version_info >= (3, 11):
    import tomllib
else:
    import tomli as tomllib

DESCRIPTIONS = Path(__file__).parent / "descriptions"


def load_toml(path: Path) -> dict[str, Any]:
    """Return the content of a TOML file."""
    content: dict[str, Any] = tomllib.loads(path.read_text(encoding="utf-8"))
    return content


@dataclass(frozen=True)
class Description:
    """A summary of one sentence, and optional further paragraphs."""

    summary: str
    details: str = ""


@dataclass
class Descriptions:
    """Looks up descriptions, and records which were used and which are missing."""

    operations: dict[str, dict[str, str]]
    errors: dict[str, dict[str, str]]
    types: dict[str, dict[str, str]]
    members: dict[str, dict[str, str]]
    gaps: list[str] = field(default_factory=list)
    _used: set[tuple[str, ...]] = field(default_factory=set)

    @classmethod
    def load(cls, folder: Path = DESCRIPTIONS) -> Descriptions:
        """Read the four files."""
        operations, errors, types, members = (
            load_toml(folder / f"{name}.toml")
            for name in ("operations", "errors", "types", "members")
        )
        return cls(operations, errors, types, members)

    def operation(self, name: str) -> Description:
        """Return the description of an operation."""
        return self._entry("operations", self.operations, name, f"Call ``{name}``.")

    def error(self, name: str) -> Description:
        """Return the description of an error."""
        return self._entry("errors", self.errors, name, f"The service reported ``{name}``.")

    def type(self, kind: str, name: str) -> str:
        """Return the description of a type; ``kind`` is ``structures`` or ``enums``."""
        if name not in self.types.get(kind, {}):
            return self._missing("types", f"{kind}.{name}", f"``{name}`` of the service's model.")
        self._used.add(("types", kind, name))
        return self.types[kind][name]

    def member(self, shape: str, name: str, wire_name: str) -> str:
        """Return the description of a member.

        The entry of its shape comes before the one for all requests or all responses, and that
        one before the common one.
        """
        tables = [shape]
        tables += [
            f"common_{end.lower()}" for end in ("Request", "Response") if shape.endswith(end)
        ]
        tables.append("common")
        for table in tables:
            if name in self.members.get(table, {}):
                self._used.add(("members", table, name))
                return self.members[table][name]
        return self._missing("members", f"{shape}.{name}", f"``{wire_name}`` of the API.")

    def unused(self) -> list[str]:
        """Return a sentence for every entry that describes nothing."""
        flat: set[tuple[str, ...]] = {("operations", name) for name in self.operations}
        flat |= {("errors", name) for name in self.errors}
        for file, tables in (("types", self.types), ("members", self.members)):
            flat |= {(file, table, name) for table, entries in tables.items() for name in entries}
        return [
            f"descriptions/{file}.toml: {'.'.join(rest)} is not in the model; delete the entry"
            for file, *rest in sorted(flat - self._used)
        ]

    def _missing(self, file: str, key: str, fallback: str) -> str:
        self.gaps.append(f"descriptions/{file}.toml: no description of {key}")
        return fallback

    def _entry(
        self, file: str, table: dict[str, dict[str, str]], name: str, fallback: str
    ) -> Description:
        if name not in table:
            return Description(self._missing(file, name, fallback))
        self._used.add((file, name))
        return Description(table[name]["summary"], table[name].get("details", "").strip())
