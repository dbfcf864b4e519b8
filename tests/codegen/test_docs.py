"""Descriptions for generated code: entries, gaps, and entries without use."""

from __future__ import annotations

import ast
from pathlib import Path
from typing import Any

import pytest

from codegen.docs import DESCRIPTIONS, Description, Descriptions, load_toml

METHODS = Path(__file__).parents[2] / "ecr_client/_methods"
#: The first words of generated methods.
IMPERATIVES = (
    *("Add", "Archive", "Call", "Change", "Close", "Complete", "Create", "Delete", "Iterate"),
    *("Remove", "Resume", "Return", "Send", "Set", "Start", "Stop", "Store", "Upload"),
    *("Validate", "Wait"),
)


@pytest.fixture
def descriptions() -> Descriptions:
    """Return descriptions of an operation, an error, a structure, an enum and some members."""
    return Descriptions(
        operations={"PutThing": {"summary": "Put it.", "details": "\nOne line.\n\nAnother.\n"}},
        errors={"BadThing": {"summary": "It is bad."}},
        types={"structures": {"Thing": "A thing."}, "enums": {"Kind": "A kind."}},
        members={
            "common": {"name": "Common name.", "token": "Common token."},
            "common_request": {"token": "Request token."},
            "common_response": {"token": "Response token."},
            "Thing": {"name": "Name of the thing."},
        },
    )


def test_entries(descriptions: Descriptions) -> None:
    """Details may be left out, and come without the blank lines that TOML puts around them."""
    assert descriptions.operation("PutThing") == Description("Put it.", "One line.\n\nAnother.")
    assert descriptions.error("BadThing") == Description("It is bad.")
    assert descriptions.type("structures", "Thing") == "A thing."


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
def test_member(descriptions: Descriptions, shape: str, member: str, found: str) -> None:
    """An entry of the structure precedes one of its kind, which precedes the common one."""
    assert descriptions.member(shape, member, "wireName") == found


def test_missing_entries(descriptions: Descriptions) -> None:
    """What has no description is described by its name, and reported as a gap in its file."""
    found: list[Any] = [
        descriptions.operation("GetThing"),
        descriptions.error("WorseThing"),
        descriptions.type("structures", "Part"),
        descriptions.type("enums", "Size"),
        descriptions.member("Thing", "part_size", "partSize"),
    ]

    assert found == [
        Description("Call ``GetThing``."),
        Description("The service reported ``WorseThing``."),
        "``Part`` of the service's model.",
        "``Size`` of the service's model.",
        "``partSize`` of the API.",
    ]
    assert descriptions.gaps == [
        "descriptions/operations.toml: no description of GetThing",
        "descriptions/errors.toml: no description of WorseThing",
        "descriptions/types.toml: no description of structures.Part",
        "descriptions/types.toml: no description of enums.Size",
        "descriptions/members.toml: no description of Thing.part_size",
    ]


def test_unused_entries(descriptions: Descriptions) -> None:
    """Every entry that was never looked up is listed, even if another one precedes it."""
    descriptions.operation("PutThing")
    descriptions.type("enums", "Kind")
    descriptions.member("PutThingRequest", "token", "token")
    descriptions.member("Thing", "name", "name")

    assert descriptions.unused() == [
        "descriptions/errors.toml: BadThing is not in the model; delete the entry",
        "descriptions/members.toml: common.name is not in the model; delete the entry",
        "descriptions/members.toml: common.token is not in the model; delete the entry",
        "descriptions/members.toml: common_response.token is not in the model; delete the entry",
        "descriptions/types.toml: structures.Thing is not in the model; delete the entry",
    ]


@pytest.mark.parametrize("name", ["operations", "errors", "types", "members"])
def test_our_descriptions(name: str) -> None:
    """Each of our descriptions is on one line that ends a sentence, and may have details."""
    entries = load_toml(DESCRIPTIONS / f"{name}.toml")
    bad = [
        f"{table}.{key}"
        for table, descriptions in entries.items()
        for key, description in descriptions.items()
        if key != "details" and (not description.endswith(".") or "\n" in description)
    ]

    assert bad == []
    if name in ("operations", "errors"):
        assert all(
            {"summary"} <= each.keys() <= {"summary", "details"} for each in entries.values()
        )


def test_imperatives() -> None:
    """The docstring of each generated method begins in the imperative."""
    first = {
        node.name: docstring.split()[0]
        for path in METHODS.glob("*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef) and (docstring := ast.get_docstring(node))
    }

    assert len(first) > 80
    assert {name: word for name, word in first.items() if word not in IMPERATIVES} == {}
