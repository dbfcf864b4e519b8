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


@pytest.mark.parametrize(
    ("case", "seed"), [*((case, 0) for case in CASES), *(("every", seed) for seed in range(1, 4))]
)
def test_bodies(oracle: Any, operation: Any, case: str, seed: int) -> None:
    """The JSON of a request is that of botocore's serializer for the same values."""
    params = oracle.inputs(operation, case, seed)
    expected = oracle.serialized(operation, params)

    body = codec.encoder(oracle.request(operation, params))()

    assert json.loads(body) == json.loads(expected["body"])


def test_request_classes(oracle: Any, operation: Any) -> None:
    """A request class takes the members of the model, and needs those that the model requires."""
    fields = getattr(models, f"{operation.name}Request").__attrs_attrs__
    names = {xform_name(name) for name in operation.input_shape.members}
    required = {xform_name(name) for name in operation.input_shape.required_members}

    assert {field.name for field in fields} == names
    assert {field.name for field in fields if field.default is not None} == required


def test_calls(oracle: Any, operation: Any, client: ECRClient, server: Any) -> None:
    """A call by keywords or by a request object sends what botocore sends."""
    params = oracle.inputs(operation, "every")
    expected = oracle.serialized(operation, params)
    server.responses = [(200, {}, oracle.output(operation, "required"))]
    method = getattr(client, xform_name(operation.name))
    method(**oracle.members(operation, params, enums=True))
    method(oracle.request(operation, params))

    assert len(server.requests) == 2
    for sent in server.requests:
        assert (sent.method, sent.path) == (expected["method"], expected["url_path"])
        assert sent.headers["x-amz-target"] == expected["headers"]["X-Amz-Target"]
        assert sent.headers["content-type"] == expected["headers"]["Content-Type"]
        assert json.loads(sent.body) == json.loads(expected["body"])


def test_members_that_are_none_are_not_sent(
    oracle: Any, operation: Any, client: ECRClient, server: Any
) -> None:
    """An optional member that is None leaves no trace in what is sent."""
    params = oracle.inputs(operation, "required")
    absent = [xform_name(name) for name in operation.input_shape.members if name not in params]
    server.responses = [(200, {}, oracle.output(operation, "required"))]

    members = oracle.members(operation, params) | dict.fromkeys(absent)
    getattr(client, xform_name(operation.name))(**members)

    assert json.loads(server.requests[0].body) == json.loads(
        oracle.serialized(operation, params)["body"]
    )


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
@pytest.mark.parametrize("size", [0, 1, 2, 3, PIECE - 1, PIECE, PIECE + 1, 2 * PIECE])
def test_blobs(oracle: Any, kind: Any, size: int) -> None:
    """A blob of any length and any bytes-like type has the base64 text that botocore makes."""
    operation = oracle.service.operation_model("UploadLayerPart")
    params = oracle.inputs(operation, "required")
    blob = bytes(range(256)) * (size // 256 + 1)
    params["layerPartBlob"] = kind(blob[:size])
    expected = oracle.serialized(operation, {**params, "layerPartBlob": blob[:size]})

    body = codec.encoder(oracle.request(operation, params))()

    assert json.loads(body) == json.loads(expected["body"])
