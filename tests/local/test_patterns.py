"""Patterns and wildcards take linear time, and match what they should."""

from __future__ import annotations

import json
import re
import sys
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client.local.patterns import UnsupportedPatternError, compile_pattern
from ecr_client.local.validation import operations
from ecr_client.local.wildcards import matches

# All patterns of the model, including those in results: an update may move them.
MODEL: Any = next(iter(operations().values())).service_model
PATTERNS = sorted(
    {
        pattern
        for name in MODEL.shape_names
        if (pattern := MODEL.shape_for(name).metadata.get("pattern"))
    }
)
#: Characters that the patterns of the model use, and some that none of them allows.
LETTERS = "ab09fAZ._-/*:=+,@_ \n\u00e9\u0660"

# The same examples in every run.
short = settings(max_examples=30, derandomize=True, database=None, deadline=None)

# These scripts run in separate processes, where an engine that backtracks would never end.

#: All patterns of the model, and all that the local ECR compiles.
ALL_PATTERNS = """
import importlib, json, pkgutil, re, sys
import ecr_client.local
from ecr_client.local.patterns import compile_pattern

checked = [compile_pattern(pattern).matches for pattern in json.load(sys.stdin)]
count = len(checked)
for module in pkgutil.walk_packages(ecr_client.local.__path__, "ecr_client.local."):
    if not module.name.endswith("__main__"):
        for value in vars(importlib.import_module(module.name)).values():
            if isinstance(value, re.Pattern):
                checked.append(value.fullmatch)
begin = ["", "a", "arn:aws", "arn:aws:iam::123456789012:role/", "arn:aws:secretsmanager:", "ecr.",
         "arn:aws:secretsmanager:a:secret:ecr-pullthroughcache/", "sha256:", "bytes=", "2026", "["]
again = ["a", "A", "0", "a0", "*", "a*", ".", "-", "_", "__", "/", ":", "a.", "a-", "a_", "a/",
         "a-/", "-a", "_a", ".a", "/a", "**/", " ", "=", "@", "a:", ":a", "+", "\\u00e9"]
for start in begin:
    for piece in again:
        for end in (" ", "/"):
            text = start + piece * (5_000 // len(piece)) + end
            for matches in checked:
                matches(text)
print(count, len(checked))
"""
#: A member for every pattern in requests, and an Authorization header.
MEMBERS = """
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
#: Filters with asterisks: for tags, for repositories, and in policies.
WILDCARDS = """
from datetime import datetime, timezone
from ecr_client.local.api.scanning import _matches
from ecr_client.local.iam_policy import denies_everyone, read_policy
from ecr_client.local.lifecycle import parse_policy
from ecr_client.local.registry import RegistryKey
from ecr_client.local.store import Repository
from ecr_client.local.store.images import is_mutable
import json

now, scope = datetime.now(timezone.utc), RegistryKey("1", "r")
selection = {"tagStatus": "tagged", "countType": "imageCountMoreThan", "countNumber": 1}
text = "a" * 10_000
for piece in ("*a", "a*", "*ab", "*a*", "**", "*?", "?*"):
    pattern = piece * 60 + "b"
    kept = Repository(id=1, registry=scope, name="a", created_at=now,
                      exclusion_filters=(("WILDCARD", pattern),),
                      tag_mutability="MUTABLE_WITH_EXCLUSION")
    assert is_mutable(kept, text)
    assert not _matches(pattern, text)
    chosen = {**selection, "tagPatternList": [piece.replace("?", "a") * 2 + "b"]}
    rule = {"rulePriority": 1, "selection": chosen, "action": {"type": "expire"}}
    (read,) = parse_policy(json.dumps({"rules": [rule]})).rules
    assert not read.selects([text])
    statement = {"Effect": "Deny", "Principal": "*", "Action": "ecr:" + piece * 60 + "X"}
    read = read_policy(json.dumps({"Statement": [statement]}), resource_required=False)
    assert not denies_everyone(read, "ecr:" + text)
