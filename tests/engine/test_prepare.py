"""From a request object to a signed HTTP request, without any transport.

`tests/oracle` compares URL, headers, body and signature with those of botocore, and
`tests/secrets` looks for content in errors.
"""

from __future__ import annotations

import re
import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from ecr_client import Credentials, models, operations
from ecr_client._engine.http import HTTPRequest
from ecr_client._engine.prepare import encode, encoder, prepare
from ecr_client.endpoints import Endpoint

ENDPOINT = Endpoint("https://api.ecr.eu-west-1.amazonaws.com", "eu-west-1")
KEYS = Credentials("AKIDEXAMPLE", "s3cret/key", "t0ken")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
BODY = b'{"repositoryName": "app"}'


def prepared(**changes: Any) -> HTTPRequest:
    """Return the request of a call with some arguments changed."""
    arguments: dict[str, Any] = {
        "operation": operations.DESCRIBE_REPOSITORIES,
        "body": BODY,
        "endpoint": ENDPOINT,
        "credentials": KEYS,
        "now": NOW,
        "user_agent": "test/1",
        **changes,
    }
    return prepare(**arguments)


def signature(request: HTTPRequest) -> str:
    return request.headers["Authorization"].partition("Signature=")[2]


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{}"},
        {"operation": operations.DESCRIBE_IMAGES},
        {"credentials": attrs.evolve(KEYS, secret_key="another")},
        {"credentials": attrs.evolve(KEYS, token="another")},
        {"now": NOW + timedelta(seconds=1)},
        {"endpoint": Endpoint(ENDPOINT.url, "us-east-1")},
        {"endpoint": Endpoint(f"{ENDPOINT.url}/path", "eu-west-1")},
        {"headers": {"x-amz-meta": "1"}},
    ],
)
def test_what_the_signature_covers(change: dict[str, Any]) -> None:
    """Whatever the service acts upon changes the signature; what proxies may change does not."""
    plain = prepared()
    other = prepared(user_agent="test/2", headers={"X-Trace": "1", "x-amzn-trace-id": "2"})

    assert signature(prepared(**change)) != signature(plain) == signature(other)
    assert plain.body is BODY
    assert plain.purpose == "DescribeRepositories"


def test_additional_headers() -> None:
    """Additional headers are sent as they are; x-amz- ones are signed with single spaces."""
    headers = {"X-Amz-Meta": "a   b", "x-amzn-trace-id": "Root=1", "Via": "me"}
    request = prepared(headers=headers)
    signed = re.search("SignedHeaders=([^,]+)", request.headers["Authorization"])

    assert {name: request.headers[name] for name in headers} == headers
    assert signed
    assert set(signed[1].split(";")) & {"x-amz-meta", "x-amzn-trace-id", "via"} == {"x-amz-meta"}
    assert signature(request) == signature(prepared(headers={"x-amz-meta": "a b"}))


def test_a_body_is_allocated_once() -> None:
    """A body is allocated where the request is checked, not in the thread that encodes its blob."""
    blob = bytes(3 * 2**20)
    request = models.UploadLayerPartRequest(
        repository_name="app",
        upload_id="u",
        part_first_byte=0,
        part_last_byte=len(blob) - 1,
        layer_part_blob=blob,
    )
    encode(operations.UPLOAD_LAYER_PART, request)  # loads modules first
    tracemalloc.start()
    try:
        encode_blob = encoder(operations.UPLOAD_LAYER_PART, request)
        allocated, peak = tracemalloc.get_traced_memory()
        body = encode_blob()
        filled = tracemalloc.get_traced_memory()[1]
    finally:
        tracemalloc.stop()

    assert len(body) <= allocated <= peak < len(body) + 2**16
    assert filled < len(body) + 2**20
