"""From a request object to a signed HTTP request, without any transport."""

from __future__ import annotations

import re
import traceback
import tracemalloc
from datetime import datetime, timedelta, timezone
from typing import Any

import attrs
import pytest

from ecr_client import Credentials, models, operations
from ecr_client._engine.http import HTTPRequest
from ecr_client._engine.prepare import encode, encoder, prepare
from ecr_client.endpoints import Endpoint
from ecr_client.exceptions import ParamValidationException
from ecr_client.operations import OPERATIONS

ENDPOINT = Endpoint("https://api.ecr.eu-west-1.amazonaws.com", "eu-west-1")
KEYS = Credentials("AKIDEXAMPLE", "s3cret/key", "t0ken")
NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=timezone.utc)
BODY = b'{"repositoryName": "app"}'


def prepared(**changes: Any) -> HTTPRequest:
    """Return the request of a call in which something is otherwise."""
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


def signed_headers(request: HTTPRequest) -> list[str]:
    found = re.search("SignedHeaders=([^,]+)", request.headers["Authorization"])
    assert found
    return found[1].split(";")


# --- prepare --------------------------------------------------------------------------------------


def test_what_is_sent() -> None:
    """A call is a POST of the body, with the headers of the protocol and a signature."""
    request = prepared()
    headers = dict(request.headers)
    authorization = headers.pop("Authorization")

    assert (request.method, request.url) == ("POST", "https://api.ecr.eu-west-1.amazonaws.com/")
    assert request.body is BODY
    assert request.purpose == "DescribeRepositories"
    assert headers == {
        "Content-Type": "application/x-amz-json-1.1",
        "X-Amz-Target": "AmazonEC2ContainerRegistry_V20150921.DescribeRepositories",
        "User-Agent": "test/1",
        "X-Amz-Date": "20260102T030405Z",
        "X-Amz-Security-Token": "t0ken",
    }
    assert re.fullmatch(
        r"AWS4-HMAC-SHA256 Credential=AKIDEXAMPLE/20260102/eu-west-1/ecr/aws4_request, "
        r"SignedHeaders=content-type;host;x-amz-date;x-amz-security-token;x-amz-target, "
        r"Signature=[0-9a-f]{64}",
        authorization,
    )


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("http://localhost:4566", "http://localhost:4566/"),
        ("https://proxy.example.org/ecr/", "https://proxy.example.org/ecr/"),
        ("https://[::1]:8443", "https://[::1]:8443/"),
    ],
)
def test_where_it_is_sent(url: str, expected: str) -> None:
    """A request goes to the URL of the endpoint, which has at least a slash for its path."""
    assert prepared(endpoint=Endpoint(url, "eu-west-1")).url == expected


def test_keys_without_a_token() -> None:
    """Without a session token there is no header for it."""
    request = prepared(credentials=Credentials("AKIDEXAMPLE", "s3cret/key"))

    assert "X-Amz-Security-Token" not in request.headers
    assert "x-amz-security-token" not in signed_headers(request)


@pytest.mark.parametrize(
    "change",
    [
        {"body": b"{}"},
        {"operation": operations.DESCRIBE_IMAGES},
        {"credentials": attrs.evolve(KEYS, secret_key="another")},
        {"credentials": attrs.evolve(KEYS, token="another")},
        {"now": NOW + timedelta(seconds=1)},
        {"endpoint": Endpoint(ENDPOINT.url, "us-east-1")},
        {"endpoint": Endpoint("https://ecr.eu-west-1.amazonaws.com", "eu-west-1")},
        {"endpoint": Endpoint(f"{ENDPOINT.url}/path", "eu-west-1")},
        {"headers": {"x-amz-meta": "1"}},
    ],
)
def test_what_the_signature_covers(change: dict[str, Any]) -> None:
    """Whatever the service acts upon changes the signature."""
    assert signature(prepared(**change)) != signature(prepared())


@pytest.mark.parametrize("change", [{"user_agent": "test/2"}, {"headers": {"X-Trace": "1"}}])
def test_what_the_signature_does_not_cover(change: dict[str, Any]) -> None:
    """What proxies may change on the way does not change the signature."""
    assert signature(prepared(**change)) == signature(prepared())


