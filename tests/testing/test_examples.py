"""Examples of results, for tests that care only about some members."""

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
def test_members_of_an_example(kind: Any) -> None:
    """An example has exactly the members that the service always sends."""
    made = example(kind)

    for field in attrs.fields(kind):
        value = getattr(made, field.name)
        assert (value is not None) if field.default is attrs.NOTHING else (value == field.default)


@pytest.mark.parametrize("name", OPERATIONS)
def test_examples_can_be_sent(name: str) -> None:
    """The client can read the example of each result."""
    operation = OPERATIONS[name]

    assert result_response(operation, example(operation.result_class)).status == 200


def test_given_members() -> None:
    """Generated members agree with those that are passed."""
    made = example(models.Repository, registry_id="1" * 12, repository_name="team/{app}")

    assert made.repository_name == "team/{app}"
    assert made.repository_arn == f"arn:aws:ecr:us-east-1:{'1' * 12}:repository/team/{{app}}"
    assert made.repository_uri == f"{'1' * 12}.dkr.ecr.us-east-1.amazonaws.com/team/{{app}}"


def test_unknown_members() -> None:
    """A member that the class does not have is an error, as in its constructor."""
    with pytest.raises(TypeError, match="repositoryName"):
        example(models.Repository, repositoryName="app")
