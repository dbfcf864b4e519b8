"""Filters with asterisks: one matcher for all, whose time grows with the text only."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ecr_client.exceptions import InvalidParameterException
from ecr_client.local import LocalECR
from ecr_client.local.iam_policy import denies_everyone, read_policy
from ecr_client.local.wildcards import matches
from ecr_client.models import ImageTagMutabilityExclusionFilter

#: Runs in a process of its own, which a matcher that goes back would not end.
ATTACK = """
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
for piece in ("*a", "a*", "*ab", "*a*", "**", "*?", "?*"):
    pattern = piece * 60 + "b"
    filters = (("WILDCARD", pattern),)
    text = "a" * 10_000
    kept = Repository(id=1, registry=scope, name="a", created_at=now, exclusion_filters=filters,
                      tag_mutability="MUTABLE_WITH_EXCLUSION")
    assert is_mutable(kept, text)
    assert not _matches(pattern, text)
    four = piece.replace("?", "a") * 2 + "b"
    chosen = {**selection, "tagPatternList": [four]}
    rule = {"rulePriority": 1, "selection": chosen, "action": {"type": "expire"}}
    (read,) = parse_policy(json.dumps({"rules": [rule]})).rules
    assert not read.selects([text])
    action = "ecr:" + piece * 60 + "X"
    statement = {"Effect": "Deny", "Principal": "*", "Action": action}
    read = read_policy(json.dumps({"Statement": [statement]}), resource_required=False)
    assert not denies_everyone(read, "ecr:" + text)
"""


@pytest.mark.slow
def test_long_texts_end() -> None:
    """No filter takes a long text long: of tags, of repositories, in policies."""
    subprocess.run([sys.executable, "-c", ATTACK], timeout=60, check=True)


@settings(derandomize=True, database=None, deadline=None)
@given(pattern=st.text("ab*?.", max_size=8), text=st.text("ab?.\n", max_size=8))
def test_agrees_with_regular_expressions(pattern: str, text: str) -> None:
    """An asterisk is any text, the single character any one, and nothing else is special."""
    plain = re.escape(pattern).replace(r"\*", ".*")

    assert matches(pattern, text) is bool(re.fullmatch(plain, text, re.DOTALL))
    assert matches(pattern, text, single="?") is bool(
        re.fullmatch(plain.replace(r"\?", "."), text, re.DOTALL)
    )


@pytest.mark.parametrize(
    ("action", "denied"),
    [("ecr:Set?epositoryPolicy", True), ("ecr:Set?RepositoryPolicy", False), ("ecr:?*y", True)],
)
def test_policies_have_a_wildcard_for_one_character(action: str, denied: bool) -> None:
    """In the actions of a policy a question mark is any one character."""
    policy = {"Statement": {"Effect": "Deny", "Principal": "*", "Action": action}}
    statements = read_policy(json.dumps(policy), resource_required=False)

    assert denies_everyone(statements, "ecr:SetRepositoryPolicy") is denied


@pytest.mark.parametrize(("text", "allowed"), [("*-dev-*", True), ("**", True), ("a*b*c*", False)])
def test_exclusion_filters_have_two_wildcards(text: str, allowed: bool) -> None:
    """A filter with more than two wildcards is refused, of repositories and of templates."""
    filters = [ImageTagMutabilityExclusionFilter(filter_type="WILDCARD", filter=text)]
    excluded: dict[str, Any] = {
        "image_tag_mutability": "MUTABLE_WITH_EXCLUSION",
        "image_tag_mutability_exclusion_filters": filters,
    }
    with LocalECR(auth=False) as ecr, ecr.client() as client:
        client.create_repository(repository_name="other")
        calls: list[Callable[[], object]] = [
            lambda: client.create_repository(repository_name="app", **excluded),
            lambda: client.put_image_tag_mutability(repository_name="other", **excluded),
            lambda: client.create_repository_creation_template(
                prefix="team", applied_for=["CREATE_ON_PUSH"], **excluded
            ),
        ]
        refused = []
        for call in calls:
            try:
                call()
            except InvalidParameterException as error:
                refused.append(str(error))

    assert len(refused) == (0 if allowed else 3)
    assert all(f"'{text}' has more than 2 wildcards" in message for message in refused)
