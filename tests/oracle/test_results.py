"""What is read from a response, compared with what botocore reads from the same bytes."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import xform_name
from botocore.utils import parse_timestamp

from ecr_client import ECRClient, models
from ecr_client._engine import codec
from ecr_client.exceptions import ResponseParseException

CASES = (
    *("required", "every", "empty", "unicode", "lowest", "highest"),
    *("timestamps", "enums", "numbers", "unknown", "nulls", "mixed"),
)


def _result_class(operation: Any) -> type[Any]:
    return getattr(models, f"{operation.name}Result")


@pytest.mark.parametrize(
    ("case", "seed"), [*((case, 0) for case in CASES), *(("mixed", seed) for seed in range(1, 4))]
)
def test_values(oracle: Any, operation: Any, case: str, seed: int) -> None:
    """A generated response becomes a result with the values that botocore's parser reads."""
    body = oracle.output(operation, case, seed)
    expected = oracle.parsed(operation, body)

    result = codec.decode(body, _result_class(operation))

    assert oracle.differences(operation.output_shape, result, expected) == []


def test_calls(oracle: Any, operation: Any, client: ECRClient, server: Any) -> None:
    """A call returns a result with the values, and the metadata, that botocore reads."""
    body = oracle.output(operation, "mixed", 7)
    server.responses = [(200, {"x-amzn-RequestId": "id-1"}, body)]
    request = oracle.request(operation, oracle.inputs(operation, "required"))
    expected = oracle.parsed(operation, body, **{"x-amzn-requestid": "id-1"})

    result = getattr(client, xform_name(operation.name))(request)

    assert type(result) is _result_class(operation)
    assert oracle.differences(operation.output_shape, result, expected) == []
    metadata, theirs = result.response_metadata, expected["ResponseMetadata"]
    assert metadata.request_id == theirs["RequestId"] == "id-1"
    assert metadata.http_status_code == theirs["HTTPStatusCode"] == 200


def test_result_classes(operation: Any) -> None:
    """A result class has the members of the model and the metadata of the response."""
    fields = _result_class(operation).__attrs_attrs__
    names = {xform_name(name) for name in operation.output_shape.members}

    assert {field.name for field in fields} == {*names, "response_metadata"}


def test_times(oracle: Any, client: ECRClient, server: Any, timestamp: Any) -> None:
    """A time is the instant that botocore reads, in whatever form it is sent."""
    data = {"authorizationToken": "a", "expiresAt": timestamp, "proxyEndpoint": "b"}
    body = json.dumps({"authorizationData": [data]}).encode()
    server.responses = [(200, {}, body)]
    operation = oracle.service.operation_model("GetAuthorizationToken")
    shape = operation.output_shape.members["authorizationData"].member.members["expiresAt"]

    read = client.get_authorization_token().authorization_data[0].expires_at

    assert oracle.differences(shape, read, parse_timestamp(timestamp)) == []


@pytest.mark.parametrize("digits", range(1, 10))
def test_fractions_of_times(oracle: Any, digits: int) -> None:
    """An ISO 8601 time may have any number of digits after the point, as in botocore."""
    text = f"2015-09-21T00:00:00.{'123456789'[:digits]}Z"
    operation = oracle.service.operation_model("GetLifecyclePolicy")
    body = oracle.output(operation, "required", lastEvaluatedAt=text)
    expected = oracle.parsed(operation, body)

    result = codec.decode(body, models.GetLifecyclePolicyResult)

    assert oracle.differences(operation.output_shape, result, expected) == []


def test_missing_members(oracle: Any, operation: Any, server: Any, client: ECRClient) -> None:
    """A response that lacks a member that is always sent is an error that names it."""
    request = oracle.request(operation, oracle.inputs(operation, "required"))
    for name in oracle.required_members(operation.output_shape):
        server.responses = [(200, {}, oracle.output(operation, "required", **{name: None}))]
        with pytest.raises(ResponseParseException, match=f"^{name} is missing .*{operation.name};"):
            getattr(client, xform_name(operation.name))(request)


def test_enum_values(oracle: Any, client: ECRClient, server: Any) -> None:
    """A known value of an enum is its member, and an unknown one is a plain str."""
    operation = oracle.service.operation_model("PutImageTagMutability")
    bodies = [
        oracle.output(operation, "required", imageTagMutability=value)
        for value in ("IMMUTABLE", "SOMETIMES")
    ]
    server.responses = [(200, {}, body) for body in bodies]

    known, unknown = (
        client.put_image_tag_mutability(repository_name="app", image_tag_mutability="MUTABLE")
        for _ in range(2)
    )

    assert known.image_tag_mutability is models.ImageTagMutability.IMMUTABLE
    assert unknown.image_tag_mutability == "SOMETIMES"
    assert type(unknown.image_tag_mutability) is str
