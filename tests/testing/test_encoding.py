"""The encoder of results, compared with botocore's model and with the client's decoder."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import datetime, timezone
from typing import Any, get_args, get_origin

import attrs
import botocore.session
import pytest

from ecr_client import models
from ecr_client._engine.parse import parse
from ecr_client._shapes import type_parts
from ecr_client.testing.encoding import encode_result
from ecr_client.testing.exchange import named_operation, result_response

PUSHED = datetime(2026, 11, 24, 12, 30, 15, 123456, timezone.utc)
MODEL = botocore.session.get_session().get_service_model("ecr")
SAMPLES: dict[Any, Any] = {
    bytes: b"\x00\xff",
    str: "text",
    int: 7,
    float: 0.5,
    bool: True,
    datetime: PUSHED,
}


def sample(annotation: Any) -> Any:
    """Return a value of a member's type with all members set."""
    kind = type_parts(annotation)[0]
    arguments = [sample(argument) for argument in get_args(kind)]
    if arguments:
        return {arguments[0]: arguments[1]} if get_origin(kind) is Mapping else arguments
    if attrs.has(kind):
        fields = [field for field in attrs.fields(kind) if field.name != "response_metadata"]
        return kind(**{field.name: sample(field.type) for field in fields})
    return SAMPLES[kind] if kind in SAMPLES else next(iter(kind))


def assert_shaped(content: Any, shape: Any) -> None:
    """Assert that a JSON value has exactly the members of a shape."""
    if shape.type_name == "structure":
        assert content.keys() == shape.members.keys()
        for name, member in content.items():
            assert_shaped(member, shape.members[name])
    elif shape.type_name == "list":
        for item in content:
            assert_shaped(item, shape.member)


@pytest.mark.parametrize("name", MODEL.operation_names)
def test_results(name: str) -> None:
    """Every member of every result has its name in the model, and is decoded as it was given."""
    operation = named_operation(name)
    result = sample(getattr(models, f"{name}Result"))
    read = parse(operation, result_response(operation, result))

    assert read == result
    assert_shaped(json.loads(encode_result(result)), MODEL.operation_model(name).output_shape)


def test_absent_members() -> None:
    """An absent string, number, time or structure has no member in the response."""
    assert json.loads(encode_result(models.ListImagesResult())) == {"imageIds": []}
