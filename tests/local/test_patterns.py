"""Validation of input takes time linear in the input, and accepts what the patterns say."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client.local.patterns import UnsupportedPatternError, compile_pattern
from ecr_client.local.validation import operations

# The patterns of the whole model, those of results included: an update may move them.
MODEL: Any = next(iter(operations().values())).service_model
PATTERNS = sorted(
    {
        pattern
        for name in MODEL.shape_names
        if (pattern := MODEL.shape_for(name).metadata.get("pattern"))
    }
)
#: What the patterns of the model are made of, and what is in none of them.
LETTERS = "ab09fAZ._-/*:=+,@_ \n\u00e9\u0660"

# The same examples in every run.
short = settings(max_examples=60, derandomize=True, database=None, deadline=None)

#: Runs in a process of its own, which a backtracking engine would not end.
ATTACK = """
import importlib, json, pkgutil, re, sys
import ecr_client.local
from ecr_client.local.patterns import compile_pattern

class Found:
    def __init__(self, pattern):
        self.matches = pattern.fullmatch
        self.search = pattern.search

checked = [compile_pattern(pattern) for pattern in json.load(sys.stdin)]
count = len(checked)
for module in pkgutil.walk_packages(ecr_client.local.__path__, "ecr_client.local."):
    if not module.name.endswith("__main__"):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, re.Pattern):
                checked.append(Found(value))
begin = ["", "a", "arn:aws", "arn:aws:iam::123456789012:role/", "arn:aws:secretsmanager:", "ecr.",
         "arn:aws:secretsmanager:a:secret:ecr-pullthroughcache/", "sha256:", "bytes=", "2026", "["]
again = ["a", "A", "0", "a0", "*", "a*", ".", "-", "_", "__", "/", ":", "a.", "a-", "a_", "a/",
         "a-/", "-a", "_a", ".a", "/a", "**/", " ", "=", "@", "a:", ":a", "+", "\\u00e9"]
for start in begin:
    for piece in again:
        for end in (" ", "/"):
            text = start + piece * (10_000 // len(piece)) + end
            for pattern in checked:
                pattern.matches(text)
print(count, len(checked))
"""


@pytest.mark.slow
def test_long_texts_end() -> None:
    """No pattern of the model or of the local ECR takes a text of 10,000 characters long."""
    done = subprocess.run(
        [sys.executable, "-c", ATTACK],
        input=json.dumps(PATTERNS),
        capture_output=True,
        text=True,
        timeout=300,
        check=True,
    )
    of_model, all_of_them = map(int, done.stdout.split())

    assert of_model == len(PATTERNS) >= 15
    assert all_of_them > of_model


#: A member for every pattern that a request meets, in a process of its own as well.
VALIDATION = """
from ecr_client.local.errors import ServiceError
from ecr_client.local.sigv4 import HttpRequest, unverified
from ecr_client.local.validation import operations, validate

def requests(shape, text):
    kind = shape.type_name
    if kind == "structure":
        for name, member in shape.members.items():
            for value in requests(member, text):
                found = {other: example(shape.members[other]) for other in shape.required_members}
                yield {**found, name: value}
    elif kind == "list":
        yield from ([value] for value in requests(shape.member, text))
    elif kind == "string":
        yield text

def example(shape):
    kind = shape.type_name
    if kind == "structure":
        return {name: example(shape.members[name]) for name in shape.required_members}
    return {"list": [], "string": "a", "integer": 1, "long": 1, "boolean": True}.get(kind, "")

for piece in ("a", "a-", "a.", "a/", "-", "Credential="):
    # Some members have no maximum, others one of 255 or more.
    for text in (piece * 120 + " ", piece * 10_000 + " "):
        for name, operation in operations().items():
            for members in requests(operation.input_shape, text) if operation.input_shape else ():
                try:
                    validate(name, members)
                except ServiceError:
                    pass
        headers = (("authorization", text * 10),)
        unverified(HttpRequest(method="POST", headers=headers), {}, account="1", region="r")
"""


@pytest.mark.slow
def test_long_members_end() -> None:
    """No member of a request takes long to be checked, and no header that stands for a caller."""
    subprocess.run([sys.executable, "-c", VALIDATION], timeout=120, check=True)


@pytest.mark.slow
@short
@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
def test_patterns_of_the_model_agree(pattern: str, data: st.DataObject) -> None:
    """A pattern of the model accepts what the standard library accepts by it.

    Only short texts: the standard library would not come to an end with others.
    """
    fitting = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    near = st.tuples(fitting, st.text(LETTERS, max_size=2), st.integers(0, 20)).map(
        lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]
    )
    text = data.draw(st.one_of(st.text(LETTERS, max_size=12), fitting, near))[:20]

    assert compile_pattern(pattern).matches(text) is bool(
        re.compile(pattern, re.ASCII).fullmatch(text)
    )


def _patterns() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(
        ["a", "b", r"\.", r"\/", "[ab]", "[^a]", "[a-c.]", "[a-]", r"[\w-]", r"\d", r"\W", ".", "-"]
    )

    def larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = smaller.map(lambda one: f"(?:{one})")
        repeated = st.tuples(
            st.one_of(atoms, group), st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}"])
        ).map("".join)
        return st.one_of(
            st.lists(st.one_of(repeated, atoms, group), min_size=1, max_size=3).map("".join),
            st.lists(smaller, min_size=2, max_size=3).map("|".join),
        )

    return st.recursive(atoms, larger, max_leaves=6)


@settings(short, max_examples=400)
@given(pattern=_patterns(), text=st.text("ab.-c0/_\n", max_size=7))
def test_other_patterns_agree(pattern: str, text: str) -> None:
    """The supported syntax means what it means to the standard library."""
    assert compile_pattern(pattern).matches(text) is bool(
        re.compile(pattern, re.ASCII).fullmatch(text)
    )


@pytest.mark.parametrize(
    "pattern",
    [
        "(?=a)",
        "a*?",
        r"(a)\1",
        r"\b",
        r"\p{L}",
        "(a",
        "a)",
        "[a",
        "[b-a]",
        "a{",
        "a{2,1}",
        "*",
        "a^",
    ],
)
def test_unsupported_patterns(pattern: str) -> None:
    """What is not supported is refused, not misread."""
    with pytest.raises(UnsupportedPatternError):
        compile_pattern(pattern)


def test_texts_do_not_make_patterns_grow() -> None:
    """The states of a pattern are as many as the pattern needs, whatever texts it has seen."""
    for pattern in PATTERNS:
        compiled = compile_pattern(pattern)
        for number in range(0x800):
            compiled.matches(f"a{chr(number)}" * 3)

        assert len(compiled._states) < 200
        assert all(len(state.following) <= 128 for state in compiled._states.values())