"""


@pytest.mark.slow
@pytest.mark.parametrize("attack", [ALL_PATTERNS, MEMBERS, WILDCARDS], ids=["all", "mem", "wild"])
def test_linear_time(execute: Any, attack: str) -> None:
    """No pattern, member, header or filter takes long on a long string."""
    done = execute(sys.executable, "-c", attack, stdin=json.dumps(PATTERNS))

    if attack is ALL_PATTERNS:
        of_model, all_of_them = map(int, done.stdout.split())
        assert of_model == len(PATTERNS) >= 15
        assert all_of_them > of_model


def agrees(pattern: str, text: str) -> bool:
    """Return whether a pattern gives the same result as the standard library."""
    expected = re.compile(pattern, re.ASCII).fullmatch(text)
    return compile_pattern(pattern).matches(text) is bool(expected)


@pytest.mark.slow
@short
@pytest.mark.parametrize("pattern", PATTERNS)
@given(data=st.data())
def test_patterns_of_the_model_agree(pattern: str, data: st.DataObject) -> None:
    """Patterns of the model match what the standard library matches.

    Only with short strings, since the standard library would never finish with others.
    """
    fitting = st.from_regex(re.compile(pattern, re.ASCII), fullmatch=True)
    near = st.tuples(fitting, st.text(LETTERS, max_size=2), st.integers(0, 14)).map(
        lambda drawn: drawn[0][: drawn[2]] + drawn[1] + drawn[0][drawn[2] :]
    )

    assert agrees(pattern, data.draw(st.text(LETTERS, max_size=12) | fitting | near)[:14])


def _patterns() -> st.SearchStrategy[str]:
    atoms = st.sampled_from(
        ["a", "b", r"\.", r"\/", "[ab]", "[^a]", "[a-c.]", "[a-]", r"[\w-]", r"\d", r"\W", ".", "-"]
    )
    quantifiers = st.sampled_from(["*", "+", "?", "{2}", "{1,3}", "{2,}", "{0}"])

    def larger(smaller: st.SearchStrategy[str]) -> st.SearchStrategy[str]:
        group = smaller.map("(?:{})".format)
        repeated = st.tuples(atoms | group, quantifiers).map("".join)
        series = st.lists(repeated | atoms | group, min_size=1, max_size=3).map("".join)
        return series | st.lists(smaller, min_size=2, max_size=3).map("|".join)

    return st.recursive(atoms, larger, max_leaves=6)


@settings(short, max_examples=300)
@given(pattern=_patterns(), text=st.text("ab.-c0/_\n", max_size=7))
def test_other_patterns_agree(pattern: str, text: str) -> None:
    """The supported syntax means the same as in the standard library."""
    assert agrees(pattern, text)


UNSUPPORTED = r"(?=a) a*? (a)\1 \b \p{L} (a a) [a [b-a] a{ a{2,1} * a^"


@pytest.mark.parametrize("pattern", UNSUPPORTED.split())
def test_unsupported_patterns(pattern: str) -> None:
    """Unsupported syntax is refused instead of misread."""
    with pytest.raises(UnsupportedPatternError):
        compile_pattern(pattern)


def test_patterns_do_not_grow() -> None:
    """The number of states of a pattern does not depend on the strings it has matched."""
    for pattern in PATTERNS:
        compiled = compile_pattern(pattern)
        for number in range(0x400):
            compiled.matches(f"a{chr(number)}" * 3)

        assert len(compiled._states) < 200
        assert all(len(state.following) <= 128 for state in compiled._states.values())


@settings(short, max_examples=100)
@given(pattern=st.text("ab*?.", max_size=8), text=st.text("ab?.\n", max_size=8))
def test_wildcards_agree(pattern: str, text: str) -> None:
    """An asterisk matches any string, the single wildcard any character, and all else itself."""
    plain = re.escape(pattern).replace(r"\*", ".*")

    assert matches(pattern, text) is bool(re.fullmatch(plain, text, re.DOTALL))
    assert matches(pattern, text, single="?") is bool(
        re.fullmatch(plain.replace(r"\?", "."), text, re.DOTALL)
    )
