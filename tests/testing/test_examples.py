"""Examples of results, for tests that care about some members only."""

from __future__ import annotations

from typing import Any

import attrs
import pytest

from ecr_client import models
from ecr_client.operations import OPERATIONS
from ecr_client.testing import example
from ecr_client.testing.exchange import result_response

CLASSES = [kind for name in models.__all__ if attrs.has(kind := getattr(models, name))]


@pytest.mark.parametrize("kind", CLASSES)
def test_only_what_is_always_sent(kind: Any) -> None:
    """An example has the members that are always sent, and no others."""
    made = example(kind)

    for field in attrs.fields(kind):
        value = getattr(made, field.name)
        assert (value is not None) if field.default is attrs.NOTHING else (value == field.default)


@pytest.mark.parametrize("name", OPERATIONS)
def test_results_can_be_sent(name: str) -> None:
    """The example of each result is one that the client can read."""
    operation = OPERATIONS[name]

    assert result_response(operation, example(operation.result_class)).status == 200


def test_given_members() -> None:
    """What is made up agrees with what is given."""
    made = example(models.Repository, registry_id="1" * 12, repository_name="team/{app}")

    assert made.repository_name == "team/{app}"
    assert made.repository_arn == f"arn:aws:ecr:us-east-1:{'1' * 12}:repository/team/{{app}}"
    assert made.repository_uri == f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/team/{{app}}"


def test_unknown_members() -> None:
    """A member that the class does not have is an error, as in its constructor."""
    with pytest.raises(TypeError, match="repositoryName"):
        example(models.Repository, repositoryName="app")
