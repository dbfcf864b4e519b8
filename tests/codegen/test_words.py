from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from codegen.words import DOCS, Text, Words, load_toml


@pytest.fixture
def words() -> Words:
    """Give words about an operation, an error, a structure, an enum and a few members."""
    return Words(
        operations={"PutThing": {"summary": "Puts it.", "details": "\nOne line.\n\nAnother.\n"}},
        errors={"BadThing": {"summary": "It is bad."}},
        types={"structures": {"Thing": "A thing."}, "enums": {"Kind": "A kind."}},
        members={
            "common": {"name": "Common name.", "token": "Common token."},
            "common_request": {"token": "Request token."},
            "common_response": {"token": "Response token."},
            "Thing": {"name": "Name of the thing."},
        },
    )


def test_operation_with_details(words: Words) -> None:
    """Details come without the blank lines that TOML puts around them."""
    assert words.operation("PutThing") == Text("Puts it.", "One line.\n\nAnother.")


def test_error_without_details(words: Words) -> None:
    """Details may be left out."""
    assert words.error("BadThing") == Text("It is bad.")


@pytest.mark.parametrize(
    ("kind", "name", "found"), [("structures", "Thing", "A thing."), ("enums", "Kind", "A kind.")]
)
def test_type(words: Words, kind: str, name: str, found: str) -> None:
    """Structures and enums have tables of their own."""
    assert words.type(kind, name) == found


@pytest.mark.parametrize(
    ("shape", "member", "found"),
    [
        ("Thing", "name", "Name of the thing."),
        ("Other", "name", "Common name."),
        ("Other", "token", "Common token."),
        ("PutThingRequest", "token", "Request token."),
        ("PutThingResponse", "token", "Response token."),
        ("PutThingResponse", "name", "Common name."),
    ],
)
def test_member(words: Words, shape: str, member: str, found: str) -> None:
    """The words of the structure itself come before those of its kind and the common ones."""
    assert words.member(shape, member) == found


def test_missing_entries(words: Words) -> None:
    """Every look-up that finds nothing is a problem that names the file and the entry."""
    found: list[Any] = [
        words.operation("GetThing"),
        words.error("WorseThing"),
        words.type("structures", "Part"),
        words.type("enums", "Size"),
        words.member("Thing", "size"),
    ]

    assert found == [Text(""), Text(""), "", "", ""]
    assert words.problems == [
        "docs/operations.toml says nothing of GetThing",
        "docs/errors.toml says nothing of WorseThing",
        "docs/types.toml says nothing of structures.Part",
        "docs/types.toml says nothing of enums.Size",
        "docs/members.toml says nothing of Thing.size",
    ]


def test_unused_entries(words: Words) -> None:
    """Every entry that was never looked up is listed, in a fixed order."""
    words.operation("PutThing")
    words.type("enums", "Kind")
    words.member("PutThingRequest", "token")

    assert words.unused() == [
        "docs/errors.toml describes BadThing, which is not in the model",
        "docs/members.toml describes Thing.name, which is not in the model",
        "docs/members.toml describes common.name, which is not in the model",
        "docs/members.toml describes common.token, which is not in the model",
        "docs/members.toml describes common_response.token, which is not in the model",
        "docs/types.toml describes structures.Thing, which is not in the model",
    ]


def test_all_entries_used(words: Words) -> None:
    """Words of which each was looked up have no unused entry and no problem."""
    words.operation("PutThing")
    words.error("BadThing")
    words.type("structures", "Thing")
    words.type("enums", "Kind")
    for shape in ("Thing", "Other", "PutThingRequest", "PutThingResponse"):
        words.member(shape, "token")
        words.member(shape, "name")

    assert words.unused() == []
    assert words.problems == []


def test_shadowed_entry_is_unused(words: Words) -> None:
    """A common entry is not used by a structure that has words of its own."""
    words.member("Thing", "name")

    assert "docs/members.toml describes common.name, which is not in the model" in words.unused()


def test_load_from_a_folder(tmp_path: Path) -> None:
    """The four files of a folder become the four tables."""
    for name in ("operations", "errors", "members"):
        (tmp_path / f"{name}.toml").write_text(f'[{name}]\nsummary = "é"\n', encoding="utf-8")
    (tmp_path / "types.toml").write_text('[enums]\nKind = "A kind."\n', encoding="utf-8")
    words = Words.load(tmp_path)

    assert words.operations == {"operations": {"summary": "é"}}
    assert words.errors == {"errors": {"summary": "é"}}
    assert words.members == {"members": {"summary": "é"}}
    assert words.types == {"enums": {"Kind": "A kind."}}


@pytest.mark.parametrize("name", ["operations", "errors"])
def test_our_summaries(name: str) -> None:
    """Each of our summaries is one sentence on one line, with nothing in the entry but details."""
    entries = load_toml(DOCS / f"{name}.toml")
    bad = [
        key
        for key, entry in entries.items()
        if not entry["summary"].endswith(".")
        or "\n" in entry["summary"]
        or not entry.keys() <= {"summary", "details"}
    ]

    assert bad == []


@pytest.mark.parametrize("name", ["types", "members"])
def test_our_descriptions(name: str) -> None:
    """Each of our descriptions is a text of whole sentences on one line."""
    bad = [
        f"{table}.{key}"
        for table, entries in load_toml(DOCS / f"{name}.toml").items()
        for key, words in entries.items()
        if not words.endswith(".") or "\n" in words
    ]

    assert bad == []