def test_further_headers() -> None:
    """Further headers are sent as they are; those that begin with x-amz- are signed."""
    headers = {"X-Amz-Meta": "a  b", "x-amzn-trace-id": "Root=1", "Via": "me"}
    request = prepared(headers=headers)

    assert {name: request.headers[name] for name in headers} == headers
    assert "x-amz-meta" in signed_headers(request)
    assert not {"x-amzn-trace-id", "via"} & {*signed_headers(request)}


def test_spaces_in_signed_headers() -> None:
    """A signature is over the canonical form of a header, in which each space stands alone."""
    wide, narrow = (prepared(headers={"x-amz-meta": text}) for text in ("a   b", "a b"))

    assert signature(wide) == signature(narrow)
    assert wide.headers["x-amz-meta"] == "a   b"


def test_a_request_shows_no_secret() -> None:
    """The repr of a prepared request shows neither keys nor signature, headers or content."""
    request = prepared(body=b"c0ntent", headers={"x-amz-meta": "h34der"})
    shown = repr(request)

    for secret in ("AKID", "s3cret", "t0ken", "h34der", "c0ntent"):
        assert secret not in shown
    assert signature(request) not in shown


# --- encode ---------------------------------------------------------------------------------------


BAD: dict[str, tuple[str, Any, str]] = {
    # Operation, request, text.
    "another request": (
        "DescribeImages",
        models.ListImagesRequest(repository_name="app"),
        r"DescribeImages: request must be a DescribeImagesRequest, got ListImagesRequest",
    ),
    "no request": (
        "DescribeImages",
        None,
        r"DescribeImages: request must be a DescribeImagesRequest, got NoneType",
    ),
    "missing": (
        "DescribeImages",
        models.DescribeImagesRequest(repository_name=None),  # type: ignore[arg-type]
        r"DescribeImages: repository_name is required",
    ),
    "too short": (
        "DescribeImages",
        models.DescribeImagesRequest(repository_name="a"),
        r"DescribeImages: repository_name must have at least 2 characters.*'a'",
    ),
    "wrong type": (
        "DescribeImages",
        models.DescribeImagesRequest(repository_name="app", max_results="9"),  # type: ignore[arg-type]
        r"DescribeImages: max_results must be .*int",
    ),
    "wrong item": (
        "DescribeImages",
        models.DescribeImagesRequest(repository_name="app", image_ids=[5]),  # type: ignore[list-item]
        r"DescribeImages: image_ids\[0\] must be of type ImageIdentifier",
    ),
    "member of an item": (
        "DescribeImages",
        models.DescribeImagesRequest(
            repository_name="app",
            image_ids=[
                models.ImageIdentifier(image_tag="1"),
                models.ImageIdentifier(image_digest=5),  # type: ignore[arg-type]
            ],
        ),
        r"DescribeImages: image_ids\[1\]\.image_digest must be .*str",
    ),
}


@pytest.mark.parametrize("case", BAD)
def test_bad_requests(case: str) -> None:
    """The error message names the operation, the member and what it has to be."""
    name, request, text = BAD[case]
    with pytest.raises(ParamValidationException, match=f"^{text}") as caught:
        encode(OPERATIONS[name], request)

    assert caught.value.operation_name == name


def test_errors_hold_no_content() -> None:
    """No frame of the codec is left, whose variables are the content of the request."""
    request = models.UploadLayerPartRequest(
        repository_name="app",
        upload_id=7,  # type: ignore[arg-type]
        part_first_byte=0,
        part_last_byte=6,
        layer_part_blob=b"c0ntent",
    )
    with pytest.raises(ParamValidationException) as caught:
        encode(operations.UPLOAD_LAYER_PART, request)
    error = caught.value
    shown = traceback.TracebackException.from_exception(error, capture_locals=True)

    assert [frame.name for frame in shown.stack][1:] == ["encode", "encoder"]
    assert error.__cause__ is error.__context__ is None
    assert "c0ntent" not in str(shown.stack[-1].locals)


def test_a_body_is_allocated_once() -> None:
    """A body is allocated where the request is checked, not in the thread that encodes its blob."""
    blob = bytes(3 * 2**20)
    request = models.UploadLayerPartRequest(
        repository_name="app",
        upload_id="upload",
        part_first_byte=0,
        part_last_byte=len(blob) - 1,
        layer_part_blob=blob,
    )
    encode(operations.UPLOAD_LAYER_PART, request)  # loads what it needs
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
