"""Plain data with wire names is what boto3 takes and returns."""

from __future__ import annotations

import json
from datetime import datetime, timezone
from typing import Any

import pytest
from botocore.validate import validate_parameters

from ecr_client import from_dict, models, to_dict
from ecr_client._engine import codec


def json_of(value: Any) -> Any:
    """Return boto3's data after a round trip through JSON, with times in UTC."""

    def iso(when: datetime) -> str:
        zoned = when if when.tzinfo else when.replace(tzinfo=timezone.utc)
        return zoned.astimezone(timezone.utc).isoformat()

    return json.loads(json.dumps(value, default=iso))


@pytest.mark.parametrize("case", ["required", "every", "empty", "unicode"])
def test_requests(oracle: Any, operation: Any, case: str) -> None:
    """A request as plain data is accepted by botocore, and sent with the same members."""
    params = oracle.inputs(operation, case)
    request = oracle.request(operation, params)
    plain = to_dict(request, "wire", include_secrets=True)
    if "layerPartBlob" in plain:  # base64, as the AWS CLI has it; boto3 has bytes
        plain["layerPartBlob"] = params["layerPartBlob"]
    validate_parameters(plain, operation.input_shape)

    assert plain == params
    assert from_dict(type(request), params) == request


@pytest.mark.parametrize("case", ["every", "enums", "numbers", "unicode"])
def test_results(oracle: Any, operation: Any, case: str) -> None:
    """A result as plain data is what boto3 returns, and the other way round."""
    body = oracle.output(operation, case)
    expected = oracle.parsed(operation, body)
    del expected["ResponseMetadata"]
    result_class = getattr(models, f"{operation.name}Result")
    result = codec.decode(body, result_class)

    assert json_of(to_dict(result, "wire", include_secrets=True)) == json_of(expected)
    assert from_dict(result_class, expected) == result
