"""What is sent, compared with what botocore sends for the same values."""

from __future__ import annotations

import json
from typing import Any

import pytest
from botocore import xform_name

from ecr_client import ECRClient, models
from ecr_client._engine import codec

CASES = ("required", "every", "empty", "unicode", "lowest", "highest")
PIECE = codec.BLOB_PIECE


@pytest.mark.parametrize("case", CASES)
def test_the_body_is_the_one_that_botocore_makes(oracle: Any, operation: Any, case: str) -> None:
    """The JSON of a request is that of botocore's serializer for the same values."""
    params = oracle.inputs(operation, case)
    expected = oracle.serialized(operation, params)

    body = codec.encode(oracle.request(operation, params))

    assert json.loads(body) == json.loads(expected["body"])


@pytest.mark.parametrize("seed", range(1, 4))
def test_the_body_is_the_same_for_other_values_as_well(
    oracle: Any, operation: Any, seed: int
) -> None:
    """The JSON of a request is botocore's for any values, not only for one set of them."""
    params = oracle.inputs(operation, "every", seed)
    expected = oracle.serialized(operation, params)

    body = codec.encode(oracle.request(operation, params))

    assert json.loads(body) == json.loads(expected["body"])


def test_the_request_class_has_exactly_the_members_of_the_model(
    oracle: Any, operation: Any
) -> None:
    """A request class takes the members of the model, and needs those that the model requires."""
    fields = getattr(models, f"{operation.name}Request").__attrs_attrs__
    names = {xform_name(name) for name in operation.input_shape.members}
    required = {xform_name(name) for name in operation.input_shape.required_members}

    assert {field.name for field in fields} == names
    assert {field.name for field in fields if field.default is not None} == required


def _assert_sent(sent: Any, expected: dict[str, Any]) -> None:
    assert sent.method == expected["method"]
    assert sent.path == expected["url_path"]
    assert sent.headers["x-amz-target"] == expected["headers"]["X-Amz-Target"]
    assert sent.headers["content-type"] == expected["headers"]["Content-Type"]
    assert json.loads(sent.body) == json.loads(expected["body"])


def test_a_call_with_keywords_sends_what_botocore_sends(
    oracle: Any, operation: Any, client: ECRClient, server: Any
) -> None:
    """A call with keywords has the method, path, target, content type and body of botocore's."""
    params = oracle.inputs(operation, "every")
    server.answers = [(200, {}, oracle.output(operation, "required"))]

    members = oracle.members(operation, params, enums=True)
    getattr(client, xform_name(operation.name))(**members)

    assert len(server.requests) == 1
    _assert_sent(server.requests[0], oracle.serialized(operation, params))


def test_a_call_with_a_request_object_sends_what_botocore_sends(
    oracle: Any, operation: Any, client: ECRClient, server: Any
) -> None:
    """A call with a request object has the method, path, target and body of botocore's."""
    params = oracle.inputs(operation, "every")
    server.answers = [(200, {}, oracle.output(operation, "required"))]

    getattr(client, xform_name(operation.name))(oracle.request(operation, params))

    assert len(server.requests) == 1
    _assert_sent(server.requests[0], oracle.serialized(operation, params))


def test_members_that_are_none_are_not_sent(
    oracle: Any, operation: Any, client: ECRClient, server: Any
) -> None:
    """An optional member that is None leaves no trace in what is sent."""
    params = oracle.inputs(operation, "required")
    absent = [xform_name(name) for name in operation.input_shape.members if name not in params]
    server.answers = [(200, {}, oracle.output(operation, "required"))]

    members = oracle.members(operation, params) | dict.fromkeys(absent)
    getattr(client, xform_name(operation.name))(**members)

    assert json.loads(server.requests[0].body) == json.loads(
        oracle.serialized(operation, params)["body"]
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_blobs_of_any_kind_are_encoded_as_botocore_does(oracle: Any, kind: Any, size: int) -> None:
    """A blob of any length and any bytes-like type has the base64 text that botocore makes."""
    operation = oracle.service.operation_model("UploadLayerPart")
    params = oracle.inputs(operation, "required")
    blob = bytes(range(256)) * (size // 256 + 1)
    params["layerPartBlob"] = kind(blob[:size])
    expected = oracle.serialized(operation, {**params, "layerPartBlob": blob[:size]})

    body = codec.encode(oracle.request(operation, params))

    assert json.loads(body) == json.loads(expected["body"])
